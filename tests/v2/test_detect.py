"""Detectors in a doll's house: what is written, gone on with, refused, and which parts the seeds draw."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from tests.v2.miniature import smoke_house
from vasolib import networks
from vasolib.downstream.average_precision import average_precision
from vasolib.downstream.pyramid import SimplePyramid
from vasolib.errors import UserError
from vasolib.training import seeded
from vasolib.v2 import detect
from vasolib.v2.detect import detect_extended, detector_of, found_by, open_boxed
from vasolib.v2.labels import boxes_of
from vasolib.v2.study import Extended

TRAIN, TEST, SIDE = 8, 3, 64


def boxed(folder: Path, seed: int) -> None:
    """Bright squares on noise, one an image but for the last; the id of an image is a number with leading zeros."""
    rng, count = np.random.default_rng(seed), TRAIN + TEST
    images = rng.integers(0, 20, (count, SIDE, SIDE)).astype(np.uint8)
    rows = []
    for number, image in enumerate(images[:-1]):
        y, x = rng.integers(0, SIDE - 16, 2)
        image[y : y + 16, x : x + 16] = 200
        rows.append((f"{number:03}", x, y, x + 16, y + 16))
    folder.mkdir(parents=True)
    np.save(folder / "images.npy", images)
    pd.DataFrame(rows, columns=["id", "x0", "y0", "x1", "y1"]).to_csv(folder / "boxes.csv", index=False)
    parts = [(f"{i:03}", "made", "train" if i < TRAIN else "test", "", "") for i in range(count)]
    table = pd.DataFrame(parts, columns=["id", "source", "split", "patient", "sha256"])
    table.to_csv(folder / "table.csv", index=False, lineterminator="\n")


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Extended:
    """A run at smoke scale with two sets of boxes, and encoders in place of pre-trained ones."""
    monkeypatch.delenv("DVC_STAGE", raising=False)
    extended = smoke_house(tmp_path, {"boxes": ["arcs", "bars"]})
    for seed, name in enumerate(extended.params.sets["boxes"]):
        boxed(extended.work("stores", name), seed)
    monkeypatch.setattr(Extended, "open", classmethod(lambda cls, run: extended))
    monkeypatch.setattr(detect, "encoder_for", made_encoder)
    return extended


def made_encoder(extended: Extended, arm: str, pretrain_seed: int, side: int):
    """An encoder drawn from the pre-training seed where there is one; the side is the scale's at smoke."""
    assert side == extended.more.detector_side == extended.study.scale.image.side
    if pretrain_seed < 0:
        return networks.encoder(extended.scale(arm))
    with seeded(100 + pretrain_seed):
        return networks.encoder(extended.scale(arm))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_every_run_is_trained_scored_and_the_first_one_shown(house: Extended):
    detect_extended("doll", "mae")
    folder = house.work("detect", "mae")
    assert set(contents(folder)) == {"scores.csv", "images.csv", "boxes.csv", "log.csv"}
    scores = pd.read_csv(folder / "scores.csv")
    assert list(scores) == ["dataset", "pretrain_seed", "seed", "method", "mAP", "mAP50", "mAP75"]
    assert list(zip(scores["dataset"], scores["pretrain_seed"], scores["seed"], strict=True)) == [
        (name, *seeds) for name in ("arcs", "bars") for seeds in house.runs("mae")
    ]
    images = pd.read_csv(folder / "images.csv", dtype={"image": str})
    assert len(images) == len(scores) * TEST and set(images["image"]) == {"008", "009", "010"}
    assert (images.groupby(["dataset", "seed"])["lesions"].sum() == TEST - 1).all()
    assert (images["found"] + images["missed"] == images["lesions"]).all()
    log = pd.read_csv(folder / "log.csv")
    assert len(log) == len(scores) * house.more.recipes.boxes.epochs and np.isfinite(log["loss"]).all()
    assert not list(house.study.unfinished().rglob("*.pt"))


def test_scores_are_those_of_the_boxes_that_are_shown(house: Extended):
    detect_extended("doll", "resnet")
    store, truth = open_boxed(house, "bars")
    ids = list(store.table.id[store.select("test")])
    found = found_by(house, "resnet", "bars", ids, 100)
    assert len(found) == TEST and all((np.diff(scores) <= 0).all() for _, scores in found)
    scale = house.more.detector_side / store.side
    want = average_precision(found, [truth[row] * scale for row in store.select("test")])
    scores = pd.read_csv(house.work("detect", "resnet", "scores.csv"))
    shown = scores[(scores["dataset"] == "bars") & (scores["seed"] == house.more.seeds[0])].iloc[0]
    assert {name: pytest.approx(value, abs=1e-4) for name, value in want.items()} == shown[list(want)].to_dict()
    few = found_by(house, "resnet", "bars", [*ids, "nowhere"], 2)
    assert [len(scores) for _, scores in few] == [min(2, len(scores)) for _, scores in found] + [0]


def test_an_interrupted_call_goes_on_and_ends_with_the_same_bytes(house: Extended, monkeypatch, capsys):
    detect_extended("doll", "vit")
    folder = house.work("detect", "vit")
    want, calls = contents(folder), []

    def stopped(*arguments):
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return usual(*arguments)

    usual = detect.detect
    monkeypatch.setattr(detect, "detect", stopped)
    with pytest.raises(KeyboardInterrupt):
        detect_extended("doll", "vit")
    assert contents(folder) == want and len(list(house.study.unfinished().rglob("*.pt"))) == 3
    capsys.readouterr()
    detect_extended("doll", "vit")
    assert capsys.readouterr().out.count("continuing after epoch") == 3
    assert contents(folder) == want


def test_a_detector_has_the_arms_encoder_and_the_seeds_other_parts(house: Extended):
    one, other = detector_of(house, "mae", (0, 5)), detector_of(house, "vit", (-1, 5))
    pyramids = [next(m for m in model.modules() if isinstance(m, SimplePyramid)) for model in (one, other)]
    made = made_encoder(house, "mae", 0, house.more.detector_side).state_dict()
    assert all(torch.equal(value, made[name]) for name, value in pyramids[0].encoder.state_dict().items())
    assert not torch.equal(pyramids[0].encoder.cls_token, pyramids[1].encoder.cls_token)
    heads = one.roi_heads.state_dict(), other.roi_heads.state_dict()
    assert all(torch.equal(value, heads[1][name]) for name, value in heads[0].items())
    later = detector_of(house, "mae", (0, 6)).roi_heads.state_dict()
    assert not all(torch.equal(value, later[name]) for name, value in heads[0].items())


def test_a_set_without_boxes_is_refused(house: Extended):
    (house.work("stores", "arcs", "boxes.csv")).unlink()
    with pytest.raises(UserError, match=r"arcs has no boxes\.csv, expected boxes of stenoses"):
        detect_extended("doll", "mae")


def test_boxes_are_those_of_the_store(house: Extended):
    store, boxes = open_boxed(house, "arcs")
    assert all(np.array_equal(ours, theirs) for ours, theirs in zip(boxes, boxes_of(store), strict=True))
