"""Ctrl-C and SIGTERM: the run leaves at once, says how to go on, and leaves no process behind."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.faults.runs import Run, finished, half_done, made

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are found by their environment in /proc")
LAST = "interrupted: the same command goes on from here"


@pytest.mark.parametrize(
    ("number", "to_all", "arguments"),
    [(signal.SIGINT, True, ()), (signal.SIGTERM, False, ()), (signal.SIGINT, True, ("--cold",))],
    ids=["from the keyboard", "terminated", "from the keyboard, cold"],
)
def test_a_run_that_trains_leaves_at_once(
    undisturbed: tuple[Path, float], fresh: Path, tmp_path: Path, number: int, to_all: bool, arguments: tuple
):
    run = Run(fresh, tmp_path / "log", *arguments)
    run.wait_for_a_state()
    before = len(run.output)
    for _ in range(2):  # people press the keys twice
        os.killpg(run.process.pid, number) if to_all else run.process.send_signal(number)
        time.sleep(0.1)
    assert run.wait(10) == 130
    assert run.processes() == []  # already, not a second later
    lines = run.output[before:].splitlines()
    assert lines[-1] == LAST and not any("Traceback" in line or "rror" in line for line in lines)
    again = finished(fresh, tmp_path / "again")
    assert "continuing after epoch" in again.output
    assert made(fresh) == made(undisturbed[0]) and half_done(fresh) == []


def test_a_run_that_still_looks_what_is_stale_leaves_at_once(done: Path, tmp_path: Path):
    run = Run(done, tmp_path / "log")
    run.wait_for(lambda: len(run.processes()) > 1)  # DVC looks
    os.killpg(run.process.pid, signal.SIGINT)
    assert run.wait(10) == 130 and run.processes() == []
    assert run.output.splitlines() == [LAST]
