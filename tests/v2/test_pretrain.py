"""Pre-training of the extended part: which network an arm is, which images it sees, and a run of a doll's house."""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import timm
import torch
import yaml
from safetensors.torch import load_file, save_file
from torch import nn

from tests.several_processes import together
from vasolib import training
from vasolib.data.crops import CropDataset, CropLoader
from vasolib.errors import UserError
from vasolib.mim import build_encoder
from vasolib.networks import save_weights
from vasolib.pretrain import build_method, pretrain, pretraining_loss
from vasolib.segmentor import UNeXt, freeze
from vasolib.settings import Recipe
from vasolib.ssl.simmim import SimMIM
from vasolib.ssl.vasomim import VasoMIM
from vasolib.study import ROOT, Study
from vasolib.training import fit, place, seeded
from vasolib.v2.coguidance import CoGuidedMIM
from vasolib.v2.encoders import encoder_for
from vasolib.v2.pretrain import build_extended, pretrain_extended, timed
from vasolib.v2.settings import ExtendedArm
from vasolib.v2.study import Extended

SMOKE = Study.load(ROOT).scale_named("smoke")
IDS = [f"p{i // 4}_{i}" for i in range(24)]
VALUES = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
MORE = yaml.safe_load((ROOT / "params_v2.yaml").read_text(encoding="utf-8"))["v2"]
BOTH = ExtendedArm(guidance=True, eta=0.5, consistency=True)


def segmentor() -> nn.Module:
    with seeded(1):
        return place(freeze(UNeXt()))  # as `load_judge` does: in another memory order, another kernel may round


def teacher() -> nn.Module:
    with seeded(2):
        return freeze(build_encoder(SMOKE.image.side, SMOKE.image.patch, 16, 1, 2))


@pytest.mark.parametrize(
    ("arm", "kind"),
    [
        (BOTH, CoGuidedMIM),
        (replace(BOTH, consistency=False), CoGuidedMIM),
        (replace(BOTH, eta=0.0), CoGuidedMIM),
        (replace(BOTH, eta=1.0), VasoMIM),
        (replace(BOTH, guidance=False), VasoMIM),
        (replace(BOTH, eta=1.0, judge="features"), CoGuidedMIM),
        (ExtendedArm(), VasoMIM),
        (ExtendedArm(method="simmim", mask_ratio=0.6), SimMIM),
    ],
)
def test_an_arm_the_first_part_knows_is_built_as_there(arm, kind):
    model = build_extended(arm, SMOKE, True, 0, segmentor().forward, teacher())
    assert type(model) is kind
    if kind is CoGuidedMIM:  # of the same first weights
        plain = build_method(replace(arm, consistency=False), SMOKE, True, 0).state_dict()
        assert plain.keys() == model.state_dict().keys()
        assert all(torch.equal(value, plain[name]) for name, value in model.state_dict().items())
        assert (model.segmentor is not None) == arm.looks and (model.consistency is not None) == arm.consistency


@pytest.mark.parametrize("arm", [BOTH, replace(BOTH, consistency=False), replace(BOTH, judge="features", eta=1.0)])
def test_what_an_arm_asks_must_be_given(arm):
    with pytest.raises(ValueError, match="must be given"):
        build_extended(arm, SMOKE, True, 0)


def test_steps_are_timed_within_their_epoch(monkeypatch):
    clock = iter([10.0, 11.0, 13.0, 100.0, 104.0, 105.0])  # an epoch of three steps, a pause, another
    monkeypatch.setattr("vasolib.v2.pretrain.time.perf_counter", lambda: next(clock))
    loss = torch.ones((), requires_grad=True)
    measured = timed(lambda *_: {"loss": loss}, 3)
    first, second = ([measured(None, p, None)["seconds_per_step"].item() for _ in range(3)] for p in (0.5, 1.0))
    assert np.mean(first) == pytest.approx(1.5) and np.mean(second) == pytest.approx(2.5)


def test_an_epoch_of_one_step_has_no_time_between_steps():
    values = timed(lambda *_: {"loss": torch.ones((), requires_grad=True)}, 1)(None, 1.0, None)
    assert values["seconds_per_step"].isnan() and not values["seconds_per_step"].requires_grad


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict], Extended]:
    """A run of smoke scale with 24 images, their anatomy and a segmentor, opened with changed arms by its name."""
    run = VALUES | {"scale": "smoke", "run": "doll"}
    run["scales"] = VALUES["scales"] | {"smoke": VALUES["scales"]["smoke"] | {"workers": 0}}
    run["scales"]["smoke"]["pretrain"] = VALUES["scales"]["smoke"]["pretrain"] | {"batch_size": 8, "epochs": 3}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(run), encoding="utf-8")
    monkeypatch.setattr("vasolib.study.ROOT", tmp_path)

    def make(arms: dict, **more) -> Extended:
        block = MORE | {"arms": MORE["arms"] | arms} | more
        (tmp_path / "params_v2.yaml").write_text(yaml.safe_dump({"v2": block}), encoding="utf-8")
        return Extended.open("doll")

    fill(make({}))
    return make


