"""Denoising: Gaussian noise on frames, networks that predict it, non-local means, and how near each comes.

v1 compares encoders on this task, and states neither noise level, split nor decoder (Table S2). Here every network
predicts the noise (residual learning, as DnCNN does) from the normalised noisy frame and learns by squared errors, at
one known noise level. A pre-trained encoder works under segmentation's U-Net decoder with its path from the image on:
the noise of single pixels does not pass through tokens.
"""

__all__ = [
    "add_noise", "denoise", "denoising_loss", "denoising_network", "non_local_means", "score_denoised",
    "train_denoiser",
]  # fmt: skip

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from skimage.restoration import denoise_nl_means
from torch import Tensor, nn
from torch.nn import functional as F

from vasolib.data.crops import CropDataset, CropLoader
from vasolib.distributed import batch_randn
from vasolib.downstream.dncnn import DnCNN
from vasolib.networks import segmentation_network
from vasolib.settings import Scale
from vasolib.training import IMAGENET_STD, fit, normalise, place, seeded

UNIT = 255 * sum(IMAGENET_STD) / 3  # grey levels to one unit of what `normalise` gives, on average over its channels


def add_noise(images: Tensor, sigma: float, *, generator: torch.Generator) -> Tensor:
    """White Gaussian noise of `sigma` grey levels on (N, 1, H, W) uint8: float of the same shape.

    Values are not clipped to 0..255: clipping would make the noise weaker, and biased, in dark and bright places.
    """
    clean = images.to(generator.device).float()
    return clean + sigma * batch_randn(*clean.shape, generator=generator)


def denoising_loss(model: nn.Module, sigma: float) -> Callable[..., dict[str, Tensor]]:
    """The `loss_fn` that `vasolib.training.fit` wants: mean squared error of the predicted noise, in units of `UNIT`.

    `model` maps normalised (B, 3, H, W) to noise (B, 1, H, W); `sigma` in grey levels.
    """
    device = next(model.parameters()).device

    def loss_fn(batch: tuple[Tensor, Tensor], progress: float, generator: torch.Generator) -> dict[str, Tensor]:
        images = batch[0].to(device)
        noisy = add_noise(images, sigma, generator=generator)
        residual = model(normalise(noisy, device)).float()
        return {"loss": F.mse_loss(residual, (noisy - images) / UNIT)}

    return loss_fn


def denoising_network(arm: str, scale: Scale, seed: int) -> nn.Module:
    """`dncnn`, or a ViT under the decoder with a path from the image for any other arm; weights drawn from the seed."""
    if arm != "dncnn":
        return segmentation_network(arm, replace(scale, image_skip=True), seed)
    with seeded(seed):
        return place(DnCNN(scale.dncnn.depth, scale.dncnn.width))


def train_denoiser(
    network: nn.Module,
    images: np.ndarray,
    scale: Scale,
    sigma: float,
    *,
    seed: int,
    state: Path,
    name: str,
    ids: Sequence[str] = (),
) -> pd.DataFrame:
    """Train in place by the scale's recipe on random crops of (N, S, S) uint8 with fresh noise; the log of its epochs.

    A recipe without `samples` passes over the images once an epoch. `state`, `name`: see `vasolib.training.fit`; `ids`:
    what the images are called.
    """
    recipe = scale.denoise
    crops = CropDataset(images, None, scale.image.side, recipe.crop, seed, ids=ids)
    loader = CropLoader(crops, recipe.batch_size, recipe.samples or len(images), scale.workers)
    return fit(network, denoising_loss(network, sigma), loader, recipe, seed=seed, state=state, name=name)


@torch.no_grad()
def denoise(model: nn.Module, noisy: Tensor, batch_size: int = 16) -> Tensor:
    """Estimates of clean frames, noisy minus predicted noise: (N, 1, H, W) float grey levels to the same, on the CPU.

    In single precision: eight bits of a mantissa would add an error of their own.
    """
    device = next(model.parameters()).device
    model.eval()
    residuals = [model(normalise(batch, device)).cpu() for batch in noisy.split(batch_size)]
    return noisy.cpu() - UNIT * torch.cat(residuals)


def non_local_means(noisy: Tensor, sigma: float) -> Tensor:
    """Each of (N, 1, H, W) by non-local means (Buades et al., CVPR 2005), told the noise level in grey levels.

    scikit-image's fast algorithm, its sizes of patch and search window, and the filter strength it recommends.
    """
    options = {"h": 0.8 * sigma, "sigma": sigma, "fast_mode": True, "preserve_range": True}
    filtered = [denoise_nl_means(image, **options) for image in noisy[:, 0].cpu().numpy().astype(np.float64)]
    return torch.from_numpy(np.stack(filtered))[:, None].float()


def score_denoised(clean: Tensor, estimate: Tensor, ids: list[str]) -> pd.DataFrame:
    """One row per image: image, psnr (dB), ssim, of (N, 1, H, W) grey levels; estimates are clipped to 0..255 first.

    SSIM with scikit-image's uniform window of 7 x 7 pixels.
    """
    clean, estimate = (x[:, 0].double().clamp(0, 255).cpu().numpy() for x in (clean, estimate))
    rows = [
        {
            "image": image,
            "psnr": peak_signal_noise_ratio(c, e, data_range=255),
            "ssim": structural_similarity(c, e, data_range=255),
        }
        for image, c, e in zip(ids, clean, estimate, strict=True)
    ]
    return pd.DataFrame(rows)
