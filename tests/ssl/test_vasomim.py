"""VasoMIM and MAE within it: what they hide, what they minimise, and what stays frozen."""

import pytest
import torch
from torch import nn

from vasolib.masking import PatchMask, patch_weights
from vasolib.mim import build_encoder, consistency_loss, reconstruct, reconstruction_loss
from vasolib.segmentor import UNeXt, freeze
from vasolib.ssl.vasomim import VasoMIM, draw_mask, masking_rate, vessel_share
from vasolib.training import normalise, seeded

CPU = torch.device("cpu")
GUIDED = (0.0, 0.5)


def small_model(mask_ratio=0.5, betas=None, judge=None, norm_pix_loss=True) -> VasoMIM:
    with seeded(0):
        return VasoMIM(build_encoder(64, 8, 48, 2, 3), 32, 1, 2, mask_ratio, norm_pix_loss, betas, judge)


def small_segmentor() -> nn.Module:
    with seeded(1):
        return freeze(UNeXt())


def small_batch() -> tuple[torch.Tensor, torch.Tensor]:
    """Normalised noise (1, 3, 3, 64, 64), and weights of an anatomy that fills the two middle columns of patches."""
    images = torch.randint(0, 256, (3, 1, 64, 64), generator=torch.Generator().manual_seed(0)).byte()
    anatomy = torch.zeros(3, 64, 64)
    anatomy[..., 24:40] = 1
    return normalise(images, CPU)[None], patch_weights(anatomy, 8)


def evaluate(model, progress=0.5):
    return model.loss(*small_batch(), progress, generator=torch.Generator().manual_seed(4))


@pytest.mark.parametrize("progress", [0.0, 1.0])
def test_without_guidance_every_patch_is_hidden_equally_often(progress, generator):
    weights = torch.zeros(6000, 16)
    weights[:, 3] = 1
    often = draw_mask(weights, 0.75, None, progress, generator=generator).mask.mean(dim=0)
    assert torch.allclose(often, torch.full((16,), 0.75), atol=4.5 * (0.75 * 0.25 / 6000) ** 0.5)


def test_without_guidance_neither_weights_nor_progress_matter():
    draws = [
        draw_mask(weights, 0.75, None, progress, generator=torch.Generator().manual_seed(0))
        for weights in (torch.zeros(4, 16), torch.rand(4, 16))
        for progress in (0.0, 1.0)
    ]
    assert all(torch.equal(draw.mask, draws[0].mask) for draw in draws)


def test_guidance_hides_more_vessel_the_further_training_is(generator):
    weights = torch.zeros(4000, 64)
    weights[:, :16] = 1 / 16
    shares = []
    for progress in (0.0, 0.25, 0.5, 0.75, 1.0):
        masked = draw_mask(weights, 0.5, GUIDED, progress, generator=generator)
        assert masked.idx_mask.shape == (4000, 32)
        shares.append(vessel_share(weights, masked).item())
    # of 32 hidden, n = 32 * progress / 2 drawn among the 16 with vessel; the rest among all that remain
    want = [(n + (32 - n) * (16 - n) / (64 - n)) / 32 for n in (0, 4, 8, 12, 16)]
    assert shares == pytest.approx(want, abs=0.01)
    assert shares == sorted(shares)


def test_guidance_may_run_backwards(generator):
    weights = torch.zeros(1000, 64)
    weights[:, :16] = 1 / 16
    start, end = (
        vessel_share(weights, draw_mask(weights, 0.5, (0.5, 0.0), p, generator=generator)) for p in (0.0, 1.0)
    )
    assert start == 0.5
    assert end.item() == pytest.approx(0.25, abs=0.02)


def test_a_masking_rate_is_the_mean_of_the_masks():
    weights = torch.rand(16)
    rate = masking_rate(weights, 0.5, GUIDED, 7, generator=torch.Generator().manual_seed(3))
    again = torch.Generator().manual_seed(3)
    drawn = [draw_mask(weights[None], 0.5, GUIDED, (e + 1) / 7, generator=again).mask[0] for e in range(7)]
    assert torch.allclose(rate, torch.stack(drawn).mean(dim=0))


def test_vessel_share_by_hand():
    weights = torch.tensor([[0.5, 0.0, 0.25, 0.25], [0.0, 0.0, 1e-6, 1.0]])
    masked = PatchMask(torch.tensor([[0], [3]]), torch.tensor([[1, 2, 3], [0, 1, 2]]))
    assert vessel_share(weights, masked).item() == pytest.approx(3 / 6)


@pytest.mark.parametrize("norm_pix_loss", [True, False])
def test_mae_minimises_the_reconstruction_alone(norm_pix_loss):
    model = small_model(0.75, norm_pix_loss=norm_pix_loss)
    values = evaluate(model)
    assert set(values) == {"loss", "reconstruction", "vessel_share"}
    assert torch.equal(values["loss"], values["reconstruction"])
    (images,), weights = small_batch()
    masked = draw_mask(weights, 0.75, None, 0.5, generator=torch.Generator().manual_seed(4))
    want = reconstruction_loss(model(images, masked), images, masked.mask, norm_pix_loss)
    assert torch.isclose(values["loss"], want)
    assert values["vessel_share"].item() == pytest.approx(masked.mask.view(3, 8, 8)[:, :, 3:5].sum().item() / 144)


@pytest.mark.parametrize("norm_pix_loss", [True, False])
def test_consistency_is_added_with_weight_one(norm_pix_loss):
    segmentor = small_segmentor()
    alone = evaluate(small_model(betas=GUIDED, norm_pix_loss=norm_pix_loss))
    model = small_model(betas=GUIDED, judge=segmentor.forward, norm_pix_loss=norm_pix_loss)
    both = evaluate(model)
    assert torch.equal(both["reconstruction"], alone["loss"])
    assert torch.equal(both["vessel_share"], alone["vessel_share"])
    assert torch.equal(both["loss"], both["reconstruction"] + both["consistency"])
    (images,), weights = small_batch()
    masked = draw_mask(weights, 0.5, GUIDED, 0.5, generator=torch.Generator().manual_seed(4))
    again = reconstruct(model(images, masked), images, norm_pix_loss)
    assert torch.isclose(both["consistency"], consistency_loss(segmentor, again, images))


def test_consistency_teaches_the_autoencoder_through_the_frozen_segmentor():
    segmentor = small_segmentor()
    model = small_model(betas=GUIDED, judge=segmentor.forward)
    evaluate(model)["consistency"].backward()
    assert all(p.grad is None for p in segmentor.parameters())
    idle = [n for n, p in model.named_parameters() if p.requires_grad and (p.grad is None or not p.grad.any())]
    assert idle == []


def test_the_judge_is_no_part_of_what_is_saved():
    assert small_model(judge=small_segmentor().forward).state_dict().keys() == small_model().state_dict().keys()
