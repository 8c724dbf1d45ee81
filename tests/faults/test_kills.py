"""A study killed at any moment, started again each time: the same bytes, nothing left over, nothing done twice."""

import random
import sys
import time
from pathlib import Path

import pytest

from tests.faults.runs import Run, finished, half_done, made, recorded, trainings
from vasolib.study import ROOT
from vasolib.workspace import copy_project

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are found by their environment in /proc")


class Story:
    """What several runs of one project trained, and what DVC had recorded when each was killed."""

    def __init__(self, project: Path) -> None:
        self.project = project
        self.recorded: set[str] = set()
        self.ended: set[tuple[str, str]] = set()  # trainings whose last epoch was seen
        self.repeated: list[tuple[str, str, int]] = []  # epochs of a recorded stage, or of a training that had ended

    def read(self, run: Run) -> None:
        """Take account of a run that is over."""
        for stage, name, epoch, epochs in trainings(run.output):
            if stage in self.recorded or (stage, name) in self.ended:
                self.repeated.append((stage, name, epoch))
            if epoch == epochs:
                self.ended.add((stage, name))
        self.recorded |= recorded(self.project)


def kill_and_go_on(project: Path, log: Path, moments: list[float], story: Story) -> None:
    """Start a project as often as there are moments, and kill it so many seconds after its first stage began.

    By turns the process group and all processes at once; a negative moment is one before any stage began.
    """
    runs = []
    for number, moment in enumerate(moments):
        runs.append(run := Run(project, log.with_name(f"{log.name}{number}")))
        if moment < 0:
            time.sleep(-moment)
        else:
            run.wait_until_stages_run()
            time.sleep(moment)
        (run.kill_all if number % 2 else run.kill_group)()
        if number % 4:  # else the next start comes at once
            assert run.is_gone(), run.processes()
        story.read(run)
        print(f"killed {number + 1}: {moment:.1f} s, {len(story.recorded)} stages recorded", flush=True)
    story.read(finished(project, log))
    assert not [process for run in runs for process in run.processes()]


def test_a_small_study_killed_three_times(undisturbed: tuple[Path, float], fresh: Path, tmp_path: Path):
    plain, seconds = undisturbed
    rng = random.Random(1)
    moments = [rng.uniform(0, seconds / 2) for _ in range(2)]
    story = Story(fresh)
    kill_and_go_on(fresh, tmp_path / "log", [*moments, -rng.uniform(0.5, 3)], story)
    assert made(fresh) == made(plain)
    assert half_done(fresh) == [] and story.ended and story.repeated == []


@pytest.mark.slow
def test_the_smallest_study_killed_twenty_times(tmp_path: Path):
    values = {"run": "smoke", "scale": "smoke"}
    plain, killed = (copy_project(ROOT, tmp_path / name, values).root for name in ("plain", "killed"))
    finished(plain, tmp_path / "plain.log")
    rng = random.Random(0)
    whole = started_and_ended(tmp_path / "plain.log")
    places = sorted(rng.uniform(0, whole) for _ in range(17))
    steps = [after - before for before, after in zip([0.0, *places], places, strict=False)]
    story = Story(killed)
    moments = rng.sample([*steps, *(-rng.uniform(0.2, 8) for _ in range(3))], 20)
    kill_and_go_on(killed, tmp_path / "log", moments, story)
    assert made(killed) == made(plain)
    assert half_done(killed) == [] and story.ended and story.repeated == []


def started_and_ended(log: Path) -> float:
    """Seconds that a run says it took."""
    line = next(line for line in log.read_text(encoding="utf-8").splitlines() if line.startswith("The run took "))
    number, unit = line.removeprefix("The run took ").removesuffix(".").split()
    return float(number) * (60 if unit == "min" else 1)
