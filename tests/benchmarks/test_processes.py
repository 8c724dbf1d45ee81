"""Two processes beside one: what is timed is the same training."""

import numpy as np
import pytest

from benchmarks import processes
from vasolib.settings import Arm
from vasolib.study import ROOT, Study


class Answers:
    """A group that answers with given losses and changes of the weights, an array a process."""

    def __init__(self, losses: list[float], *moved: np.ndarray) -> None:
        self.losses, self.changes = losses, [np.asarray(change, float) for change in moved]

    def steps(self, count: int) -> list[float]:
        return self.losses

    def moved(self) -> list[np.ndarray]:
        return self.changes


def test_what_differs_is_not_reported():
    one = Answers([1.0, 2.0, 3.0], [1, 2])
    same = processes.agreement(one, Answers([1.0, 2.0, 3.0], [1, 2], [1, 2]))
    assert same == "losses of 3 steps differ by 0.0e+00, the weights' change by 0.0e+00 of theirs"
    with pytest.raises(AssertionError, match=r"differ by 5\.0e-01"):
        processes.agreement(one, Answers([1.0, 1.0, 3.0], [1, 2], [1, 2]))
    with pytest.raises(AssertionError, match="gradients are not shared"):
        processes.agreement(one, Answers([1.0, 2.0, 3.0], [1, 2], [1, 2.1]))
    with pytest.raises(AssertionError, match="otherwise than one: by 4"):
        processes.agreement(one, Answers([1.0, 2.0, 3.0], [1, 1], [1, 1]))


def test_a_half_of_the_batch_changes_the_weights_otherwise_than_the_whole():
    """So processes that share no gradients are found out, by the weights where not by the losses."""
    scale = Study.load(ROOT).scale_named("smoke")
    whole, half = processes.Group(1, Arm(), scale, 8), processes.Group(1, Arm(), scale, 4)
    losses = [group.steps(processes.CHECKED) for group in (whole, half)]
    (one,), (other,) = whole.moved(), half.moved()
    whole.steps(0), half.steps(0)
    with pytest.raises(AssertionError, match="otherwise than one"):
        processes.agreement(Answers(losses[0], one), Answers(losses[0], other, other))


@pytest.mark.parametrize("weak", [True, False])
def test_a_row_times_groups_that_agree(weak: bool):
    scale = Study.load(ROOT).scale_named("smoke")
    row = processes.row("doll", Arm(), scale, weak, steps=1, turns=5)
    assert row.step == f"doll, two processes, {16 if weak else 8} images each"
    assert row.ratio > 0 and row.aim == 1.7 and "losses of 3 steps" in row.same and "weights' change" in row.same
    assert float(row.same.split("; two that have nothing in common: ")[1]) > 0


def test_processes_apart_train_on_the_whole_batch_each():
    scale = Study.load(ROOT).scale_named("smoke")
    one, apart = processes.Group(1, Arm(), scale, 8), processes.Group(2, Arm(), scale, 8, apart=True)
    assert one.steps(2) == apart.steps(2)
    one.steps(0), apart.steps(0)
