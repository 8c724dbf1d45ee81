"""The room that a run takes, beside what can be counted by hand."""

from dataclasses import replace
from pathlib import Path

import pytest

from vasolib.room import needed_gib, weight
from vasolib.settings import Transformer
from vasolib.study import ROOT, Study
from vasolib.v2.study import Extended


@pytest.fixture(scope="module")
def shipped() -> Extended:
    return Extended.beside(Study.load(ROOT))


def test_a_transformer_weighs_what_torch_says():
    """ViT-B has 85 million weights in its blocks."""
    assert weight(Transformer(768, 12, 12)) == pytest.approx(4 * 85e6, rel=0.01)


def test_real_images_take_the_place_of_synthetic_ones(shipped: Extended, tmp_path: Path):
    side = shipped.study.scale_named("paper").image.store_side
    empty = needed_gib(shipped, "paper", tmp_path)
    for number in range(100):
        (tmp_path / f"{number}.PNG").touch()
    (tmp_path / "notes.txt").touch()
    assert needed_gib(shipped, "paper", tmp_path) - empty == pytest.approx(2 * 5 * 100 * side**2 / 2**30)
    assert empty > 0 and needed_gib(shipped, "paper") > 100 > needed_gib(shipped, "laptop") > needed_gib(
        shipped, "smoke"
    )


def test_more_pre_trainings_take_more(shipped: Extended):
    arms = shipped.params.arms | {"moco": shipped.params.arms["moco"] | {"seeds": 9}}
    more = replace(shipped, params=replace(shipped.params, arms=arms))
    scale = shipped.study.scale_named("paper")
    network = weight(scale.encoder) + weight(scale.decoder)
    assert needed_gib(more, "paper") - needed_gib(shipped, "paper") == pytest.approx(2 * 8 * network / 2**30)


def test_both_parts_take_what_each_takes(shipped: Extended, tmp_path: Path):
    for data in (None, tmp_path):
        first, second, both = (needed_gib(shipped, "paper", data, part) for part in ("v1", "v2", "all"))
        assert both == pytest.approx(first + second) and first > 0 and second > 0
