"""Boxes in a doll's house: what is written, gone on with, refused, drawn, and which parts the seeds draw."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from tests.downstream.test_box_crops import frames
from tests.v2.miniature import smoke_house, stop_at
from vasolib import networks
from vasolib.downstream.average_precision import average_precision
from vasolib.downstream.detection import Detector
from vasolib.downstream.pyramid import SimplePyramid
from vasolib.errors import UserError
from vasolib.settings import Recipe, Transformer
from vasolib.training import place, seeded
from vasolib.v2 import finetune
from vasolib.v2.answers import answers_of, held_out, open_labelled
from vasolib.v2.box_table import BOX_COLUMNS, boxes_of
from vasolib.v2.boxes import BOXED, SUREST, Boxes
from vasolib.v2.finetune import detect_extended, fine_tune, network_of
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
    monkeypatch.setattr(finetune, "encoder_for", made_encoder)
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
    assert set(contents(folder)) == {"scores.csv", "images.csv", "boxes_arcs.csv", "boxes_bars.csv", "log.csv"}
    scores = pd.read_csv(folder / "scores.csv")
    assert list(scores) == ["mAP", "mAP50", "mAP75", "dataset", "pretrain_seed", "seed", "method", "labels"]
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
    test = held_out(house, BOXED, open_labelled(house, BOXED, "bars"))
    found = answers_of(house, "resnet", BOXED, test)
    assert len(found) == TEST and all((np.diff(scores) <= 0).all() for _, scores in found)
    want = average_precision(found, test.truth)
    scores = pd.read_csv(house.work("detect", "resnet", "scores.csv"))
    shown = scores[(scores["dataset"] == "bars") & (scores["seed"] == house.more.seeds[0])].iloc[0]
    assert {name: pytest.approx(value, abs=1e-4) for name, value in want.items()} == shown[list(want)].to_dict()
    few = answers_of(house, "resnet", BOXED, test.first(2))
    assert all(
        np.array_equal(one, other) for a, b in zip(few, found, strict=False) for one, other in zip(a, b, strict=True)
    )
    assert len(few) == 2


def test_an_interrupted_call_goes_on_and_ends_with_the_same_bytes(house: Extended, monkeypatch, capsys):
    detect_extended("doll", "vit")
    folder = house.work("detect", "vit")
    want = contents(folder)
    stop_at(monkeypatch, Boxes, 3)
    with pytest.raises(KeyboardInterrupt):
        detect_extended("doll", "vit")
    assert contents(folder) == want and len(list(house.study.unfinished().rglob("*.pt"))) == 3
    capsys.readouterr()
    detect_extended("doll", "vit")
    assert capsys.readouterr().out.count("continuing after epoch") == 3
    assert contents(folder) == want


def test_a_detector_has_the_arms_encoder_and_the_seeds_other_parts(house: Extended):
    one, other = network_of(house, "mae", BOXED, (0, 5)), network_of(house, "vit", BOXED, (-1, 5))
    pyramids = [next(m for m in model.modules() if isinstance(m, SimplePyramid)) for model in (one, other)]
    made = made_encoder(house, "mae", 0, house.more.detector_side).state_dict()
    assert all(torch.equal(value, made[name]) for name, value in pyramids[0].encoder.state_dict().items())
    assert not torch.equal(pyramids[0].encoder.cls_token, pyramids[1].encoder.cls_token)
    heads = one.roi_heads.state_dict(), other.roi_heads.state_dict()
    assert all(torch.equal(value, heads[1][name]) for name, value in heads[0].items())
    later = network_of(house, "mae", BOXED, (0, 6)).roi_heads.state_dict()
    assert not all(torch.equal(value, later[name]) for name, value in heads[0].items())


def test_a_set_without_boxes_is_refused(house: Extended):
    (house.work("stores", "arcs", "boxes.csv")).unlink()
    with pytest.raises(UserError, match=r"arcs has no boxes\.csv, expected boxes of stenoses"):
        detect_extended("doll", "mae")


def test_boxes_are_those_of_the_store(house: Extended):
    store = open_labelled(house, BOXED, "arcs")
    rows = store.select("test")
    for boxes, row in zip(BOXED.labels(store, rows), rows, strict=True):
        assert np.array_equal(boxes, boxes_of(store)[row])


def test_a_picture_shows_the_surest_boxes_alone(house: Extended):
    test = held_out(house, BOXED, open_labelled(house, BOXED, "arcs"))
    boxes = np.array([[4.0 * i, 4, 4 * i + 3, 9] for i in range(5)])
    found = [(boxes, np.linspace(0.9, 0.5, 5)), (boxes[:1], np.array([0.9])), (boxes[:0], np.empty(0))]
    figure = BOXED.picture(test, {"mae": found})
    dashed = [[patch for patch in axes.patches if patch.get_linestyle() == "--"] for axes in figure.axes]
    assert [len(patches) for patches in dashed] == [SUREST, 1, 0]
    assert [patch.get_x() + 0.5 for patch in dashed[0]] == [0, 4, 8]


DETECTOR = Detector(width=32, hidden=64, strides=(4, 8), anchors=(12.0, 24.0), ratios=(1.0,), pre_nms=100, post_nms=50)


def learnt(house: Extended, arm: str, epochs: int, state: Path) -> dict[str, float]:
    """Average precision on the eight images that were trained on."""
    recipe = Recipe(epochs=epochs, batch_size=4, lr=0.002, samples=32, crop=(0.8, 1.0))
    more = replace(house.more, detector=DETECTOR, recipes=replace(house.more.recipes, boxes=recipe))
    scale = replace(house.study.scale, encoder=Transformer(embed_dim=48, depth=2, num_heads=3))
    images, boxes = frames(8)
    rows = [(f"{number:03}", *box) for number, each in enumerate(boxes) for box in each]
    store = open_labelled(house, BOXED, "arcs")
    pd.DataFrame(rows, columns=BOX_COLUMNS).to_csv(store.folder / "boxes.csv", index=False)
    store = replace(store, images=images)
    with seeded(0):
        encoder = None if arm == "resnet" else networks.encoder(scale)
        network = place(BOXED.network(encoder, scale, more))
    object.__setattr__(house, "more", more)
    fine_tune(network, BOXED, store, np.arange(8), house, seed=0, state=state, name=arm)
    return average_precision(BOXED.answer(network, torch.from_numpy(images)[:, None]), boxes)


@pytest.mark.parametrize("arm", ["vit", "resnet"])
def test_eight_images_are_learnt_by_heart(house: Extended, arm: str, tmp_path: Path):
    assert learnt(house, arm, 20, tmp_path / "state.pt")["mAP50"] > 95


def test_the_same_seed_trains_the_same_detector(house: Extended, tmp_path: Path):
    assert learnt(house, "vit", 1, tmp_path / "a.pt") == learnt(house, "vit", 1, tmp_path / "b.pt")
