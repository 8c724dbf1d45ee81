"""Starting, watching and killing runs of the pipeline, and looking at what they leave."""

import glob
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import yaml

from vasolib.pipeline import PARTS

MARK = "VASOLIB_TEST_RUN"  # environment variable that all processes of a run inherit
BEGUN = re.compile(r"^\[\d+/\d+\] ", re.MULTILINE)
EPOCH = re.compile(r"^  (\S+): (.*) epoch (\d+)/(\d+) ", re.MULTILINE)
WHOLE = tuple(f"whole_{part}.json" for part in PARTS)
NOT_COMPARED = ("runtimes.csv", "costs.csv", "run.json", "report.html", *WHOLE)  # say how long it took, or show who did


class Run:
    """`python -m vasolib.pipeline` of a project, in a process group of its own, its lines in a file."""

    def __init__(self, project: Path, log: Path, *arguments: str, code: str = "pass") -> None:
        """Start it; `code` goes before the pipeline's own, in its process."""
        self.project, self.log, self.mark = project, log, uuid.uuid4().hex
        source = f"import sys; from vasolib import pipeline; {code}; sys.exit(pipeline.main(sys.argv[1:]))"
        environment = {**os.environ, MARK: self.mark, "PYTHONPATH": str(project)}
        with open(log, "w", encoding="utf-8") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-c", source, "--scale", "smoke", "--jobs", "2", *arguments],
                cwd=project, env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip

    @property
    def output(self) -> str:
        """All that it has printed so far."""
        return self.log.read_text(encoding="utf-8")

    def wait(self, seconds: float = 600) -> int:
        """Its exit status."""
        return self.process.wait(seconds)

    def wait_for(self, seen: Callable[[], object], seconds: float = 120) -> None:
        """Wait until `seen` is true, or the run is over."""
        until = time.monotonic() + seconds
        while not seen() and self.process.poll() is None:
            assert time.monotonic() < until, self.output
            time.sleep(0.02)

    def wait_until_stages_run(self) -> None:
        """Wait until the first stage has been started."""
        self.wait_for(lambda: BEGUN.search(self.output))

    def wait_for_a_state(self) -> None:
        """Wait until a training has saved one to go on from."""
        self.wait_for(lambda: self.unfinished_bytes("*.pt"))

    def unfinished_bytes(self, name: str) -> int:
        """Size of the largest such file that it could go on from; 0 without any.

        Folders and files may go while they are looked at: `glob` passes over such folders, `rglob` stops with an error.
        """
        found = glob.glob(f"{self.project}/work/smoke/unfinished/**/{name}", recursive=True, include_hidden=True)
        return max((size_if_there(path) for path in found), default=0)

    def processes(self) -> list[psutil.Process]:
        """All that belong to it and run, in whichever session."""
        return [process for process in psutil.process_iter() if belongs(process, self.mark)]

    def kill_group(self) -> None:
        """SIGKILL to the process group, as a terminal's window that is closed or an impatient user sends."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def kill_all(self) -> None:
        """SIGKILL to all processes at once, as near as there is to a power cut."""
        for process in self.processes():
            process.kill()
        self.process.wait()

    def is_gone(self, seconds: float = 10.0) -> bool:
        """Whether no process of it is left, so many seconds from now at the latest."""
        until = time.monotonic() + seconds
        while self.processes():
            if time.monotonic() > until:
                return False
            time.sleep(0.05)
        return True


def size_if_there(path: str) -> int:
    """Bytes of a file; 0 of one that has just gone."""
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


def belongs(process: psutil.Process, mark: str) -> bool:
    """Whether a process was started, however indirectly, with this mark, and has not ended."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE and process.environ().get(MARK) == mark
    except psutil.Error:
        return False


def finished(project: Path, log: Path, *arguments: str) -> Run:
    """A run that went on to its end."""
    run = Run(project, log, *arguments)
    assert run.wait(3000) == 0, run.output
    return run


def made(project: Path) -> dict[str, bytes]:
    """Bytes of the tables, figures and trained networks of a project, by their names."""
    paths = [p for kind in ("results", "figures", "work") for p in (project / kind).rglob("*") if p.is_file()]
    kept = [p for p in paths if p.name not in NOT_COMPARED and not {"runtimes", "seconds", "unfinished"} & set(p.parts)]
    return {path.relative_to(project).as_posix(): path.read_bytes() for path in sorted(kept)}


def half_done(project: Path) -> list[str]:
    """What no finished run may leave in its folder: temporary files, unfinished work, sockets, records of locks."""
    found = [p for p in project.rglob("*") if p.name.endswith((".tmp", ".sums")) or "unfinished" in p.parent.parts]
    found += [p for p in project.rglob("*") if p.is_socket()]
    rwlock = project / ".dvc" / "tmp" / "rwlock"
    if rwlock.exists() and '"pid"' in rwlock.read_text(encoding="utf-8"):
        found.append(rwlock)
    return [p.relative_to(project).as_posix() for p in found if p != project / ".dvc" / "tmp"]


def recorded(project: Path) -> set[str]:
    """Stages that DVC has recorded as done; none where its file was just being written."""
    try:
        return set(yaml.safe_load((project / "dvc.lock").read_text(encoding="utf-8"))["stages"])
    except (OSError, yaml.YAMLError, TypeError, KeyError):
        return set()


def trainings(output: str) -> Iterator[tuple[str, str, int, int]]:
    """Stage, name, epoch and epochs of each line of a training."""
    for stage, name, epoch, epochs in EPOCH.findall(output):
        yield stage, name, int(epoch), int(epochs)
