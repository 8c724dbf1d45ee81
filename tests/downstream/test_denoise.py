"""Denoising: the noise that is added, the loss and the scores by hand, and the filter it is compared with."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from vasolib.downstream import denoise as task
from vasolib.downstream.dncnn import DnCNN
from vasolib.downstream.unet import ViTUNet
from vasolib.mim import build_encoder
from vasolib.training import normalise, seeded

ROOT = Path(__file__).resolve().parents[2]
CPU = torch.device("cpu")


def smooth_frames(count: int = 2, side: int = 64) -> torch.Tensor:
    """Waves and a dark bar."""
    rows = torch.arange(side).float()[:, None]
    columns = torch.arange(side).float()[None]
    frames = [130 + 60 * torch.sin(rows / 15 + i) * torch.cos(columns / 20) for i in range(count)]
    frames = torch.stack(frames)[:, None]
    frames[:, :, 20:26] -= 40
    return frames.round().byte()


def seed(number: int) -> torch.Generator:
    return torch.Generator().manual_seed(number)


class Oracle(nn.Module):
    """Knows the clean frames, and so predicts the noise of a batch to its last digit, `wrong` grey levels aside."""

    def __init__(self, clean: torch.Tensor, wrong: float = 0.0):
        super().__init__()
        self.clean, self.wrong = normalise(clean, CPU)[:, :1], wrong
        self.scale = nn.Parameter(torch.tensor(1.0))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        levels = 0.229 * 255  # of one unit of the first channel
        return self.scale * ((images[:, :1] - self.clean) * levels + self.wrong) / task.UNIT


@pytest.mark.parametrize("sigma", [5.0, 25.0])
@pytest.mark.parametrize("level", [0, 128, 255])
def test_noise_has_the_level_asked_for_and_is_not_clipped(level, sigma):
    frames = torch.full((4, 1, 128, 128), level, dtype=torch.uint8)
    noise = task.add_noise(frames, sigma, generator=seed(0)) - frames
    count = noise.numel()
    assert noise.dtype == torch.float32 and noise.shape == frames.shape
    assert abs(noise.mean()) < 4.5 * sigma / math.sqrt(count)
    assert abs(noise.std() / sigma - 1) < 4.5 / math.sqrt(2 * count)
    neighbours = (noise[..., 1:] * noise[..., :-1]).mean() / sigma**2
    assert abs(neighbours) < 4.5 / math.sqrt(count)
    assert noise.min() < -3 * sigma and noise.max() > 3 * sigma


def test_noise_is_drawn_from_its_generator_alone():
    frames = smooth_frames()
    first = task.add_noise(frames, 10, generator=seed(1))
    torch.rand(2)
    assert torch.equal(task.add_noise(frames, 10, generator=seed(1)), first)
    assert not torch.allclose(task.add_noise(frames, 10, generator=seed(2)), first)
    assert not torch.allclose(first[0] - frames[0], first[1] - frames[1])


def test_the_loss_is_the_squared_error_of_the_noise_in_units_of_the_networks():
    with seeded(0):
        model = DnCNN(3, 4).eval()
    frames = smooth_frames()
    values = task.denoising_loss(model, 20.0)((frames, torch.zeros_like(frames)), 0.5, seed(3))
    noisy = task.add_noise(frames, 20.0, generator=seed(3))
    unit = 255 * (0.229 + 0.224 + 0.225) / 3
    wanted = ((model(normalise(noisy, CPU)) * unit - (noisy - frames)) ** 2).mean() / unit**2
    assert list(values) == ["loss"]
    assert torch.isclose(values["loss"], wanted)
    values["loss"].backward()
    assert all(p.grad is not None for p in model.parameters())


def test_a_model_that_says_nothing_loses_the_variance_of_the_noise():
    class Silent(nn.Module):
        def __init__(self):
            super().__init__()
            self.zero = nn.Parameter(torch.tensor(0.0))

        def forward(self, images):
            return self.zero * images[:, :1]

    frames = smooth_frames(8, 128)
    loss = task.denoising_loss(Silent(), 30.0)((frames, frames), 0.1, seed(0))["loss"]
    assert loss.item() == pytest.approx((30 / task.UNIT) ** 2, rel=0.02)
    noisy = task.add_noise(frames, 30.0, generator=seed(0))
    assert torch.equal(task.denoise(Silent(), noisy), noisy)


@pytest.mark.parametrize("batch_size", [3, 16])
def test_the_clean_frames_come_back_where_the_residual_is_exact(batch_size):
    clean = smooth_frames(3)
    noisy = task.add_noise(clean, 25.0, generator=seed(0))
    assert task.denoising_loss(Oracle(clean), 25.0)((clean, clean), 0.5, seed(0))["loss"] < 1e-10
    estimate = task.denoise(Oracle(clean), noisy, batch_size)
    assert estimate.shape == clean.shape
    assert torch.allclose(estimate, clean.float(), atol=1e-3)
    scores = task.score_denoised(clean, estimate, list("abc"))
    assert (scores["psnr"] > 100).all() and np.allclose(scores["ssim"], 1)


def test_a_constant_error_of_the_residual_gives_its_psnr():
    clean = smooth_frames(2)
    noisy = task.add_noise(clean, 25.0, generator=seed(0))
    estimate = task.denoise(Oracle(clean, wrong=5.0), noisy)
    assert torch.allclose(estimate, clean - 5.0, atol=1e-3)
    scores = task.score_denoised(clean, estimate, ["a", "b"])
    assert list(scores) == ["image", "psnr", "ssim"] and list(scores["image"]) == ["a", "b"]
    assert scores["psnr"].tolist() == pytest.approx([20 * math.log10(255 / 5)] * 2, abs=1e-3)
    assert (scores["ssim"] < 1).all() and (scores["ssim"] > 0.98).all()


def test_scores_clip_what_no_image_can_hold():
    clean = torch.tensor([0, 255]).byte().repeat(8, 4)[None, None]
    beyond = clean.float() + torch.where(clean > 0, 30.0, -30.0)
    beyond[0, 0, 0, 0] = 8.0
    psnr = task.score_denoised(clean, beyond, ["a"])["psnr"].item()
    assert psnr == pytest.approx(20 * math.log10(255 / 8 * 8))  # one of 64 pixels is wrong


@pytest.mark.parametrize("side", [32, 64])
def test_both_networks_denoise_frames_of_their_size_whatever_the_batch(side):
    with seeded(0):
        models = [DnCNN(4, 8), ViTUNet(build_encoder(side, 8, 32, 1, 2), 4, image_skip=True)]
    noisy = task.add_noise(smooth_frames(5, side), 20.0, generator=seed(0))
    for model in models:
        model.train()
        estimate = task.denoise(model, noisy, batch_size=5)
        assert estimate.shape == noisy.shape and not estimate.requires_grad
        assert torch.allclose(task.denoise(model, noisy, batch_size=2), estimate, atol=1e-2)


def test_non_local_means_nears_the_clean_frames_and_keeps_still_ones():
    clean = smooth_frames()
    noisy = task.add_noise(clean, 15.0, generator=seed(0))
    filtered = task.non_local_means(noisy, 15.0)
    assert filtered.shape == noisy.shape and filtered.dtype == torch.float32
    before, after = (task.score_denoised(clean, x, ["a", "b"]) for x in (noisy, filtered))
    assert (after["psnr"] > before["psnr"] + 5).all()
    assert (after["ssim"] > before["ssim"]).all()
    assert torch.equal(task.non_local_means(noisy[1:], 15.0), filtered[1:])
    flat = torch.full((1, 1, 32, 32), 77.0)
    assert torch.allclose(task.non_local_means(flat, 15.0), flat, atol=1e-3)
