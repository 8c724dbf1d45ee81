"""Pre-training arms: what they hide, what they minimise, and what stays frozen."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from vasolib import pretrain
from vasolib.masking import PatchMask
from vasolib.mim import MaskedAutoencoder, build_encoder, consistency_loss, reconstruct, reconstruction_loss
from vasolib.networks import autoencoder
from vasolib.segmentor import UNeXt, freeze
from vasolib.settings import Arm, Recipe
from vasolib.study import ROOT, Study
from vasolib.training import fit, normalise, seeded

MAE = Arm(mask_ratio=0.75)
GUIDED = Arm(mask_ratio=0.5, guidance=True)
VASOMIM = Arm(mask_ratio=0.5, guidance=True, consistency=True)
CPU = torch.device("cpu")


def small_model() -> MaskedAutoencoder:
    with seeded(0):
        return MaskedAutoencoder(build_encoder(64, 8, 48, 2, 3), 32, 1, 2)


def small_segmentor() -> nn.Module:
    with seeded(1):
        return freeze(UNeXt())


def small_batch(count: int = 3, side: int = 64) -> tuple[torch.Tensor, torch.Tensor]:
    """Noise, and an anatomy that fills the two middle columns of patches."""
    images = torch.randint(0, 256, (count, 1, side, side), generator=torch.Generator().manual_seed(0)).byte()
    anatomy = torch.zeros_like(images)
    anatomy[..., side * 3 // 8 : side * 5 // 8] = 1
    return images, anatomy


def evaluate(model, arm, segmentor=None, progress=0.5, norm_pix_loss=True):
    loss_fn = pretrain.pretraining_loss(model, arm, segmentor, norm_pix_loss)
    return loss_fn(small_batch(), progress, torch.Generator().manual_seed(4))


@pytest.mark.parametrize("progress", [0.0, 1.0])
def test_without_guidance_every_patch_is_hidden_equally_often(progress, generator):
    weights = torch.zeros(6000, 16)
    weights[:, 3] = 1
    often = pretrain.draw_mask(MAE, weights, progress, generator=generator).mask.mean(dim=0)
    assert torch.allclose(often, torch.full((16,), 0.75), atol=4.5 * (0.75 * 0.25 / 6000) ** 0.5)


def test_without_guidance_neither_weights_nor_progress_matter():
    draws = [
        pretrain.draw_mask(MAE, weights, progress, generator=torch.Generator().manual_seed(0))
        for weights in (torch.zeros(4, 16), torch.rand(4, 16))
        for progress in (0.0, 1.0)
    ]
    assert all(torch.equal(draw.mask, draws[0].mask) for draw in draws)


def test_guidance_hides_more_vessel_the_further_training_is(generator):
    weights = torch.zeros(4000, 64)
    weights[:, :16] = 1 / 16
    shares = []
    for progress in (0.0, 0.25, 0.5, 0.75, 1.0):
        masked = pretrain.draw_mask(GUIDED, weights, progress, generator=generator)
        assert masked.idx_mask.shape == (4000, 32)
        shares.append(pretrain.vessel_share(weights, masked).item())
    # of 32 hidden, n = 32 * progress / 2 drawn among the 16 with vessel; the rest among all that remain
    want = [(n + (32 - n) * (16 - n) / (64 - n)) / 32 for n in (0, 4, 8, 12, 16)]
    assert shares == pytest.approx(want, abs=0.01)
    assert shares == sorted(shares)


def test_guidance_may_run_backwards(generator):
    falling = Arm(mask_ratio=0.5, guidance=True, beta_start=0.5, beta_end=0.0)
    weights = torch.zeros(1000, 64)
    weights[:, :16] = 1 / 16
    start, end = (
        pretrain.vessel_share(weights, pretrain.draw_mask(falling, weights, p, generator=generator)) for p in (0.0, 1.0)
    )
    assert start == 0.5
    assert end.item() == pytest.approx(0.25, abs=0.02)


def test_vessel_share_by_hand():
    weights = torch.tensor([[0.5, 0.0, 0.25, 0.25], [0.0, 0.0, 1e-6, 1.0]])
    masked = PatchMask(torch.tensor([[0], [3]]), torch.tensor([[1, 2, 3], [0, 1, 2]]))
    assert pretrain.vessel_share(weights, masked).item() == pytest.approx(3 / 6)


@pytest.mark.parametrize("norm_pix_loss", [True, False])
def test_mae_minimises_the_reconstruction_alone(norm_pix_loss):
    model = small_model()
    values = evaluate(model, MAE, norm_pix_loss=norm_pix_loss)
    assert set(values) == {"loss", "reconstruction", "vessel_share"}
    assert torch.equal(values["loss"], values["reconstruction"])
    images = normalise(small_batch()[0], CPU)
    masked = pretrain.draw_mask(MAE, torch.zeros(3, 64), 0.5, generator=torch.Generator().manual_seed(4))
    want = reconstruction_loss(model(images, masked), images, masked.mask, norm_pix_loss)
    assert torch.isclose(values["loss"], want)
    assert values["vessel_share"].item() == pytest.approx(masked.mask.view(3, 8, 8)[:, :, 3:5].sum().item() / 144)


@pytest.mark.parametrize("norm_pix_loss", [True, False])
def test_consistency_is_added_with_weight_one(norm_pix_loss):
    model, segmentor = small_model(), small_segmentor()
    alone = evaluate(model, GUIDED, norm_pix_loss=norm_pix_loss)
    both = evaluate(model, VASOMIM, segmentor, norm_pix_loss=norm_pix_loss)
    assert torch.equal(both["reconstruction"], alone["loss"])
    assert torch.equal(both["vessel_share"], alone["vessel_share"])
    assert torch.equal(both["loss"], both["reconstruction"] + both["consistency"])
    images, anatomy = small_batch()
    images, weights = (
        normalise(images, CPU),
        anatomy.view(3, 8, 8, 8, 8).float().mean(dim=(2, 4)).flatten(1) / 16,
    )
    masked = pretrain.draw_mask(VASOMIM, weights, 0.5, generator=torch.Generator().manual_seed(4))
    again = reconstruct(model(images, masked), images, norm_pix_loss)
    assert torch.isclose(both["consistency"], consistency_loss(segmentor, again, images))


def test_a_segmentor_that_no_loss_asks_for_is_not_run():
    class Untouchable(nn.Module):
        def forward(self, images):
            raise AssertionError("was run")

    evaluate(small_model(), GUIDED, Untouchable())


def test_consistency_without_a_segmentor_is_refused():
    with pytest.raises(ValueError, match="trained segmentor"):
        pretrain.pretraining_loss(small_model(), VASOMIM, None, norm_pix_loss=True)


def test_consistency_teaches_the_autoencoder_through_the_frozen_segmentor():
    model, segmentor = small_model(), small_segmentor()
    evaluate(model, VASOMIM, segmentor)["consistency"].backward()
    assert all(p.grad is None for p in segmentor.parameters())
    idle = [n for n, p in model.named_parameters() if p.requires_grad and (p.grad is None or not p.grad.any())]
    assert idle == []


class Batches:
    """The same batch, `steps` times an epoch."""

    def __init__(self, steps: int, *batch: torch.Tensor) -> None:
        self.steps, self.batch = steps, batch

    def __len__(self) -> int:
        return self.steps

    def epoch(self, epoch: int):
        return iter([self.batch] * self.steps)


def test_training_lowers_the_loss_and_leaves_the_segmentor_as_it_was(tmp_path):
    model, segmentor = small_model(), small_segmentor()
    before = {name: value.clone() for name, value in segmentor.state_dict().items()}
    loss_fn = pretrain.pretraining_loss(model, VASOMIM, segmentor, norm_pix_loss=False)
    images, anatomy = small_batch()
    smooth = nn.functional.avg_pool2d(images.float(), 31, 1, 15).byte()
    recipe = Recipe(epochs=4, batch_size=3, lr=2e-3)
    table = fit(model, loss_fn, Batches(8, smooth, anatomy), recipe, seed=0, state=tmp_path / "s", name="arm")
    assert list(table.columns) == ["epoch", "lr", "loss", "reconstruction", "consistency", "vessel_share"]
    assert table["reconstruction"].iloc[-1] < 0.7 * table["reconstruction"].iloc[0]
    assert table["vessel_share"].is_monotonic_increasing
    assert all(torch.equal(value, before[name]) for name, value in segmentor.state_dict().items())
    assert not segmentor.training


@pytest.mark.slow
def test_one_step_at_the_papers_own_size(tmp_path):
    paper = Study.load(ROOT).scale_named("paper")
    model = autoencoder(paper, 0)
    assert sum(p.numel() for p in model.encoder.parameters()) == 85_798_656  # ViT-B/16
    assert sum(p.numel() for p in model.parameters()) == 111_907_840  # MAE's own, with its decoder
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    loss_fn = pretrain.pretraining_loss(model, VASOMIM, small_segmentor(), norm_pix_loss=True)
    recipe = replace(paper.pretrain, epochs=1, batch_size=2, warmup=0.0)
    assert (recipe.lr, recipe.beta2, recipe.weight_decay) == (1.5e-4, 0.95, 0.05)
    batches = Batches(1, *small_batch(2, paper.image.side))
    table = fit(model, loss_fn, batches, recipe, seed=0, state=tmp_path / "s", name="paper")
    assert table[["loss", "reconstruction", "consistency"]].gt(0).all(axis=None)
    for name, p in model.named_parameters():
        assert p.isfinite().all(), name
        assert torch.equal(p, before[name]) != p.requires_grad, name
