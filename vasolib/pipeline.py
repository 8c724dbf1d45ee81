"""`python -m vasolib.pipeline`: run what is stale of the study, independent stages side by side.

`dvc repro` does the same work one stage at a time. This adds: other scales and real data in folders of their own,
several jobs, a forecast from recorded run times, and a list of where the results are.
"""

__all__ = ["main", "run_stages"]

import argparse
import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import AbstractContextManager, nullcontext, suppress
from itertools import product
from pathlib import Path

from vasolib import nursery
from vasolib.cores import usual_jobs
from vasolib.doctor import no_scm_needed
from vasolib.errors import UserError
from vasolib.files import atomic
from vasolib.leftovers import check_alone, clear, exclusive, forget_stage
from vasolib.lockfile import parsed
from vasolib.orphans import end_orphans
from vasolib.remedies import remedy
from vasolib.run import kernel_environment, label
from vasolib.scheduler import BUSY, RETRIES, Runner, Stage, dvc_environment, forecast, minutes, plan
from vasolib.study import ROOT, Study
from vasolib.whole import stage_seconds, write_whole
from vasolib.workspace import open_workspace

PARTS = ("v1", "v2", "all")  # the first paper's stages, the extended paper's, both; neither needs one of the other's


def dvc(root: Path, *arguments: str) -> str:
    """Output of a DVC command in the folder `root`; UserError with what it says when it fails."""
    command = [sys.executable, "-m", "dvc", *arguments]
    for _ in range(RETRIES):
        done = subprocess.run(command, cwd=root, env=dvc_environment(), capture_output=True, text=True)
        if not any(words in done.stderr for words in BUSY):
            break
        time.sleep(1.0)  # what an interrupted run left is ending
    if done.returncode:
        raise UserError(f"dvc {arguments[0]} failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def last_seconds(study: Study) -> dict[str, float]:
    """Seconds of each execution by its label: this machine's last ones, else those in the run's table, else those of
    the same scale on synthetic data."""
    import pandas as pd

    seconds = {}
    for name, part in product((study.params.scale, study.params.run), ("", "v2")):
        with suppress(OSError, ValueError, KeyError):  # no table, or a damaged one, which only a forecast is made of
            table = pd.read_csv(ROOT / "results" / name / part / "runtimes.csv", dtype={"seconds": float})
            seconds |= dict(table[["stage", "seconds"]].itertuples(index=False))
    return seconds | stage_seconds(study)


def stages_of(study: Study) -> list[Stage]:
    """All stages in an order in which each comes after what it needs."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo
    from networkx import topological_sort

    seconds = last_seconds(study)
    with Repo(str(study.root)) as repo:
        try:
            graph = repo.index.graph
        except DvcException as error:
            raise UserError(
                f"{error}: dvc.yaml does not fit the parameters; put back what was changed in dvc.yaml, params.yaml or "
                "params_v2.yaml, such as by `git checkout dvc.yaml`"
            ) from None
        ordered = list(topological_sort(graph.reverse()))
        return [Stage(s.name, frozenset(n.name for n in graph[s]), seconds.get(label_of(s.cmd))) for s in ordered]


def label_of(command: str) -> str:
    """The label of a stage's command `python -m vasolib.run NOTEBOOK key=value ...`."""
    notebook, *pairs = command.split()[3:]
    return label(notebook, dict(pair.split("=", 1) for pair in pairs))


def stages_of_part(study: Study, part: str) -> list[Stage]:
    """Those of `stages_of` that belong to one of PARTS: the extended paper's are called v2_<kind>."""
    return [stage for stage in stages_of(study) if part == "all" or stage.name.startswith("v2_") == (part == "v2")]


def recorded(root: Path) -> set[str]:
    """Names of the stages in the folder's lock file: those that were ever run to their end."""
    lock = root / "dvc.lock"
    return set(parsed(lock.read_text(encoding="utf-8")).get("stages") or ()) if lock.exists() else set()


def changed_outs(reasons: list) -> list[str]:
    """Files and folders that somebody or something changed, among what `dvc status` says of a stage."""
    outs = [reason.get("changed outs", {}) for reason in reasons if isinstance(reason, dict)]
    return [path for changes in outs for path, how in changes.items() if how == "modified"]


def run_stages(study: Study, jobs: int, warm: bool, part: str = "all") -> None:
    """Run what is stale, from a nursery if `warm`. UserError naming the stages that failed; what is done stays done."""
    stages = stages_of_part(study, part)
    status = json.loads(dvc(study.root, "status", "--json"))
    todo = plan(stages, set(status))
    for stage in set(stages) - set(todo):
        forget_stage(study.unfinished(stage.name))
    if not todo:
        print("Nothing to do: every stage is up to date.")
        return
    known = recorded(study.root)
    for stage in [stage for stage in todo if stage.name in known]:
        for path in changed_outs(status.get(stage.name, [])):
            print(f"{path} is not as {stage.name} wrote it: it is made again, or taken from DVC's cache", flush=True)
    print(f"{len(todo)} of {len(stages)} stages to run with {jobs} jobs: {forecast(todo, jobs)}.", flush=True)
    before, started = stage_seconds(study, part), time.monotonic()
    with warm_start(study) if warm else nullcontext():
        failed = Runner(study.root, study.unfinished(), todo, jobs).run()
    took = time.monotonic() - started
    print(f"The run took {minutes(took)}.", flush=True)
    if not before and not failed and len(todo) == len(stages):  # all of it, at one go
        write_whole(study, part, jobs, took)
    if failed:
        raise UserError(
            f"failed: {', '.join(failed)} (see above). What is done is kept; the same command goes on from it"
        )


def warm_start(study: Study) -> AbstractContextManager:
    """A nursery whose forks find what a stage started anew would find."""
    return nursery.opened(study.root, dvc_environment() | kernel_environment(study.scale.threads))


def copy_whole(source: str, target: str) -> None:
    """Copy a file so that the target is never a part of it."""
    with atomic(Path(target)) as temporary:
        shutil.copy2(source, temporary)


def publish(study: Study) -> None:
    """Bring the tables and figures of a run in a folder of its own beside those of the checkout; say where they are."""
    for kind in ("results", "figures"):
        target = ROOT / kind / study.params.run
        if study.root != ROOT:
            shutil.copytree(getattr(study, kind)(), target, dirs_exist_ok=True, copy_function=copy_whole)
        print(f"{kind}: {target.relative_to(ROOT)}")
    for page in ("report.html", "v2/report.html"):
        if (path := ROOT / "results" / study.params.run / page).is_file():
            print(f"report: {path.relative_to(ROOT)}")
    print(f"executed notebooks: {(study.root / 'executed' / study.params.run).relative_to(ROOT)}")


def print_times(stages: list[Stage]) -> None:
    """How long each stage took when it last ran."""
    for stage in stages:
        print(f"  {stage.name:28s} " + ("not timed" if stage.seconds is None else f"{stage.seconds:8.1f} s"))


def interrupt(*_: object) -> None:
    """End the run, as from the keyboard; what ends it is not interrupted in turn."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def main(arguments: list[str] | None = None) -> int:
    """Command line, see --help."""
    parser = argparse.ArgumentParser(prog="python -m vasolib.pipeline", description="Run what is stale of the study.")
    parser.add_argument("--scale", default="laptop", help="smoke, laptop or paper (default: laptop)")
    parser.add_argument("--data", type=Path, help="folder, or archive of one, with a sub-folder per real data set")
    parser.add_argument("--weights", type=Path, help="folder with files of published encoders, for the extended part")
    parser.add_argument("--jobs", type=int, help="stages side by side (default: with a GPU 1, else all cores)")
    parser.add_argument("--part", choices=PARTS, default="all", help="v1, v2 (the extended paper's) or all (default)")
    parser.add_argument("--cold", action="store_true", help="let each stage import everything itself")
    given = parser.parse_args(arguments)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    try:
        jobs = usual_jobs() if given.jobs is None else given.jobs
        if jobs < 1:
            raise UserError(f"JOBS={jobs} is not a number of jobs: give 1 or more")
        study = open_workspace(given.scale, given.data, given.weights, given.part)
        with exclusive(study.root):
            end_orphans(study.root)
            check_alone(study)
            clear(study)
            if no_scm_needed(study.root):
                dvc(study.root, "config", "--local", "core.no_scm", "true")
            warm = sys.platform == "linux" and not given.cold
            run_stages(study, jobs, warm=warm, part=given.part)
            print_times(stages_of_part(study, given.part))
            publish(study)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except (OSError, sqlite3.Error) as error:  # the latter of DVC's own files
        print(f"error: {error}: {remedy(str(error))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted: the same command goes on from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
