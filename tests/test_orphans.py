"""Killing a driver ends its stages, and all that these started."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.processes import ended_within
from vasolib.orphans import DRIVER, end_orphans, end_tree, lives

ROOT = Path(__file__).resolve().parents[1]
SLEEP = "[sys.executable, '-c', 'import time; time.sleep(60)']"
STAGE = f"""
import subprocess, sys, time
from vasolib.orphans import end_with_parent
end_with_parent(every=0.1)
child = subprocess.Popen({SLEEP})
print(child.pid, flush=True)
time.sleep(60)
"""
DRIVING = f"""
import os, subprocess, sys, time
stage = subprocess.Popen([sys.executable, '-c', {STAGE!r}], env={{**os.environ, **ENVIRONMENT}})
print(stage.pid, flush=True)
time.sleep(60)
"""
BETWEEN = f"""
import subprocess, sys
subprocess.run([sys.executable, '-c', {STAGE!r}])
"""  # outlives a killed driver, as DVC and its shell do


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen]]:
    """Starts Python code whose output is read; ends all of it afterwards."""
    started: list[psutil.Process] = []
    pipes: list[subprocess.Popen] = []

    def begin(code: str, **environment: str) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True
        )
        pipes.append(process)
        started.append(psutil.Process(process.pid))
        return process

    yield begin
    for process in started:
        with contextlib.suppress(psutil.Error):
            for below in [*process.children(recursive=True), process]:
                below.kill()
    for process in pipes:
        process.wait()
        process.stdout.close()


def test_a_stage_and_its_child_end_with_a_killed_parent(start: Callable[..., subprocess.Popen]):
    driver = start(DRIVING.replace("ENVIRONMENT", repr({DRIVER: "0"})))
    stage, child = int(driver.stdout.readline()), int(driver.stdout.readline())
    assert lives(stage) and lives(child)
    driver.kill()
    driver.wait()
    assert ended_within(8, stage, child)


def test_a_stage_ends_with_a_killed_driver_though_its_parent_lives_on(start: Callable[..., subprocess.Popen]):
    driver = start("import time; print('up', flush=True); time.sleep(60)")
    driver.stdout.readline()
    between = start(BETWEEN, **{DRIVER: str(driver.pid)})
    child = int(between.stdout.readline())
    stage = psutil.Process(child).ppid()
    assert lives(stage) and lives(child) and psutil.Process(stage).ppid() == between.pid
    driver.kill()  # not collected yet, so the system still lists it
    assert ended_within(8, stage, child)


def test_the_end_of_a_tree_is_waited_for(start: Callable[..., subprocess.Popen]):
    driver = start(DRIVING.replace("ENVIRONMENT", repr({DRIVER: "0"})))
    tree = driver.pid, int(driver.stdout.readline()), int(driver.stdout.readline())
    end_tree(driver.pid)
    assert not any(map(lives, tree))
    driver.wait()
    end_tree(driver.pid)  # it is gone


def test_what_works_for_a_driver_that_is_gone_is_ended(start: Callable[..., subprocess.Popen], tmp_path: Path):
    waiting = "import os, time; os.chdir(PLACE); print('up', flush=True); time.sleep(60)"
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    orphan, driven, elsewhere = (
        start(waiting.replace("PLACE", repr(str(place))), **{DRIVER: str(driver)})
        for place, driver in ((tmp_path, gone.pid), (tmp_path, os.getpid()), (ROOT, gone.pid))
    )
    for process in (orphan, driven, elsewhere):
        process.stdout.readline()
    end_orphans(tmp_path)
    assert not lives(orphan.pid) and lives(driven.pid) and lives(elsewhere.pid)


def test_a_process_lives_until_it_has_ended():
    assert lives(os.getpid())
    process = subprocess.Popen([sys.executable, "-c", ""])
    assert ended_within(8, process.pid)  # before it is collected
    process.wait()
    assert not lives(process.pid)
