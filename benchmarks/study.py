"""`python -m benchmarks.study`: the whole study, plain `dvc repro` beside independent stages side by side.

The plain way runs one stage after another with all threads each, ours so many stages at once with one thread each, in
copies of the project that are thrown away, at scale smoke. Ours also starts stages warm: a second row compares with one
job that does, and is about running side by side alone. The number of threads changes the last bits, and training
carries them on: tables are compared within the tolerances of `vasolib.verify`. `--profile RUN` instead shows where the
recorded time of a run went.
"""

__all__ = ["carry_out", "compare_runs", "main", "profile", "profile_of", "project", "study_rows"]

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import yaml

from benchmarks.command import parser, told
from benchmarks.side_by_side import Row, report, seconds
from vasolib.agreement import compare, disagreements, read_tables
from vasolib.cores import available_cores
from vasolib.errors import UserError
from vasolib.pipeline import stages_of_part
from vasolib.scheduler import dvc_environment
from vasolib.study import ROOT, Study
from vasolib.verify import EXPECTED, SCALE, read_tolerances, recorded
from vasolib.workspace import copy_project

PART = "v1"  # what is timed; the extended part's stages are of the same kinds


def project(root: Path, threads: int) -> Study:
    """A copy of this project in `root`, to be run at scale smoke with so many threads a stage."""
    scales = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))["scales"]
    scales[SCALE]["threads"] = threads
    return copy_project(ROOT, root, {"run": SCALE, "scale": SCALE, "scales": scales})


def carry_out(study: Study, *module: str, environment: dict[str, str] | None = None) -> None:
    """`python -m module` in a project, with these variables too. UserError with its last lines when it fails."""
    done = subprocess.run(
        [sys.executable, "-m", *module], cwd=study.root, env=dvc_environment() | (environment or {}),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    if done.returncode:
        raise UserError(f"{' '.join(module)} failed: {done.stdout[-2000:]}")


def compare_runs(plain: Study, ours: Study) -> str:
    """How the tables and training logs of two runs at scale smoke agree, in words.

    Raises:
        AssertionError: a table or row is in one alone, words differ, or numbers are further apart than is to be
            expected of another number of threads, see `vasolib.verify`.
    """
    cells = compare(read_tables(recorded(plain, PART)), read_tables(recorded(ours, PART)), read_tolerances(EXPECTED))
    if lines := disagreements(cells):
        raise AssertionError(f"{len(lines)} cells differ by more than another number of threads explains: {lines[0]}")
    return f"{len(cells):,} cells of {cells['file'].nunique()} tables agree as runs with other threads do"


def study_rows(jobs: int) -> list[Row]:
    """Time each way once, in copies that are thrown away, and compare their tables."""
    cores = available_cores()
    with TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        plain, one, many = project(root / "plain", cores), project(root / "one", cores), project(root / "many", 1)
        stages = [stage.name for stage in stages_of_part(plain, PART)]
        arguments = "--scale", SCALE, "--part", PART, "--jobs"
        cold = seconds(lambda: carry_out(plain, "dvc", "repro", *stages))
        alone = seconds(lambda: carry_out(one, "vasolib.pipeline", *arguments, "1"))
        ours = seconds(lambda: carry_out(many, "vasolib.pipeline", *arguments, str(jobs)))
        print(f"dvc repro {cold:.0f} s, one job {alone:.0f} s, {jobs} jobs {ours:.0f} s")
        what = f"whole study of the first paper, {SCALE}, {jobs} jobs of one thread beside"
        return [
            once(f"{what} `dvc repro`", cold, ours, compare_runs(plain, many)),
            once(f"{what} one of {cores}, started alike", alone, ours, compare_runs(one, many)),
        ]


def once(step: str, plain: float, ours: float, same: str) -> Row:
    """The row of two times (s) measured once."""
    ratio = plain / ours
    return Row(step, 1e3 * plain, 1e3 * ours, ratio, ratio, ratio, 2, same)


def profile(times: pd.DataFrame, notebooks: list[str]) -> pd.DataFrame:
    """Stages, seconds and share of the whole (per cent) of each notebook, longest first.

    Args:
        times: columns stage (labels that begin with a notebook's name) and seconds.
    """
    owner = [max((n for n in notebooks if label.startswith(n)), key=len, default=label) for label in times["stage"]]
    table = times.groupby(np.array(owner))["seconds"].agg(["count", "sum"]).reset_index()
    table.columns = ["notebook", "stages", "seconds"]
    table["share"] = 100 * table["seconds"] / table["seconds"].sum()
    return table.sort_values("seconds", ascending=False, ignore_index=True)


def profile_of(times: pd.DataFrame) -> pd.DataFrame:
    """`profile` of this project's notebooks."""
    return profile(times, [path.stem for path in (ROOT / "notebooks").glob("*.ipynb")])


def show_profile(run: str) -> None:
    """Print the profile of a run's recorded times."""
    path = ROOT / "results" / run / "runtimes.csv"
    if not path.is_file():
        raise UserError(f"{path} is missing: `make study` writes it at its end")
    print(profile_of(pd.read_csv(path)).to_string(index=False, float_format="%.1f"))


def main(arguments: list[str] | None = None) -> int:
    """Command line, see --help."""
    options = parser("study", "The whole study, plainly and side by side.", real=False)
    options.set_defaults(results=ROOT / "results" / "benchmarks")
    options.add_argument("--jobs", type=int, default=2, help="stages side by side (default: 2)")
    options.add_argument("--profile", metavar="RUN", help="show where the recorded time of this run went, run nothing")
    given = options.parse_args(arguments)
    if given.profile:
        return told(lambda: show_profile(given.profile))
    return told(lambda: report(study_rows(given.jobs), given.results, "study"))


if __name__ == "__main__":
    raise SystemExit(main())
