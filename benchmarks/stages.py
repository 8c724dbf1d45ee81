"""`python -m benchmarks.stages`: what hundreds of notebooks in a row leave behind, which must be nothing.

A notebook that prints a line goes through `vasolib.run` again and again in a throw-away copy of the project, as a fork
of a nursery and every tenth time with a new interpreter. Processes, files and sockets that the nursery holds,
temporary files and Jupyter's files about running kernels are counted after the first ones and along the way.
"""

__all__ = ["check", "main", "run_stages"]

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import psutil

from benchmarks.command import parser, told
from vasolib import nursery
from vasolib.errors import UserError
from vasolib.files import write_csv
from vasolib.orphans import DRIVER
from vasolib.run import kernel_environment
from vasolib.scheduler import dvc_environment
from vasolib.study import ROOT
from vasolib.workspace import copy_project

NAME = "stages"  # of the run, and of the notebook
COLD = 10  # every so many stages, one without the nursery
PATIENCE = 10.0  # seconds in which what a stage started must have ended
MIB = 2**20


def write_notebook(folder: Path) -> None:
    """A notebook that says which run it belongs to, with the frame of one of the study's."""
    notebook = json.loads((ROOT / "notebooks" / "10_data.ipynb").read_text(encoding="utf-8"))
    parameters, work = notebook["cells"][1:3]
    notebook["cells"] = [parameters, {**work, "source": ["print(run)"]}]
    (folder / "notebooks" / f"{NAME}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")


def started_here() -> list[psutil.Process]:
    """The processes that live and were started for this one: stages and all below them inherit its number."""
    found = []
    for process in psutil.process_iter():
        try:
            ours = process.environ().get(DRIVER) == str(os.getpid()) and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:  # ended, or another user's
            continue
        found += [process] if ours else []
    return found


def settled(wanted: int) -> list[psutil.Process]:
    """Those processes, once there are as few as wanted or patience has ended."""
    until = time.monotonic() + PATIENCE
    while len(found := started_here()) > wanted and time.monotonic() < until:
        time.sleep(0.1)
    return found


def count(stages: int, folders: dict[str, Path]) -> dict[str, object]:
    """One row, after so many stages: only the nursery should live."""
    processes = settled(1)
    first = min(processes, key=lambda process: process.create_time())
    entries = {name: sum(1 for _ in folder.rglob("*")) for name, folder in folders.items()}
    handles, memory = first.num_fds(), first.memory_info().rss / MIB
    return {"stages": stages, "processes": len(processes), "handles": handles, "nursery_mib": memory, **entries}


def run_stages(stages: int, every: int) -> pd.DataFrame:
    """Run so many; a row at the first COLD of them and after every so many."""
    with TemporaryDirectory() as scratch:
        root = copy_project(ROOT, Path(scratch).resolve() / "project", {"run": NAME, "scale": "smoke"}).root
        write_notebook(root)
        folders = {name: root.parent / name for name in ("temporary", "kernels")}
        for folder in folders.values():
            folder.mkdir()
        places = {"TMPDIR": str(folders["temporary"]), "JUPYTER_RUNTIME_DIR": str(folders["kernels"])}
        environment = dvc_environment() | kernel_environment(1) | places
        rows = []
        with nursery.opened(root, environment):
            warm = environment | {nursery.ADDRESS: os.environ[nursery.ADDRESS]}
            for number in range(1, stages + 1):
                stage(root, environment if number % COLD == 0 else warm)
                if number in (COLD, stages) or number % every == 0:
                    rows.append(count(number, folders))
                    print(rows[-1], flush=True)
    return pd.DataFrame(rows)


def stage(root: Path, environment: dict[str, str]) -> None:
    """Run the notebook once."""
    command = [sys.executable, "-m", "vasolib.run", NAME, f"run={NAME}"]
    done = subprocess.run(command, cwd=root, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(f"the stage failed: {done.stdout}{done.stderr}")


def check(table: pd.DataFrame) -> str:
    """What was found, in words.

    Raises:
        AssertionError: more processes than the nursery, or more handles or files at the end than at the start.
    """
    first, last = table.iloc[0], table.iloc[-1]
    counted = ["processes", "handles", "temporary", "kernels"]
    words = ", ".join(f"{name} {first[name]:.0f} then {last[name]:.0f}" for name in counted)
    words = f"after {first['stages']:.0f} and after {last['stages']:.0f} stages: {words}"
    if last["processes"] != 1 or any(last[name] > first[name] for name in counted):
        raise AssertionError(f"something is left behind {words}")
    return f"nothing is left behind {words} (the one process is the nursery)"


def run(given: argparse.Namespace) -> None:
    """Run, write the table and judge it."""
    if given.stages <= COLD or given.every < 1:
        raise UserError(
            f"--stages {given.stages} --every {given.every}: give more than {COLD} stages, rows 1 or more apart"
        )
    table = run_stages(given.stages, given.every)
    write_csv(given.results / "stages.csv", table)
    print(check(table))


def main(arguments: list[str] | None = None) -> int:
    """Command line, see --help."""
    options = parser("stages", "What many notebooks in a row leave behind.", real=False)
    options.set_defaults(results=ROOT / "results" / "reliability")
    options.add_argument("--stages", type=int, default=500, help="notebooks to run (default: 500)")
    options.add_argument("--every", type=int, default=50, help="stages between two rows (default: 50)")
    return told(lambda: run(options.parse_args(arguments)))


if __name__ == "__main__":
    raise SystemExit(main())
