"""Both ways of scoring are compared, and a difference is told."""

import numpy as np
import pytest

from benchmarks import scores


def test_equal_scores_are_told():
    row = scores.row(3, 5)
    assert row.same == f"all {2 * scores.EPOCHS * 3} scores equal" and row.ratio > 0


def test_other_scores_are_refused(monkeypatch):
    monkeypatch.setattr(scores, "plain_dsc", lambda prediction, label: float(np.mean(prediction == label)))
    with pytest.raises(AssertionError, match="differ"):
        scores.row(3, 5)
