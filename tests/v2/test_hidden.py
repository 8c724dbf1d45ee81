"""How much vessel masks hide, against what can be worked out by hand."""

import pytest
import torch

from vasolib.v2.hidden import guides, hidden_shares


def maps() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Filter, label and probability of two images of 8 x 8 patches: two columns each, one of them shared."""
    filtered, label = torch.zeros(2, 64, 64), torch.zeros(2, 64, 64)
    filtered[..., 8:24], label[..., 16:32] = 1, 1
    return filtered, label, 0.9 * label + 0.01


def shares(**options):
    filtered, label, probability = maps()
    choices = {"patch": 8, "mask_ratio": 0.5, "betas": (0.0, 0.5), "epochs": 10} | options
    random = torch.Generator().manual_seed(0)
    by = {"filter": filtered, "labels": label}
    return hidden_shares(guides(filtered, probability, 0.5), by, **choices, generator=random)


def end(table, guidance: str, who: str) -> float:
    rows = table[(table["guidance"] == guidance) & (table["counted_by"] == who)]
    return rows["vessel_share"].iloc[-1]


def test_random_masks_hide_vessel_as_often_as_it_is_there():
    rows = shares()[lambda t: t["guidance"] == "random"]
    assert rows["vessel_share"].to_numpy() == pytest.approx(16 / 64, abs=0.03)


def test_each_guide_hides_what_it_sees():
    table = shares()
    # all 16 of the filter's patches are drawn among the 32 hidden; of the other 16, 8 of 48 are the label's
    assert end(table, "filter", "filter") == 16 / 32
    assert end(table, "filter", "labels") == pytest.approx((8 + 16 * 8 / 48) / 32, abs=0.02)
    assert end(table, "segmentor", "labels") > 0.45 > end(table, "segmentor", "filter")
    low, high = sorted(end(table, guide, "labels") for guide in ("filter", "segmentor"))
    assert low < end(table, "co-guidance", "labels") < high


def test_no_more_than_there_is_can_be_hidden():
    assert end(shares(), "most possible", "labels") == 0.5
    assert end(shares(mask_ratio=0.875), "most possible", "labels") == pytest.approx(16 / 56)
    assert end(shares(mask_ratio=0.125), "most possible", "labels") == 1.0


@pytest.mark.parametrize(("epochs", "looked"), [(1, [1]), (3, [1, 2, 3]), (21, list(range(1, 22, 2)))])
def test_the_first_and_the_last_epoch_are_looked_at(epochs, looked):
    assert sorted(shares(epochs=epochs)["epoch"].unique()) == looked


def test_the_same_generator_the_same_numbers():
    assert shares().equals(shares())


def test_mixtures_are_named():
    filtered, _, probability = maps()
    made = guides(filtered, probability, 0.25)
    assert list(made) == ["random", "filter", "segmentor", "co-guidance"] and made["random"] is None
    assert torch.equal(made["filter"], filtered) and torch.equal(made["segmentor"], probability)
    assert torch.allclose(made["co-guidance"], 0.25 * filtered + 0.75 * probability)
