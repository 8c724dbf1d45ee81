"""`python -m benchmarks.recordings --real FOLDER`: the extended part on real recordings, as far as it needs no arm.

How redundant a real corpus is, and what detectors from scratch find of real stenoses. The folder is laid out as
docs/data.md says and holds a set of boxes. The pipeline's own stages do it, in the run of `make study PART=v2
DATA=FOLDER`, whose other stages are left for that command.
"""

__all__ = ["TABLES", "collect", "main", "measure"]

import argparse
import shutil
import sys
from pathlib import Path

import pandas as pd

from benchmarks.command import parser, told
from vasolib.errors import UserError
from vasolib.files import write_csv
from vasolib.leftovers import exclusive
from vasolib.pipeline import dvc
from vasolib.published import summarise
from vasolib.study import ROOT
from vasolib.v2.published import BOXES
from vasolib.v2.study import Extended
from vasolib.workspace import open_workspace

TABLES = ("data.csv", "redundancy.csv", "leaks.csv", "near_duplicates.csv")
BOXED = "boxes_from_scratch.csv"


def measure(folder: Path, results: Path, scale: str) -> Path:
    """Run the stages and bring their tables to results/<run>/v2; where they are.

    Raises:
        UserError: the folder has no set of boxes, or a stage failed.
    """
    study = open_workspace(scale, folder, part="v2")
    extended = Extended.beside(study)
    if set(extended.params.sets["boxes"]) & set(extended.params.twins):
        raise UserError(f"{folder} has no set with boxes.csv: import one, see docs/data.md")
    with exclusive(study.root):
        for stage in ("v2_redundancy", *(f"v2_scratch_detect@{arm}" for arm in extended.params.detect.scratch)):
            print(stage, flush=True)
            dvc(study.root, "repro", stage)
    return collect(extended, results / study.params.run / "v2")


def collect(extended: Extended, target: Path) -> Path:
    """The stages' tables in a folder, with mean ± sd over runs of each detector's scores."""
    target.mkdir(parents=True, exist_ok=True)
    for name in TABLES:
        shutil.copy(extended.results(name), target / name)
    paths = [extended.work("detect", arm, "scores.csv") for arm in extended.params.detect.scratch]
    write_csv(target / BOXED, summarise(pd.concat(map(pd.read_csv, paths)), dict(BOXES)))
    return target


def run(given: argparse.Namespace) -> None:
    """Measure and print."""
    folder = measure(given.real, given.results, given.scale)
    print(pd.read_csv(folder / BOXED).to_string(index=False, float_format="%.2f"), folder, sep="\n")


def main(arguments: list[str] | None = None) -> int:
    """Command line, see --help."""
    options = parser("recordings", "Redundancy of real recordings, and detection of real stenoses from scratch.")
    options.add_argument("--scale", default="laptop", help="smoke, laptop or paper (default: laptop)")
    options.set_defaults(results=ROOT / "results")
    given = options.parse_args(arguments)
    return told(lambda: run(given))


if __name__ == "__main__":
    sys.exit(main())
