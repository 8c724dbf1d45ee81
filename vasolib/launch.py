"""Trainings as commands, and several processes of one: under torchrun, or by

    python -m vasolib.launch PROCESSES MODULE key=value ...

which is torchrun on this machine with its account of a failure made one line, and what notebooks start.
"""

__all__ = ["command", "launch", "main"]

import inspect
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable

import torch
from torch.distributed.elastic.multiprocessing import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

from vasolib.distributed import process_group
from vasolib.errors import UserError
from vasolib.orphans import end_with_parent
from vasolib.study import ROOT, Study


def command(work: Callable[..., None], arguments: list[str]) -> int:
    """Exit status of a training's command line: its key=value pairs handed to `work`, here or under torchrun.

    Wrong input is one line.
    """
    end_with_parent()
    try:
        with process_group():
            parameters = pairs(work, arguments)
            torch.set_num_threads(Study.open(parameters["run"]).scale.threads)
            work(**parameters)
    except (UserError, FloatingPointError) as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        return 1
    return 0


def pairs(work: Callable[..., None], arguments: list[str]) -> dict[str, str]:
    """The parameters of `work` from key=value pairs; UserError with its usage where they do not fit."""
    expected = inspect.signature(work)
    given = dict(argument.partition("=")[::2] for argument in arguments)
    try:
        expected.bind(**given)
    except TypeError as error:
        usage = " ".join(f"{name}=<{name}>" for name in expected.parameters)
        raise UserError(f"{error}; usage: {usage}") from None
    return given


def launch(processes: int, module: str, **parameters: str) -> None:
    """Run `python -m module key=value ...` as so many processes on this machine and print their lines as they come.

    Raises:
        UserError: it failed, with the reason.
    """
    given = [f"{key}={value}" for key, value in parameters.items()]
    child = subprocess.Popen(
        [sys.executable, "-m", "vasolib.launch", str(processes), module, *given],
        cwd=ROOT, encoding="utf-8", errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    reason = f"{module} failed, see above"
    with child:
        try:
            for line in child.stdout:
                print(line, end="", flush=True)
                reason = line.removeprefix("error: ").rstrip() if line.startswith("error: ") else reason
        except BaseException:
            child.terminate()
            raise
    if child.returncode:
        raise UserError(reason)


def blame(exitcode: int) -> tuple[int, int]:
    """The smaller, the likelier is a process with this exit code the one that the others ended for."""
    ended = exitcode == -signal.SIGTERM
    return (2 if ended else int(exitcode > 0)), exitcode


def main(arguments: list[str]) -> int:
    """Command line, see above."""
    from torch.distributed.run import parse_args, run

    end_with_parent()
    if len(arguments) < 2 or not arguments[0].isdigit():
        print("error: usage: python -m vasolib.launch PROCESSES MODULE key=value ...", file=sys.stderr)
        return 1
    processes, module, *given = arguments
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # not its advice on how parameters without use are found
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    try:
        run(parse_args(["--standalone", f"--nproc-per-node={processes}", "-m", module, *given]))
    except ChildFailedError as failed:
        # one that was killed rather than those that ended because of it, or that torchrun then ended by SIGTERM
        number, failure = min(failed.failures.items(), key=lambda item: blame(item[1].exitcode))
        if failure.exitcode < 0:  # others have told themselves
            print(
                f"error: process {number} of {processes} was ended by signal {-failure.exitcode} "
                f"({failure.signal_name()}), and so were the others; the same command goes on after the last "
                "saved epoch",
                file=sys.stderr,
                flush=True,
            )
        return 1
    except SignalException:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
