"""Which stages are stale, how long they will take, and running them side by side."""

__all__ = ["BUSY", "RETRIES", "Runner", "Stage", "dvc_environment", "forecast", "minutes", "plan", "urgent_first"]

import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

from vasolib.leftovers import forget_stage
from vasolib.orphans import DRIVER, end_tree
from vasolib.remedies import remedy

BUSY = (  # what is said where a moment later all is well: DVC, of another of its processes; a kernel, of its port
    "is busy",
    "Unable to acquire lock",
    "Address already in use",
)
RETRIES = 20
NOISE = (  # what a reader of the progress lines need not know
    *BUSY,
    "IPKernelApp",
    "Running stage",
    "> python -m",
    "Updating lock file",
    "dvc push",
    "To track the changes with git",
    "git add dvc.lock",
    "To enable auto staging",
    "dvc config core.autostage",
)


@dataclass(frozen=True)
class Stage:
    """A stage of dvc.yaml: its name, the stages it waits for, and the seconds it took last time (None: unknown)."""

    name: str
    needs: frozenset[str]
    seconds: float | None


def plan(stages: list[Stage], changed: set[str]) -> list[Stage]:
    """The stages to run: those that changed and all that come after them, in order."""
    stale: set[str] = set()
    for stage in stages:
        if stage.name in changed or stage.needs & stale:
            stale.add(stage.name)
    return [stage for stage in stages if stage.name in stale]


def urgent_first(todo: list[Stage]) -> list[Stage]:
    """The stages, given in order, by how much time they and the longest chain of what waits for them take.

    A stage then comes after what it needs still, and no job stands idle at the end for a long chain begun late.
    """
    seconds: dict[str, float] = {}
    for stage in reversed(todo):
        behind = max((seconds[other.name] for other in todo if stage.name in other.needs), default=0.0)
        seconds[stage.name] = behind + (stage.seconds or 1.0)
    return sorted(todo, key=lambda stage: -seconds[stage.name])


def minutes(seconds: float) -> str:
    """Seconds as people say them."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def forecast(todo: list[Stage], jobs: int) -> str:
    """Expected time of the stages, as far as they were timed before."""
    known = [stage.seconds for stage in todo if stage.seconds is not None]
    if not known:
        return "never run here, so no forecast"
    expected = minutes(sum(known) / min(jobs, len(todo)))
    return f"about {expected}" + ("" if len(known) == len(todo) else f" for the {len(known)} that ran before")


def dvc_environment() -> dict[str, str]:
    """Variables for DVC: `python` in stage commands is this interpreter, and nothing is sent anywhere."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return {**os.environ, "PATH": path, DRIVER: str(os.getpid()), "DVC_NO_ANALYTICS": "1", "PYTHONUNBUFFERED": "1"}


class Runner:
    """Starts stages whose needs are met, at most `jobs` at a time, and prints their lines behind their names.

    What a stage left in its folder below `unfinished`, to go on from, is removed once DVC has recorded its results.
    """

    def __init__(self, root: Path, unfinished: Path, todo: list[Stage], jobs: int) -> None:
        self.root, self.unfinished, self.jobs = root, unfinished, jobs
        self.waiting = urgent_first(todo)
        self.total = len(todo)
        self.running: dict[str, subprocess.Popen] = {}
        self.begun: dict[str, tuple[Stage, float]] = {}  # when, by the monotonic clock
        self.failed: list[str] = []
        self.interrupted = False
        self.changed = threading.Condition()

    def run(self) -> list[str]:
        """Work until nothing can be started any more; the names of failed stages.

        An interrupt ends the stages that run, and all that they started, before it is passed on.
        """
        with self.changed:
            try:
                while True:
                    self.start_ready()
                    if not self.running:
                        return self.failed
                    self.changed.wait(timeout=1.0)
            except BaseException:
                self.interrupted = True
                for process in list(self.running.values()):
                    end_tree(process.pid)
                raise

    def start_ready(self) -> None:
        """Start what needs nothing that waits, runs or failed."""
        blocked = {stage.name for stage in self.waiting} | set(self.running) | set(self.failed)
        for stage in [s for s in self.waiting if not s.needs & blocked][: self.jobs - len(self.running)]:
            self.waiting.remove(stage)
            number = self.total - len(self.waiting)
            left = [s for s in (stage, *self.waiting) if s.seconds is not None] + self.under_way()
            last = "not timed yet" if stage.seconds is None else f"last time {minutes(stage.seconds)}"
            ahead = f" | {forecast(left, self.jobs)} left" if left else ""
            print(f"[{number}/{self.total}] {stage.name} | {last}{ahead}", flush=True)
            self.begun[stage.name] = stage, time.monotonic()
            self.running[stage.name] = self.popen(stage.name)
            threading.Thread(target=self.follow, args=(stage.name,), daemon=True).start()

    def under_way(self) -> list[Stage]:
        """The stages that run, with the seconds that should be left of each."""
        begun = [self.begun[name] for name in list(self.running)]
        timed = [(stage, time.monotonic() - start) for stage, start in begun if stage.seconds is not None]
        return [replace(stage, seconds=max(0.0, stage.seconds - gone)) for stage, gone in timed]

    def popen(self, name: str) -> subprocess.Popen:
        """`dvc repro` of one stage alone, from a nursery where one is open."""
        command = [sys.executable, "-m", "vasolib.nursery", "dvc", "repro", "--single-item", name]
        return subprocess.Popen(
            command, cwd=self.root, env=dvc_environment(), encoding="utf-8", errors="replace",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True,  # an interrupt from the keyboard reaches the driver alone, which ends all
        )  # fmt: skip

    def follow(self, name: str) -> None:
        """See a stage to its end, starting it again while DVC is only busy, and say so to `run` whatever happens."""
        failed = True
        try:
            for left in reversed(range(RETRIES + 1)):
                failed, busy = self.attend(name)
                if not (failed and busy and left):
                    if failed and busy:
                        print(f"  {name}: {busy}", flush=True)
                    break
                time.sleep(0.5)
                with self.changed:  # an interrupt ends what is in `running`, and nothing may be started behind it
                    if self.interrupted:
                        break
                    self.running[name] = self.popen(name)
            if not failed:
                forget_stage(self.unfinished / name)
        finally:
            with self.changed:
                del self.running[name]
                if failed:
                    self.failed.append(name)
                self.changed.notify()

    def attend(self, name: str) -> tuple[bool, str]:
        """Pass a stage's lines on until it ends: whether it failed, and the last line that says that DVC was busy."""
        process, busy, advice = self.running[name], "", ""
        for line in process.stdout:
            busy = line.strip() if any(words in line for words in BUSY) else busy
            advice = remedy(line) if line.startswith("ERROR: ") else advice  # DVC's own, which has none
            if line.strip() and not any(noise in line for noise in NOISE):
                print(f"  {name}: {line.rstrip()}", flush=True)
        failed = process.wait() != 0
        if failed and advice:
            print(f"  {name}: {advice}", flush=True)
        return failed, busy
