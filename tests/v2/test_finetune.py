"""Fine-tuning on all tasks in a doll's house: what is written, gone on with, refused, and the same by two processes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from tests.several_processes import together
from tests.v2.miniature import smoke_house, stop_at
from vasolib import networks
from vasolib.downstream.segments import confusion, micro_dsc
from vasolib.errors import UserError
from vasolib.training import seeded
from vasolib.v2 import finetune
from vasolib.v2.answers import open_labelled
from vasolib.v2.encoders import encoder_for
from vasolib.v2.finetune import finetune_extended, network_of
from vasolib.v2.held_out import HeldOut
from vasolib.v2.maps import Maps
from vasolib.v2.study import Extended
from vasolib.v2.tasks import TASKS

SEGMENTED = ("vessels", "segments", "stenoses")
SETS = {"vessels": ["va", "vb"], "segments": ["s"], "stenoses": ["l"], "boxes": ["b"]}
TRAIN, TEST, SIDE = 8, 3, 64


def store(folder: Path, highest: int) -> None:
    """Squares of numbers 0 to `highest` on noise, brighter the higher."""
    rng = np.random.default_rng(highest)
    count = TRAIN + TEST
    labels = np.zeros((count, SIDE, SIDE), np.uint8)
    for label in labels:
        for number in rng.choice(np.arange(1, highest + 1), min(highest, 2), replace=False):
            y, x = rng.integers(0, SIDE - 16, 2)
            label[y : y + 16, x : x + 16] = number
    images = np.minimum(40 + 200 // highest * labels + rng.integers(0, 20, labels.shape), 255).astype(np.uint8)
    folder.mkdir(parents=True)
    np.save(folder / "images.npy", images)
    np.save(folder / "masks.npy", labels)
    rows = [(f"{i:03}", "made", "train" if i < TRAIN else "test", "", "") for i in range(count)]
    pd.DataFrame(rows, columns=["id", "source", "split", "patient", "sha256"]).to_csv(
        folder / "table.csv", index=False, lineterminator="\n"
    )


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Extended:
    """A run at smoke scale with a set of each kind of label maps, and encoders in place of pre-trained ones."""
    monkeypatch.delenv("DVC_STAGE", raising=False)
    extended = smoke_house(tmp_path, SETS)
    for name, highest in (("va", 1), ("vb", 1), ("s", 25), ("l", 2)):
        store(extended.work("stores", name), highest)
    monkeypatch.setattr(Extended, "open", classmethod(lambda cls, run: extended))
    monkeypatch.setattr(finetune, "encoder_for", made_encoder)
    return extended


def made_encoder(extended: Extended, arm: str, pretrain_seed: int, side: int):
    """An encoder of the arm's size, drawn from the pre-training seed where there is one."""
    if pretrain_seed < 0:
        return encoder_for(extended, arm, pretrain_seed, side)
    with seeded(100 + pretrain_seed):
        return networks.encoder(extended.scale(arm))


def unfinished(extended: Extended) -> list[Path]:
    folder = extended.study.unfinished()
    return sorted(folder.rglob("*.pt")) if folder.exists() else []


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_every_task_is_trained_scored_and_shown(house):
    finetune_extended("doll", "vasomim_v2")
    folder = house.work("finetune", "vasomim_v2")
    assert set(contents(folder)) == {
        "vessels.csv", "segments.csv", "stenoses.csv", "log.csv", "va.npy", "vb.npy", "s.npy", "l.npy",
    }  # fmt: skip
    about = ["dataset", "pretrain_seed", "seed", "method", "labels"]
    tables = {name: pd.read_csv(folder / f"{name}.csv", dtype={"image": str, "segment": str}) for name in SEGMENTED}
    assert list(tables["vessels"]) == ["image", "dsc", "cldice", *about]
    assert list(tables["segments"]) == ["image", "segment", "dsc", *about]
    assert list(tables["stenoses"]) == ["image", "dsc", "lesions", "found", "false", *about]
    runs = house.runs("vasomim_v2")
    assert len(tables["vessels"]) == 2 * len(runs) * TEST and len(tables["stenoses"]) == len(runs) * TEST
    for table in tables.values():
        assert set(zip(table["pretrain_seed"], table["seed"], strict=True)) == set(runs)
        assert set(table["method"]) == {"vasomim_v2"} and set(table["image"]) == {"008", "009", "010"}
    log = pd.read_csv(folder / "log.csv")
    assert set(zip(log["task"], log["dataset"], strict=True)) == {
        ("vessels", "va"), ("vessels", "vb"), ("segments", "s"), ("stenoses", "l"),
    }  # fmt: skip
    for name in ("va", "s", "l"):
        seen = np.load(folder / f"{name}.npy")
        assert seen.shape == (TEST, 64, 64) and seen.dtype == np.uint8
        assert seen.max() <= (25 if name == "s" else 1)
    assert unfinished(house) == []


def test_first_run_is_shown_and_its_scores_are_those_of_what_is_shown(house):
    finetune_extended("doll", "mae")
    folder = house.work("finetune", "mae")
    for task, name in (("segments", "s"), ("stenoses", "l")):
        labels = np.load(house.work("stores", name, "masks.npy"))[TRAIN:]
        test = HeldOut(name, torch.empty(0), labels, ["008", "009", "010"])
        want = TASKS[task].score(TASKS[task].kept(folder, test), test)[task]
        table = pd.read_csv(folder / f"{task}.csv", dtype={"image": str, "segment": str})
        first = table[table["seed"] == house.more.seeds[0]].reset_index(drop=True)
        assert first["image"].tolist() == want["image"].tolist()
        assert np.allclose(first["dsc"], want["dsc"])


