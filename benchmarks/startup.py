"""`python -m benchmarks.startup`: what a stage costs before its notebook's own work begins.

A notebook that does nothing but import what pre-training imports goes through the whole chain (DVC, papermill, kernel,
HTML) in a throw-away copy of this project with its whole pipeline and dvc.lock: with a new interpreter at each step,
and as forks of a nursery. Both must leave the same files. Also the seconds of `import vasolib`, and of what each stage
imports before it finds the nursery.
"""

__all__ = ["Start", "main", "stage_row"]

import argparse
import json
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from math import nan
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from benchmarks.side_by_side import seconds, step_parser, told_rows
from vasolib import nursery
from vasolib.pipeline import warm_start
from vasolib.scheduler import dvc_environment
from vasolib.study import ROOT, Study
from vasolib.workspace import copy_project

NAME = "startup"  # of the run, and of the stage
NOTEBOOK = "40_pretrain"
SETUP_CELLS = 3  # title, parameters, imports


@dataclass(frozen=True)
class Start:
    """Seconds of a start, plain and ours (medians, least and largest of ours), the aim, what was compared."""

    step: str
    plain_s: float
    ours_s: float
    least_s: float
    largest_s: float
    aim_s: float
    same: str


def import_row(module: str, aim: float, turns: int) -> Start:
    """Importing a module in a new interpreter, without the interpreter's own start."""
    code = f"from time import perf_counter as now; start = now(); import {module}; print(now() - start)"
    times = [float(subprocess.check_output([sys.executable, "-c", code], cwd=ROOT)) for _ in range(turns)]
    return Start(f"import {module}", nan, statistics.median(times), min(times), max(times), aim, "")


def copy_with_stage(folder: Path) -> Study:
    """This project in `folder`, with a stage more, whose notebook ends after the imports of NOTEBOOK."""
    study = copy_project(ROOT, folder, {"run": NAME, "scale": "smoke"})
    shutil.copy(ROOT / "dvc.lock", folder)
    notebook = json.loads((ROOT / "notebooks" / f"{NOTEBOOK}.ipynb").read_text(encoding="utf-8"))
    notebook["cells"] = notebook["cells"][:SETUP_CELLS]
    (folder / "notebooks" / f"{NAME}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    pipeline = yaml.safe_load((folder / "dvc.yaml").read_text(encoding="utf-8"))
    pipeline["stages"][NAME] = {"cmd": f"python -m vasolib.run {NAME} run={NAME}", "deps": [f"notebooks/{NAME}.ipynb"]}
    (folder / "dvc.yaml").write_text(yaml.safe_dump(pipeline), encoding="utf-8")
    return study


def repro(root: Path, *through: str, environment: dict[str, str]) -> tuple[bytes, ...]:
    """Run the stage by `python -m through dvc`; its executed notebook and HTML."""
    files = [root / "executed" / NAME / f"{NAME}.{ending}" for ending in ("ipynb", "html")]
    for path in files:
        path.unlink(missing_ok=True)
    command = [sys.executable, "-m", *through, "dvc", "repro", "--force", "--single-item", NAME]
    done = subprocess.run(command, cwd=root, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(f"the stage failed: {done.stdout}{done.stderr}")
    return tuple(path.read_bytes() for path in files)


def stage_row(turns: int) -> Start:
    """The whole chain, plainly and from a nursery, by turns."""
    with TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        with warm_start(copy_with_stage(root)):
            warm = dvc_environment()
            cold = {name: value for name, value in warm.items() if name != nursery.ADDRESS}

            def plain() -> tuple[bytes, ...]:
                return repro(root, environment=cold)

            def ours() -> tuple[bytes, ...]:
                return repro(root, "vasolib.nursery", environment=warm)

            if plain() != ours():
                raise AssertionError("the executed notebooks differ")
            return compared(plain, ours, turns)


def compared(plain: Callable[[], object], ours: Callable[[], object], turns: int) -> Start:
    """Both ways timed by turns; each was called before."""
    slow, fast = zip(*((seconds(plain), seconds(ours)) for _ in range(turns)), strict=True)
    same = "executed notebook and HTML byte for byte"
    median = statistics.median
    return Start("a stage without work", median(slow), median(fast), min(fast), max(fast), 4.0, same)


def rows(given: argparse.Namespace) -> list[Start]:
    """Imports, then a stage."""
    imports = [import_row(module, 0.1, given.turns) for module in ("vasolib", "vasolib.run")]
    return [*imports, stage_row(given.turns)]


def main(arguments: list[str] | None = None) -> int:
    """Command line, see --help."""
    options = step_parser("startup", "Seconds before a notebook's own work begins.")
    return told_rows(options.parse_args(arguments), "startup", rows)


if __name__ == "__main__":
    raise SystemExit(main())
