"""Both ways of a step have one loss, and a loss that differs is told."""

import pandas as pd
import pytest
import torch

from benchmarks import steps
from vasolib.study import ROOT, Study

STUDY = Study.load(ROOT)
LAPTOP = STUDY.scale_named("laptop")


@pytest.mark.parametrize("arm", ["mae", "vasomim"])
def test_a_pretraining_step_has_the_plain_loss(arm):
    row = steps.pretraining_row(STUDY, arm, LAPTOP, steps.pictures(2, 128), "a step", 3, turns=1)
    assert row.step == "a step" and row.ratio > 0 and "losses differ by" in row.same


def test_the_overhead_is_over_the_same_step_for_both_segmentors():
    plain, ours, usual = steps.overhead_rows(STUDY, LAPTOP, steps.pictures(2, 128), "small", 1.4, turns=1)
    assert plain.step == "VasoMIM over MAE of its mask ratio, small, segmentor plain" and ours.step.endswith("ours")
    assert plain.same == ours.same and usual.step == "VasoMIM over MAE that hides 75 %, small, segmentor ours"


def test_another_loss_or_other_gradients_fail():
    layer = torch.nn.Linear(2, 1)

    def trained(scale: float = 1.0, added: float = 0.0) -> steps.Trained:
        """The same loss whatever the scale of its gradients."""
        loss = lambda: layer(torch.ones(1, 2)).square().sum() + 2.0  # noqa: E731
        return layer, lambda: scale * loss() + (1 - scale) * loss().detach() + added

    assert steps.agreement(trained(), trained()).startswith("losses differ by 0e+00, gradients by 0e+00 in fp32; ")
    with pytest.raises(AssertionError, match="in fp32 losses are"):
        steps.agreement(trained(), trained(added=0.01))
    with pytest.raises(AssertionError, match="gradients differ by 5e-01"):
        steps.agreement(trained(), trained(scale=0.5))


def test_the_plain_segmentor_is_ours():
    images = torch.rand(1, 3, 64, 64)
    assert torch.allclose(steps.plain_judge()(images), steps.our_judge()(images), atol=1e-4)


def test_rows_are_chosen_and_written(tmp_path):
    assert steps.main(["--rows", "finetuning", "--turns", "1", "--results", str(tmp_path)]) == 0
    assert list(pd.read_csv(tmp_path / "steps.csv")["step"]) == ["fine-tuning step, laptop scale"]
