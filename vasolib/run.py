"""`python -m vasolib.run NOTEBOOK key=value ...`: one notebook, headless, with its parameters checked.

Streams what the notebook prints, keeps the executed copy as .ipynb and HTML in executed/<run>/, and records wall
time, peak memory and versions in work/<run>/runtimes/.
"""

__all__ = ["declared_parameters", "kernel_environment", "label", "main", "run_notebook", "wanted_processes"]

import os
import platform
import re
import resource
import sys
import time
from contextlib import suppress
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import yaml

from vasolib import nursery
from vasolib.errors import UserError, nearest
from vasolib.files import write_json
from vasolib.orphans import end_with_parent
from vasolib.pages import publish
from vasolib.remedies import LESS_MEMORY, remedy
from vasolib.study import ROOT, Study

PROCESSES = "VASOLIB_PROCESSES"  # the environment variable that says how many processes share each training
SET_UP = "say `make setup`, then `source .venv/bin/activate`"
VERSIONS = ("torch", "timm", "numpy", "scikit-image")


def label(notebook: str, parameters: dict[str, str]) -> str:
    """The name of one execution: the notebook and its parameters, such as 40_pretrain_vasomim.

    Without `run`, which is a folder of its own, and `processes`, whose number changes no result.

    A second parameter follows a dash, so that labels 50 of the arm mae is not the arm mae_50.
    """
    values = "-".join(str(value) for key, value in parameters.items() if key not in ("run", "processes"))
    return "_".join(filter(None, [notebook, values]))


def declared_parameters(notebook: Path) -> dict[str, str]:
    """Names and defaults of the cell tagged `parameters`."""
    from papermill import inspect_notebook

    return {name: p["default"] for name, p in inspect_notebook(str(notebook)).items()}


def check(notebook: Path, parameters: dict[str, str]) -> None:
    """UserError for a notebook that is not there or a parameter that it does not declare."""
    if not notebook.is_file():
        names = [path.stem for path in notebook.parent.glob("*.ipynb")]
        raise UserError(f"there is no notebook {notebook.stem!r}: {nearest(notebook.stem, names)}")
    declared = declared_parameters(notebook)
    for name in parameters:
        if name not in declared:
            raise UserError(f"{notebook.name} has no parameter {name!r}: {nearest(name, declared)}")


def wanted_processes() -> int:
    """How many processes share each training: what VASOLIB_PROCESSES says, else 1. UserError for no such number."""
    text = os.environ.get(PROCESSES) or "1"
    if not re.fullmatch("[1-9][0-9]{0,3}", text):
        raise UserError(f"PROCESSES={text} is not a number of processes: give a whole number, 1 or more")
    return int(text)


def shared(notebook: Path, parameters: dict[str, str]) -> dict[str, str]:
    """The parameters, and `processes` where more than one are wanted and the notebook has it and was given no other."""
    wanted = wanted_processes()
    if wanted == 1 or "processes" in parameters or "processes" not in declared_parameters(notebook):
        return parameters
    return {**parameters, "processes": wanted}


def run_notebook(name: str, parameters: dict[str, str]) -> None:
    """Execute notebooks/<name>.ipynb with the repository's root as working directory.

    Raises:
        UserError: see `check` and `wanted_processes`; or the notebook failed, with the last line of its error.
    """
    notebook = ROOT / "notebooks" / f"{name}.ipynb"
    check(notebook, parameters)
    parameters = shared(notebook, parameters)
    study = Study.open(parameters["run"])
    os.environ.update(kernel_environment(study.scale.threads))
    output = study.root / "executed" / study.params.run / f"{label(name, parameters)}.ipynb"
    output.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    try:
        execute(notebook, output, parameters)
    except UserError:
        with suppress(OSError, ValueError):  # as far as there is something to show
            publish(output)
        raise
    publish(output)
    record(study, label(name, parameters), time.monotonic() - started)


