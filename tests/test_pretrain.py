"""From arms to networks: every method of the study is built, steps, and hands its encoder on."""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tests.several_processes import together
from vasolib import training
from vasolib.data.crops import CropDataset, CropLoader
from vasolib.networks import load_weights, save_weights, segmentation_network
from vasolib.pretrain import build_method, load_judge, pretrain, pretraining_loss
from vasolib.segmentor import UNeXt, freeze
from vasolib.settings import METHODS, Arm, Recipe
from vasolib.study import ROOT, Study
from vasolib.training import fit, forget, place, seeded

STUDY = Study.load(ROOT)
SMOKE = STUDY.scale_named("smoke")
JUDGED = Arm(guidance=True, consistency=True)


def judge() -> nn.Module:
    with seeded(1):
        return place(freeze(UNeXt()))


def smooth_images(count: int, side: int = 96) -> tuple[np.ndarray, np.ndarray]:
    """Images of slow waves with a dark line, and masks of the line."""
    across = np.arange(side) / side
    waves = [np.sin(6.3 * (across[:, None] * i + across[None] * (count - i))) for i in range(count)]
    images = np.stack([(120 + 60 * wave).astype(np.uint8) for wave in waves])
    masks = np.zeros_like(images)
    for i in range(count):
        masks[i, :, 10 + 5 * i : 16 + 5 * i] = 1
    return np.where(masks > 0, images // 2, images), masks


def loader(model: nn.Module, count: int = 8, samples: int = 32) -> CropLoader:
    crops = CropDataset(*smooth_images(count), SMOKE.image.side, (0.5, 1.0), 0, model.VIEWS)
    return CropLoader(crops, 8, samples)


def small_arm(method: str) -> Arm:
    """The first arm of the study that uses a method."""
    return next(arm for arm in map(STUDY.arm, STUDY.params.pretrain_arms) if arm.method == method)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_learns_and_its_encoder_fits_the_segmentation_network(method, tmp_path):
    arm = replace(small_arm(method), consistency=False)
    model = build_method(arm, SMOKE, True, 0)
    recipe = Recipe(epochs=6, batch_size=8, lr=2e-3, samples=32, crop=(0.5, 1.0))
    log = pretrain(model, *smooth_images(8), SMOKE, recipe, seed=0, state=tmp_path / "s", name=method)
    assert len(log) == 6 and np.isfinite(log["loss"]).all()
    if method not in ("dino", "chexworld"):  # whose targets move with them
        assert log["loss"].iloc[-1] < log["loss"].iloc[0]
    save_weights(tmp_path / "model.safetensors", model)
    network = segmentation_network("vit", SMOKE, 0)
    load_weights(tmp_path / "model.safetensors", network.encoder, prefix="encoder.")
    for name, value in network.encoder.state_dict().items():
        assert torch.equal(value, model.encoder.state_dict()[name])
    assert all(p.requires_grad for n, p in network.encoder.named_parameters() if n != "pos_embed")


@pytest.mark.parametrize("method", METHODS)
def test_the_seed_decides_weights_and_training(method, tmp_path):
    arm = replace(small_arm(method), consistency=False)

    def trained(seed: int) -> dict[str, torch.Tensor]:
        model = build_method(arm, SMOKE, True, seed)
        recipe = Recipe(epochs=1, batch_size=8, lr=1e-3)
        fit(model, pretraining_loss(model), loader(model), recipe, seed=seed, state=tmp_path / "s", name=method)
        forget(tmp_path / "s")
        return model.state_dict()

    first, again, other = trained(0), trained(0), trained(1)
    assert all(torch.equal(value, again[name]) for name, value in first.items())
    assert not all(torch.equal(value, other[name]) for name, value in first.items())


@pytest.mark.parametrize("method", METHODS)
def test_draws_come_from_the_generator_alone(method):
    def loss(seed: int) -> float:
        model = build_method(replace(small_arm(method), consistency=False), SMOKE, True, 0)
        batch = next(loader(model).epoch(0))
        before = torch.get_rng_state()
        value = pretraining_loss(model)(batch, 0.5, torch.Generator().manual_seed(seed))["loss"].item()
        assert torch.equal(torch.get_rng_state(), before)
        return value

    assert loss(1) == loss(1)
    assert (loss(1) != loss(2)) == (method != "spt")  # which draws nothing


@pytest.mark.parametrize("method", METHODS)
def test_an_interrupted_pre_training_ends_like_an_undisturbed_one(method, tmp_path, monkeypatch):
    arm, recipe = replace(small_arm(method), consistency=False), Recipe(epochs=3, batch_size=8, lr=1e-3)
    monkeypatch.setattr("vasolib.training.SAVE_EVERY", 0.0)
    whole = build_method(arm, SMOKE, True, 0)
    fit(whole, pretraining_loss(whole), loader(whole), recipe, seed=0, state=tmp_path / "a", name=method)

    class Stopping(CropLoader):
        def epoch(self, epoch):
            if epoch == 2:
                raise KeyboardInterrupt
            return super().epoch(epoch)

    cut = build_method(arm, SMOKE, True, 0)
    batches = loader(cut)
    stopping = Stopping(batches.dataset, batches.batch_size, batches.samples)
    with pytest.raises(KeyboardInterrupt):
        fit(cut, pretraining_loss(cut), stopping, recipe, seed=0, state=tmp_path / "b", name=method)
    resumed = build_method(arm, SMOKE, True, 0)
    fit(resumed, pretraining_loss(resumed), batches, recipe, seed=0, state=tmp_path / "b", name=method)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_guides_are_patch_weights_but_for_those_who_learn_pixels():
    seen = {}

    class Watcher(nn.Module):
        VIEWS = 1

        def __init__(self, pixels: bool) -> None:
            super().__init__()
            self.encoder = build_method(Arm(), SMOKE, True, 0).encoder
            self.PIXELS = pixels

        def loss(self, views, guide, progress, *, generator):
            seen[self.PIXELS] = views, guide
            return {"loss": views.sum()}

    images = torch.zeros(2, 1, 64, 64, dtype=torch.uint8)
    anatomy = images.clone()
    anatomy[:, :, :8, :8] = 1
    for pixels in (False, True):
        pretraining_loss(Watcher(pixels))((images, anatomy), 0.5, torch.Generator())
    assert seen[False][0].shape == (1, 2, 3, 64, 64) and seen[False][1].shape == (2, 64)
    assert torch.equal(seen[False][1][:, 0], torch.ones(2))
    assert torch.equal(seen[True][1], anatomy)


def test_consistency_without_a_judge_is_refused():
    with pytest.raises(ValueError, match="trained segmentor"):
        build_method(JUDGED, SMOKE, True, 0)


def test_a_judge_that_no_loss_asks_for_is_not_kept():
    assert build_method(Arm(guidance=True), SMOKE, True, 0, judge().forward).judge is None


def test_training_leaves_the_judge_as_it_was(tmp_path):
    segmentor = judge()
    before = {name: value.clone() for name, value in segmentor.state_dict().items()}
    model = build_method(JUDGED, SMOKE, False, 0, segmentor.forward)
    recipe = Recipe(epochs=4, batch_size=8, lr=2e-3)
    table = fit(model, pretraining_loss(model), loader(model), recipe, seed=0, state=tmp_path / "s", name="arm")
    assert list(table.columns) == ["epoch", "lr", "loss", "reconstruction", "consistency", "vessel_share"]
    assert table["vessel_share"].iloc[-1] > table["vessel_share"].iloc[0]
    assert all(torch.equal(value, before[name]) for name, value in segmentor.state_dict().items())
    assert not segmentor.training


@pytest.mark.slow
def test_one_step_at_the_papers_own_size(tmp_path):
    paper = STUDY.scale_named("paper")
    model = build_method(JUDGED, paper, True, 0, judge().forward)
    assert sum(p.numel() for p in model.encoder.parameters()) == 85_798_656  # ViT-B/16
    assert sum(p.numel() for p in model.parameters()) == 111_907_840  # MAE's own, with its decoder
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    recipe = replace(paper.pretrain, epochs=1, batch_size=2, warmup=0.0)
    assert (recipe.lr, recipe.beta2, recipe.weight_decay) == (1.5e-4, 0.95, 0.05)
    batches = CropLoader(CropDataset(*smooth_images(2), paper.image.side, recipe.crop, 0), 2, 2)
    table = fit(model, pretraining_loss(model), batches, recipe, seed=0, state=tmp_path / "s", name="paper")
    assert table[["loss", "reconstruction", "consistency"]].gt(0).all(axis=None)
    for name, p in model.named_parameters():
        assert p.isfinite().all(), name
        assert torch.equal(p, before[name]) != p.requires_grad, name


def test_without_samples_an_epoch_passes_over_the_corpus_once(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr("vasolib.pretrain.fit", lambda _, __, loader, *___, **____: seen.append(len(loader)))
    model, recipe = build_method(Arm(), SMOKE, True, 0), Recipe(epochs=1, batch_size=4, lr=1e-3)
    for samples in (0, 20):
        chosen = replace(recipe, samples=samples)
        pretrain(model, *smooth_images(12), SMOKE, chosen, seed=0, state=tmp_path / "s", name="x")
    assert seen == [3, 5]


def test_a_judge_is_the_trained_segmentor_and_lets_gradients_through_but_keeps_none(tmp_path):
    with seeded(1):
        trained = UNeXt()
    trained(torch.rand(4, 3, 64, 64, generator=torch.Generator().manual_seed(0)))  # statistics other than 0 and 1
    save_weights(tmp_path / "judge.safetensors", trained)
    judge, images = load_judge(tmp_path / "judge.safetensors"), torch.rand(2, 3, 64, 64, requires_grad=True)
    logits = judge(images)
    assert torch.allclose(logits, trained.eval()(images), atol=1e-5)
    logits.sum().backward()
    assert images.grad.any() and not any(p.requires_grad for p in judge.__self__.parameters())


def trained_part(arm: Arm, judged: bool) -> tuple[dict, dict[str, torch.Tensor]]:
    """The log of two epochs and the weights before them, in single precision; this process's part of each batch."""
    training.precision = lambda device: "fp32"
    model = build_method(arm, SMOKE, True, 0, judge().forward if judged else None)
    recipe = Recipe(epochs=2, batch_size=8, lr=1e-3)
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder, "s")
        log = fit(model, pretraining_loss(model), loader(model, samples=16), recipe, seed=0, state=state, name="x")
    return log.to_dict("list"), model.state_dict()


@pytest.mark.parametrize("method", [*METHODS, "judged"])
def test_two_processes_pre_train_as_one(method, monkeypatch):
    monkeypatch.setattr(training, "precision", training.precision)  # set back afterwards
    judged = method == "judged"
    arm = JUDGED if judged else replace(small_arm(method), consistency=False)
    want, _ = trained_part(arm, judged)
    (first, weights), (second, others) = together(2, trained_part, arm, judged)
    assert first == second and all(torch.equal(value, others[name]) for name, value in weights.items())
    for name, values in want.items():
        # "spread" is taken over a process's patches, for it is only looked at
        assert first[name] == pytest.approx(values, rel=0.05 if name == "spread" else 1e-4), name