def fill(extended: Extended) -> None:
    """The files of earlier stages."""
    rng, side = np.random.default_rng(0), extended.study.scale.image.store_side
    store = extended.work("stores", "corpus")
    store.mkdir(parents=True)
    np.save(store / "images.npy", rng.integers(0, 256, (24, side, side), dtype=np.uint8))
    table = pd.DataFrame({"id": IDS, "source": "x", "split": "train", "patient": "p", "sha256": "0"})
    table.to_csv(store / "table.csv", index=False)
    extended.work("anatomy").mkdir()
    anatomy = np.zeros((24, side, side), np.uint8)
    anatomy[:, :, side // 4 : side // 2] = 1
    np.save(extended.work("anatomy", "corpus.npy"), anatomy)
    with seeded(1):
        save_weights(extended.work("segmentor", "segmentor.safetensors"), UNeXt())
    extended.work("kept").mkdir()
    for name, ids in {"usable.csv": IDS, "distinct.csv": IDS[::3]}.items():
        pd.DataFrame({"id": ids, "recording": ids}).to_csv(extended.work("kept", name), index=False)


def results(extended: Extended, arm: str, seed: int = 0) -> tuple[dict[str, torch.Tensor], pd.DataFrame]:
    folder = extended.work("pretrain", arm)
    return load_file(folder / f"seed{seed}" / "model.safetensors"), pd.read_csv(folder / "log.csv")


def test_an_arm_is_pre_trained_and_fine_tuning_finds_it(house):
    extended = house({"vasomim_v2": MORE["arms"]["vasomim_v2"] | {"seeds": 2}})
    pretrain_extended("doll", "vasomim_v2")
    (first, log), (second, _) = results(extended, "vasomim_v2"), results(extended, "vasomim_v2", 1)
    columns = "epoch lr loss reconstruction consistency vessel_share pretrain_seed"
    assert list(log.columns) == columns.split() and log["pretrain_seed"].tolist() == [0, 0, 0, 1, 1, 1]
    seconds = pd.read_csv(extended.work("seconds", "vasomim_v2.csv"))["seconds_per_step"]
    assert seconds.gt(0).all() and len(seconds) == len(log) and np.isfinite(log).all(axis=None)
    assert not torch.equal(first["encoder.cls_token"], second["encoder.cls_token"])
    ours = encoder_for(extended, "vasomim_v2", 1).state_dict()
    assert all(torch.equal(value, second[f"encoder.{name}"]) for name, value in ours.items())
    assert not list(extended.study.unfinished().glob("**/*.pt"))


def test_an_interrupted_arm_ends_like_an_undisturbed_one(house, monkeypatch):
    extended = house({})
    pretrain_extended("doll", "vasomim_v2")
    whole, log = results(extended, "vasomim_v2")
    monkeypatch.setattr(training, "SAVE_EVERY", 0.0)
    report, calls = training.report_progress, []

    def stop(*args):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return report(*args)

    monkeypatch.setattr(training, "report_progress", stop)
    with pytest.raises(KeyboardInterrupt):
        pretrain_extended("doll", "vasomim_v2")
    assert len(list(extended.study.unfinished().glob("v2_vasomim_v2-0-*.pt"))) == 1
    monkeypatch.setattr(training, "report_progress", report)
    pretrain_extended("doll", "vasomim_v2")
    again, resumed = results(extended, "vasomim_v2")
    assert all(torch.equal(value, again[name]) for name, value in whole.items())
    assert log.equals(resumed)


def test_the_first_papers_arm_is_trained_as_by_the_first_part(house, tmp_path):
    extended = house({})
    pretrain_extended("doll", "vasomim")
    ours, log = results(extended, "vasomim")
    chosen, recipe = extended.arm("vasomim"), extended.pretraining("vasomim")
    model = build_method(chosen, extended.study.scale, True, 0, segmentor().forward)
    images = np.load(extended.work("stores", "corpus", "images.npy"))
    anatomy = np.load(extended.work("anatomy", "corpus.npy"))
    want = pretrain(model, images, anatomy, extended.study.scale, recipe, seed=0, state=tmp_path / "s", name="v1")
    assert log["loss"].to_numpy() == pytest.approx(want["loss"].to_numpy(), rel=1e-6)
    assert all(torch.equal(value, ours[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize(
    ("arm", "seen"), [("vasomim_v2", 24), ("data_25", 6), ("data_50", 12), ("distinct", 8), ("model_2", 24)]
)
def test_arms_see_their_images_and_take_as_many_steps(arm, seen, house, monkeypatch):
    loaders = []

    def watched(model, loss_fn, loader, recipe, **options):
        loaders.append(loader)
        return pd.DataFrame({"epoch": [1], "seconds_per_step": [0.1]})

    monkeypatch.setattr("vasolib.v2.pretrain.fit", watched)
    extended = house({})
    pretrain_extended("doll", arm)
    loader = loaders[0]
    assert len(loaders) == len({seed for seed, _ in extended.runs(arm)})
    assert len(loader.dataset.images) == len(loader.dataset.ids) == seen and len(loader) == 24 // 8
    images = np.load(extended.work("stores", "corpus", "images.npy"))
    whole = np.s_[seen - 1, 0:9999, 0:9999]
    assert np.array_equal(loader.dataset.images[whole], images[IDS.index(loader.dataset.ids[-1])])
    width = results_width(extended, arm)
    assert width == extended.scale(arm).encoder.embed_dim


def results_width(extended: Extended, arm: str) -> int:
    return load_file(extended.work("pretrain", arm, "seed0", "model.safetensors"))["encoder.cls_token"].shape[2]


def test_features_judge_once_their_weights_are_there(house, tmp_path):
    tiny = {"model": "vit_tiny_patch16_224", "file": "t.safetensors", "home": "https://example.org"}
    with pytest.raises(UserError, match="distilled is not among those that are pre-trained"):
        pretrain_extended("doll", "distilled")
    options = {"external": MORE["external"] | {"dinov2": tiny}, "weights": str(tmp_path)}
    house({}, pretrain=[*MORE["pretrain"], "distilled"], **options)
    with pytest.raises(UserError, match=r"dinov2 not run: weights not present: get t.safetensors"):
        pretrain_extended("doll", "distilled")
    with seeded(0):
        save_file(timm.create_model(tiny["model"], pretrained=False).state_dict(), tmp_path / "t.safetensors")
    pretrain_extended("doll", "distilled")
    _, log = results(Extended.open("doll"), "distilled")
    assert log["consistency"].between(0, 2, inclusive="neither").all()


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("stores", "v2_10_data first"),
        ("anatomy", "v2_20_anatomy first"),
        ("segmentor", "v2_20_anatomy first"),
        ("kept", "v2_15_redundancy first"),
    ],
)
def test_a_missing_file_is_told_with_the_notebook_that_makes_it(missing, message, house):
    extended = house({})
    extended.work(missing).rename(extended.work("elsewhere"))
    with pytest.raises(UserError, match=message):
        pretrain_extended("doll", "distinct")


def test_arms_that_ask_nobody_need_no_segmentor(house):
    extended = house({})
    extended.work("segmentor").rename(extended.work("elsewhere"))
    pretrain_extended("doll", "mae")
    assert list(results(extended, "mae")[1].columns)[-3:] == ["reconstruction", "vessel_share", "pretrain_seed"]


def trained_part(arm: ExtendedArm) -> tuple[dict, dict[str, torch.Tensor]]:
    """The log of two epochs and the weights after them, in single precision; this process's part of each batch."""
    training.precision = lambda device: "fp32"
    model = build_extended(arm, SMOKE, True, 0, segmentor().forward, teacher())
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (16, 96, 96), dtype=np.uint8)
    crops = CropDataset(images, (images > 200).astype(np.uint8), SMOKE.image.side, (0.5, 1.0), 0, model.VIEWS)
    loader, recipe = CropLoader(crops, 8, 16), Recipe(epochs=2, batch_size=8, lr=1e-3)
    with tempfile.TemporaryDirectory() as folder:
        loss_fn = timed(pretraining_loss(model), len(loader))
        log = fit(model, loss_fn, loader, recipe, seed=0, state=Path(folder, "s"), name="x")
    return log.drop(columns="seconds_per_step").to_dict("list"), model.state_dict()


@pytest.mark.parametrize("arm", [BOTH, replace(BOTH, judge="features")])
def test_two_processes_pre_train_as_one(arm, monkeypatch):
    monkeypatch.setattr(training, "precision", training.precision)  # set back afterwards
    want, _ = trained_part(arm)
    (first, weights), (second, others) = together(2, trained_part, arm)
    assert first == second and all(torch.equal(value, others[name]) for name, value in weights.items())
    for name, values in want.items():
        assert first[name] == pytest.approx(values, rel=1e-4), name
