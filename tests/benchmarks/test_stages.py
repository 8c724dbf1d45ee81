"""Five notebooks in a row leave nothing behind; what is left behind is noticed."""

import subprocess
import sys
from functools import partial

import pandas as pd
import pytest

from benchmarks import stages
from vasolib.orphans import DRIVER
from vasolib.scheduler import dvc_environment

ROW = {"stages": 10, "processes": 1, "handles": 8, "nursery_mib": 300.0, "temporary": 0, "kernels": 0}


@pytest.mark.skipif(sys.platform != "linux", reason="forks are used on Linux alone")
def test_five_stages_leave_nothing_behind(monkeypatch: pytest.MonkeyPatch):
    few = partial(stages.nursery.opened, libraries=("ipykernel.kernelapp",))
    monkeypatch.setattr(stages.nursery, "opened", few)
    monkeypatch.setattr(stages, "COLD", 2)
    table = stages.run_stages(5, 2)
    assert list(table["stages"]) == [2, 4, 5] and set(table["processes"]) == {1}
    assert "nothing is left behind after 2 and after 5 stages" in stages.check(table)
    assert stages.started_here() == []


def test_processes_started_for_this_one_are_found_with_their_children(monkeypatch: pytest.MonkeyPatch):
    # The inner one speaks: what Popen has only just started may not have its environment yet.
    inner = "print('up', flush=True); input()"
    code = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {inner!r}]); input()"
    environment = dvc_environment()
    assert environment[DRIVER]
    child = subprocess.Popen(
        [sys.executable, "-c", code], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        child.stdout.readline()
        assert len(stages.started_here()) == 2
        monkeypatch.setattr(stages, "PATIENCE", 0.2)
        assert len(stages.settled(1)) == 2
    finally:
        child.communicate("\n")  # the end of what both read
    assert len(stages.settled(0)) == 0


@pytest.mark.parametrize("name", ["processes", "handles", "temporary", "kernels"])
def test_what_is_left_behind_fails(name: str):
    assert "nothing is left" in stages.check(pd.DataFrame([ROW, ROW | {"nursery_mib": 310.0}]))
    with pytest.raises(AssertionError, match=f"something is left behind .*{name} {ROW[name]} then {ROW[name] + 1}"):
        stages.check(pd.DataFrame([ROW, ROW | {name: ROW[name] + 1}]))


def test_too_few_stages_are_refused(capsys: pytest.CaptureFixture):
    assert stages.main(["--stages", "3"]) == 1
    assert "give more than 10 stages" in capsys.readouterr().err
