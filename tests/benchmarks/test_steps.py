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
    plain, ours = steps.overhead_rows(STUDY, LAPTOP, steps.pictures(2, 128), "small", 1.4, turns=1)
    assert plain.step == "VasoMIM over MAE of its mask ratio, small, segmentor plain" and ours.step.endswith("ours")
    assert plain.same == ours.same


def test_another_loss_fails():
    same = steps.agreement(lambda: torch.tensor(2.0), lambda: torch.tensor(2.0))
    assert same.startswith("losses differ by 0e+00")
    with pytest.raises(AssertionError, match=r"plain loss is 2\.0, ours 2\.00"):
        steps.agreement(lambda: torch.tensor(2.0), lambda: torch.tensor(2.001))


def test_the_plain_segmentor_is_ours():
    images = torch.rand(1, 3, 64, 64)
    assert torch.allclose(steps.plain_judge()(images), steps.our_judge()(images), atol=1e-4)


def test_rows_are_chosen_and_written(tmp_path):
    assert steps.main(["--rows", "finetuning", "--turns", "1", "--results", str(tmp_path)]) == 0
    assert list(pd.read_csv(tmp_path / "steps.csv")["step"]) == ["fine-tuning step, laptop scale"]
