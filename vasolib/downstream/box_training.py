"""Training a detector of boxes on random crops, and what it finds in whole frames."""

__all__ = ["BoxCrops", "cut_boxes", "detect", "detection_loss", "train_detector", "whole_frames"]

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from vasolib.data.crops import CropLoader, crop_box, resize_image
from vasolib.data.resample import bicubic
from vasolib.downstream.finetune import jitter
from vasolib.settings import Recipe
from vasolib.training import fit, normalise

LEFT = 0.5  # least share of a box's area that a crop must hold for the box to count


def cut_boxes(boxes: np.ndarray, window: tuple[int, int, int, int], side: int, mirrored: bool) -> np.ndarray:
    """Boxes (k, 4), x0, y0, x1, y1, in a crop of side `side`; those of which less than half is in it are left out.

    Args:
        window: top, left, height, width of the crop in the image.
        mirrored: left and right are swapped afterwards.
    """
    top, left, height, width = window
    corners = boxes.reshape(-1, 2, 2) - (left, top)  # (k, first or last, x or y)
    inside = corners.clip(0, (width, height))
    kept = np.diff(inside, axis=1).prod(axis=2) >= LEFT * np.diff(corners, axis=1).prod(axis=2)
    inside = inside[kept[:, 0]] * (side / width, side / height)
    if mirrored:
        inside[:, :, 0] = side - inside[:, ::-1, 0]
    return inside.reshape(-1, 4)


@dataclass(frozen=True)
class BoxCrops(Dataset):
    """Batches of crops of images and of their boxes, for `vasolib.data.crops.CropLoader`.

    images: (N, S, S) uint8; boxes: N of (k, 4), x0, y0, x1, y1 in pixels, half-open; the rest as in `CropDataset`.
    """

    images: np.ndarray
    boxes: Sequence[np.ndarray]
    side: int
    scale: tuple[float, float]
    seed: int
    ids: Sequence[str] = ()

    def __getitem__(self, keys: list[tuple[int, int]]) -> tuple[Tensor, list[Tensor]]:
        """Images (B, 1, side, side) uint8 and B of boxes (k, 4), for B pairs of a stream and an image's index."""
        crops = [self.crop(stream, index) for stream, index in keys]
        images = torch.from_numpy(np.stack([image for image, _ in crops]))[:, None]
        return images, [torch.from_numpy(boxes).float() for _, boxes in crops]

    def crop(self, stream: int, index: int) -> tuple[np.ndarray, np.ndarray]:
        """One crop (side, side) and its boxes."""
        rng = np.random.default_rng([self.seed, stream, index])
        window = top, left, height, width = crop_box(self.images.shape[1], self.scale, rng)
        mirrored = bool(rng.random() < 0.5)
        image = bicubic(self.images[index, top : top + height, left : left + width], self.side, mirrored)
        return image, cut_boxes(self.boxes[index], window, self.side, mirrored)


def detection_loss(model: nn.Module):
    """The `loss_fn` that `vasolib.training.fit` wants for a `BoxDetector`: the sum of torchvision's four losses.

    Which anchors and proposals they are taken over is drawn by torch's global generator, which `fit` seeds; so
    several processes do not draw the same as one.
    """
    device = next(model.parameters()).device

    def loss_fn(batch: tuple[Tensor, list[Tensor]], progress: float, generator: torch.Generator) -> dict[str, Tensor]:
        images, boxes = batch
        targets = [
            {"boxes": b.to(device), "labels": torch.ones(len(b), dtype=torch.long, device=device)} for b in boxes
        ]
        losses = model(jitter(normalise(images, device), generator=generator), targets)
        return {"loss": sum(losses.values()), **losses}

    return loss_fn


def train_detector(
    model: nn.Module,
    images: np.ndarray,
    boxes: Sequence[np.ndarray],
    side: int,
    recipe: Recipe,
    *,
    seed: int,
    state: Path,
    name: str,
    ids: Sequence[str] = (),
    workers: int = 0,
) -> pd.DataFrame:
    """Train a `BoxDetector` on random crops of side `side`, in place; the log of its epochs.

    `images`, `boxes`, `ids`: see `BoxCrops`; `state`, `name`: see `vasolib.training.fit`.
    """
    crops = BoxCrops(images, boxes, side, recipe.crop, seed, ids)
    loader = CropLoader(crops, recipe.batch_size, recipe.samples or len(images), workers)
    return fit(model, detection_loss(model), loader, recipe, seed=seed, state=state, name=name)


def whole_frames(images: np.ndarray, boxes: Sequence[np.ndarray], side: int) -> tuple[Tensor, list[np.ndarray]]:
    """Uncropped frames for testing: (N, S, S), N of (k, 4) -> images (N, 1, side, side), boxes in their pixels."""
    resized = torch.stack([resize_image(image, side) for image in images])[:, None]
    return resized, [each * (side / images.shape[1]) for each in boxes]


@torch.no_grad()
def detect(model: nn.Module, images: Tensor, batch_size: int = 8) -> list[tuple[np.ndarray, np.ndarray]]:
    """Boxes (k, 4) and their scores (k,), falling, in each of (N, 1, H, W) uint8 frames, in their pixels."""
    device = next(model.parameters()).device
    model.eval()
    found = [each for batch in images.split(batch_size) for each in model(normalise(batch, device))]
    return [(each["boxes"].cpu().numpy(), each["scores"].cpu().numpy()) for each in found]