def test_arms_of_vessels_only_and_few_labels(house):
    finetune_extended("doll", "guidance")
    assert set(contents(house.work("finetune", "guidance"))) == {"vessels.csv", "log.csv", "va.npy", "vb.npy"}
    finetune_extended("doll", "mae", "25")
    folder = house.work("labels", "25", "mae")
    assert set(contents(folder)) == {"vessels.csv", "log.csv", "va.npy"}
    scores = pd.read_csv(folder / "vessels.csv")
    assert set(scores["labels"]) == {25} and set(scores["dataset"]) == {"va"}


def test_an_interrupted_call_goes_on_and_ends_with_the_same_bytes(house, monkeypatch, capsys):
    finetune_extended("doll", "unet")
    folder = house.work("finetune", "unet")
    want = contents(folder)
    stop_at(monkeypatch, Maps, 3)
    with pytest.raises(KeyboardInterrupt):
        finetune_extended("doll", "unet")
    assert contents(folder) == want and len(unfinished(house)) == 3
    capsys.readouterr()
    finetune_extended("doll", "unet")
    assert capsys.readouterr().out.count("continuing after epoch") == 3
    assert contents(folder) == want and unfinished(house) == []


def finetuned_in(extended: Extended, *given: str) -> None:
    """`finetune_extended` in a process that the fixture's patches do not reach."""
    Extended.open = classmethod(lambda cls, run: extended)
    finetune.encoder_for = made_encoder
    finetune_extended("doll", *given)


def test_two_processes_learn_what_one_does(house):
    finetune_extended("doll", "vasomim", "50")
    folder = house.work("labels", "50", "vasomim")
    alone = pd.read_csv(folder / "log.csv")
    together(2, finetuned_in, house, "vasomim", "50")
    both = pd.read_csv(folder / "log.csv")
    assert list(both) == list(alone)
    assert np.allclose(both["loss"], alone["loss"], rtol=0.02)
    assert len(pd.read_csv(folder / "vessels.csv")) == len(house.runs("vasomim")) * TEST


def test_a_network_has_the_arms_encoder_and_the_seeds_decoder(house):
    task = TASKS["segments"]
    one, other = network_of(house, "mae", task, (0, 5)), network_of(house, "vit", task, (-1, 5))
    made = made_encoder(house, "mae", 0, SIDE).state_dict()
    assert all(torch.equal(value, made[name]) for name, value in one.encoder.state_dict().items())
    decoder = other.up.state_dict()
    assert all(torch.equal(value, decoder[name]) for name, value in one.up.state_dict().items())
    assert not torch.equal(one.encoder.cls_token, other.encoder.cls_token)
    again, later = network_of(house, "vit", task, (-1, 5)), network_of(house, "vit", task, (-1, 6))
    assert torch.equal(again.encoder.cls_token, other.encoder.cls_token)
    assert not torch.equal(later.encoder.cls_token, other.encoder.cls_token)
    wide = network_of(house, "model_3", TASKS["vessels"], (0, 5))
    assert wide.encoder.embed_dim == house.more.encoders["third"]["embed_dim"]


@pytest.mark.parametrize(("task", "outputs"), [("vessels", 1), ("segments", 26), ("stenoses", 1)])
@pytest.mark.parametrize("arm", ["unet", "vit", "mae"])
def test_a_network_answers_every_pixel_with_so_many_logits(house, arm, task, outputs):
    network = network_of(house, arm, TASKS[task], house.runs(arm)[0]).eval()
    assert network(torch.zeros(2, 3, 64, 64)).shape == (2, outputs, 64, 64)


def test_squares_are_learnt_and_told_apart(house, tmp_path):
    task = TASKS["segments"]
    opened = open_labelled(house, task, "s")
    labels = opened.masks % 3  # darker and lighter than what is around them
    images = np.array([120, 40, 200], np.uint8)[labels]
    opened = replace(opened, images=images, masks=labels)
    recipe = replace(house.more.recipes.segments, epochs=15, samples=32, lr=0.01)
    object.__setattr__(house.more.recipes, "segments", recipe)
    network = network_of(house, "unet", task, (-1, 0))
    finetune.fine_tune(network, task, opened, np.arange(8), house, seed=0, state=tmp_path / "s.pt", name="toy")
    seen = task.answer(network, torch.from_numpy(images[8:])[:, None])
    assert micro_dsc(confusion(seen, labels[8:])) > 85


@pytest.mark.parametrize("labels", ["0", "101", "ten", "-5", "2.5"])
def test_a_share_of_labels_is_a_percentage(house, labels):
    with pytest.raises(UserError, match="whole per cent"):
        finetune_extended("doll", "vit", labels)


def test_an_unknown_arm_is_refused_by_name(house, monkeypatch):
    monkeypatch.setattr(finetune, "encoder_for", encoder_for)
    with pytest.raises(UserError, match="did you mean 'vasomim_v2'"):
        finetune_extended("doll", "vasomim_v3")


@pytest.mark.parametrize(
    ("task", "change", "message"),
    [
        ("segments", lambda path: np.save(path, np.full_like(np.load(path), 26)), "labels up to 26.*from 0 to 25"),
        ("vessels", lambda path: np.save(path, 2 * np.load(path)), "labels up to 2.*from 0 to 1"),
        ("stenoses", Path.unlink, "has no label maps"),
    ],
)
def test_label_maps_that_mean_nothing_here_are_refused(house, task, change, message):
    name = SETS[task][0]
    change(house.work("stores", name, "masks.npy"))
    with pytest.raises(UserError, match=message):
        open_labelled(house, TASKS[task], name)


def test_a_set_that_was_not_made_is_named(house):
    with pytest.raises(UserError, match="v2_10_data"):
        open_labelled(house, TASKS["vessels"], "nowhere")
