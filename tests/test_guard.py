"""What is told of a training that goes wrong, and what is not."""

import pandas as pd
import pytest
import torch
from torch import nn

from vasolib.guard import EXPLODED, Watch


class Batches:
    """Names of the images of each step."""

    def images(self, epoch: int, step: int) -> list[str]:
        return [f"{epoch}-{step}-a", f"{epoch}-{step}-b"]


def watched(tmp_path, *epochs: list[float]) -> Watch:
    """A watch that has seen epochs of gradients of these norms."""
    model = nn.Linear(1, 1, bias=False)
    watch = Watch(model, tmp_path / "suspects.csv", 0.1)
    for number, norms in enumerate(epochs):
        for norm in norms:
            model.weight.grad = torch.tensor([[-float(norm)]])
            watch.see(torch.tensor(2.0))
        watch.judge("arm", number, Batches())
    return watch


def test_the_norm_is_that_of_all_trained_parameters_together(tmp_path):
    model = nn.Linear(2, 1)
    model.bias.requires_grad_(False)
    watch = Watch(model, tmp_path / "s.csv", 0.1)
    model.weight.grad, model.bias.grad = torch.tensor([[3.0, 4.0]]), torch.tensor([100.0])
    watch.see(torch.tensor(2.0, requires_grad=True))
    assert watch.seen[0].tolist() == [2, 5] and not watch.seen[0].requires_grad


def test_ordinary_epochs_leave_no_word_and_no_file(tmp_path, capsys):
    watched(tmp_path, [1, 2, 900], [30, 0.5, 0.2], [0, 0, 0], [0.1, 7, 0])
    assert capsys.readouterr().out == "" and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "epochs", [[[1, 1, 1.1 * EXPLODED]], [[1, 1, 1], [1.1 * EXPLODED] * 3], [[0, 0, 0], [1, 1, 2 * EXPLODED]]]
)
def test_a_gradient_beyond_all_proportion_is_told_with_its_images(tmp_path, capsys, epochs):
    watched(tmp_path, *epochs)
    told = capsys.readouterr().out
    assert told.startswith(f"warning: arm epoch {len(epochs)}: the norm of the gradients rose to ")
    listed = pd.read_csv(tmp_path / "suspects.csv")
    large = [step for step, norm in enumerate(epochs[-1]) if norm > 10]
    assert f"in {len(large)} of 3 steps" in told
    assert listed["image"].tolist() == [name for step in large for name in Batches().images(len(epochs) - 1, step)]
    assert (listed["gradient_norm"] > EXPLODED).all() and (listed["loss"] == 2).all()


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_the_first_step_that_is_no_number_ends_the_training(tmp_path, bad):
    with pytest.raises(FloatingPointError, match=r"arm: loss 2, norm of the gradients \w+ in epoch 2, step 2; .*0.1"):
        watched(tmp_path, [1, 1], [1, bad, bad])
    assert pd.read_csv(tmp_path / "suspects.csv")["image"].tolist() == Batches().images(1, 1)


def test_what_was_written_down_before_stays(tmp_path):
    watched(tmp_path, [1, 1, 2 * EXPLODED], [1, 1, 1], [1, 1, 3 * EXPLODED])
    assert pd.read_csv(tmp_path / "suspects.csv")["epoch"].tolist() == [1, 1, 3, 3]
    watched(tmp_path, [1, 1, 1], [2 * EXPLODED, 1, 1])  # as after an interruption: the next one adds to the file
    watched(tmp_path, [1, 1, 2 * EXPLODED])  # and a step that is taken again is there once
    assert sorted(pd.read_csv(tmp_path / "suspects.csv")["epoch"]) == [1, 1, 2, 2, 3, 3]