def kernel_environment(threads: int) -> dict[str, str]:
    """What the kernel inherits; OpenMP reads its settings once, when torch is imported."""
    matplotlib = Path(find_spec("matplotlib").origin).parent
    return {
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "OMP_WAIT_POLICY": "PASSIVE",  # spinning threads on busy cores cost up to forty times the work
        "MALLOC_MMAP_THRESHOLD_": str(2**30),  # else glibc gives each large tensor back to the system and
        "MALLOC_TRIM_THRESHOLD_": str(2**31),  # asks again, which costs processor time in every step
        "MALLOC_TOP_PAD_": str(2**26),
        "MPLBACKEND": "agg",
        "MATPLOTLIBRC": str(matplotlib / "mpl-data" / "matplotlibrc"),  # and not a file of the user's
        "IPYTHONDIR": str(ROOT / "executed" / ".ipython"),  # likewise: no start-up file runs before a notebook
        "PYTHONSTARTUP": "",
        "PYTHONPATH": "",  # its folders would come before the working directory, whose `vasolib` is the run's
        "HF_HUB_OFFLINE": "1",
        "JUPYTER_PREFER_ENV_PATH": "1",  # the kernel of this interpreter, not one of the same name elsewhere
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }


def execute(notebook: Path, output: Path, parameters: dict[str, str]) -> None:
    """Papermill, with the kernel's failures turned into one line."""
    from nbclient.exceptions import DeadKernelError
    from papermill import PapermillExecutionError, execute_notebook

    try:
        execute_notebook(
            str(notebook), str(output), parameters=parameters, kernel_name="python3", cwd=str(ROOT),
            progress_bar=False, stdout_file=sys.stdout, stderr_file=sys.stderr,
        )  # fmt: skip
    except PapermillExecutionError as error:
        if error.ename == "UserError":
            raise UserError(error.evalue) from None
        where = output.relative_to(Path.cwd()) if output.is_relative_to(Path.cwd()) else output
        what = f"{error.ename}: {error.evalue}"
        details = "; ".join(filter(None, [remedy(what), f"all of it: {where}"]))
        raise UserError(f"{notebook.name} failed with {what} ({details})") from None
    except DeadKernelError:
        peak = peak_mib()
        raise UserError(
            f"the kernel of {notebook.name} was killed at a peak of {peak} MiB, most likely for memory: {LESS_MEMORY}"
        ) from None
    except RuntimeError as error:  # which is all that nbclient says of a kernel that did not start
        raise UserError(f"{notebook.name} did not start ({error}): give the same command again") from None


def peak_mib() -> int:
    """Largest resident size of any ended child process so far, MiB."""
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / unit)


def cpu_name() -> str:
    """The processor as the system names it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def record(study: Study, name: str, seconds: float) -> None:
    """Write how long an execution took and on what, for the report and the next run's forecast."""
    facts = {
        "stage": name,
        "seconds": round(seconds, 1),
        "peak_mib": peak_mib(),
        "threads": study.scale.threads,
        "cores": os.cpu_count(),
        "cpu": cpu_name(),
        **{package: version(package) for package in VERSIONS},
    }
    write_json(study.work("runtimes", f"{name}.json"), facts)
    print(f"{name}: {seconds:.0f} s, peak {facts['peak_mib']} MiB", flush=True)


def parsed_pair(pair: str) -> tuple[str, object]:
    """Name and value of `key=value`, the value a YAML scalar."""
    name, text = pair.split("=", 1)
    try:
        return name, yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):
        raise UserError(f"{pair} cannot be read: give a number, a word, true or false after the =") from None


def main(arguments: list[str]) -> int:
    """Command line: the notebook's name, then key=value pairs read as YAML scalars."""
    end_with_parent()
    status = nursery.ask(nursery.STAGE, arguments)
    if status is not None:  # a warm process has done it
        return status
    try:
        if not arguments or any("=" not in pair for pair in arguments[1:]):
            raise UserError("usage: python -m vasolib.run NOTEBOOK key=value ... (run=<name> is always needed)")
        parameters = dict(parsed_pair(pair) for pair in arguments[1:])
        if not isinstance(parameters.get("run"), str):
            raise UserError("run=<name> is missing: say which run the notebook belongs to, such as run=smoke")
        run_notebook(arguments[0], parameters)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        print(f"error: {error.name} is not installed for {sys.executable}: {SET_UP}", file=sys.stderr)
        return 1
    except OSError as error:
        where = error.filename or f"below {ROOT}"
        print(f"error: {arguments[0]}: {error.strerror or error}, {where}: {remedy(str(error))}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
