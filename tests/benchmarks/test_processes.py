"""Two processes beside one: what is timed is the same training."""

import pytest

from benchmarks import processes
from vasolib.settings import Arm
from vasolib.study import ROOT, Study


def test_losses_that_differ_are_not_reported():
    assert "3 steps differ by 0.0e+00" in processes.agreement([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    with pytest.raises(AssertionError, match=r"differ by 5\.0e-01"):
        processes.agreement([1.0, 2.0], [1.0, 1.0])


@pytest.mark.parametrize("weak", [True, False])
def test_a_row_times_groups_that_agree(weak: bool):
    scale = Study.load(ROOT).scale_named("smoke")
    row = processes.row("doll", Arm(), scale, weak, steps=1, turns=5)
    assert row.step == f"doll, two processes, {16 if weak else 8} images each"
    assert row.ratio > 0 and row.aim == 1.7 and "losses of 3 steps" in row.same
    assert float(row.same.split("; two that have nothing in common: ")[1]) > 0


def test_processes_apart_train_on_the_whole_batch_each():
    scale = Study.load(ROOT).scale_named("smoke")
    one, apart = processes.Group(1, Arm(), scale, 8), processes.Group(2, Arm(), scale, 8, apart=True)
    assert one.steps(2) == apart.steps(2)
    one.steps(0), apart.steps(0)
