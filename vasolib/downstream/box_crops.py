"""Images and boxes as a detector sees them: random crops to learn from, whole frames to be tested on."""

__all__ = ["BoxCrops", "cut_boxes", "whole_boxed"]

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from vasolib.data.crops import crop_box, resize_image
from vasolib.data.resample import bicubic

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


def whole_boxed(images: np.ndarray, boxes: Sequence[np.ndarray], side: int) -> tuple[Tensor, list[np.ndarray]]:
    """Uncropped frames for testing: (N, S, S), N of (k, 4) -> images (N, 1, side, side), boxes in their pixels."""
    resized = torch.stack([resize_image(image, side) for image in images])[:, None]
    return resized, [each * (side / images.shape[1]) for each in boxes]
