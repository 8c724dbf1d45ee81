"""The plain way draws the same masks in distribution; another distribution stops the benchmark."""

import pytest
import torch

from benchmarks import masking
from vasolib.masking import guided_masking, patch_weights, random_masking


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(masking, "DRAWS", 512)
    monkeypatch.setattr(masking, "BATCH", 4)


def test_the_plain_way_hides_half_and_vessels_first():
    guidance = masking.vessels(3)
    mask = masking.plain_masking(guidance, generator=torch.Generator().manual_seed(0))
    assert mask.shape == (3, 196) and (mask.sum(dim=1) == 98).all()
    weights = torch.nn.functional.avg_pool2d(guidance[:, None], masking.PATCH).flatten(1)
    assert ((mask * (weights > 0)).sum(dim=1) >= torch.clamp((weights > 0).sum(dim=1), max=49)).all()


def test_vessels_differ_between_images():
    one, two = masking.vessels(2)
    assert 0 < one.mean() < 0.2 and not torch.equal(one, two)


def test_vessels_pass_through_more_patches_than_are_drawn_by_weight():
    weights = torch.nn.functional.avg_pool2d(masking.vessels(9)[:, None], masking.PATCH).flatten(1)
    assert (weights > 0).sum(dim=1).min() > 1.5 * masking.RATIO * masking.BETA * weights.shape[1]


def unguided(guidance, *, generator):
    return random_masking(len(guidance), 196, masking.RATIO, generator=generator).mask


def unweighted(guidance, *, generator):
    """Any patch with a vessel is as likely as any other."""
    weights = (patch_weights(guidance, masking.PATCH) > 0).float()
    return guided_masking(weights, masking.RATIO, masking.BETA, generator=generator).mask


@pytest.mark.parametrize("other", [unguided, unweighted])
def test_both_ways_agree_and_another_way_does_not(monkeypatch, other):
    assert masking.worst_difference() < masking.TOLERANCE
    monkeypatch.setattr(masking, "our_masking", other)
    with pytest.raises(AssertionError, match="standard errors"):
        masking.row(1)


def test_the_command_writes_its_row(tmp_path):
    assert masking.main(["--turns", "1", "--results", str(tmp_path)]) == 0
    assert "standard errors" in (tmp_path / "masking.csv").read_text()
