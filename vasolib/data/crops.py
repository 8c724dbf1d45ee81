"""Training batches: random resized crops of stored images, each from a random stream of its own."""

__all__ = ["CropDataset", "CropLoader", "resize_image", "resize_mask"]

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from vasolib.data.resample import bicubic, nearest
from vasolib.distributed import own_rows

RATIO = (3 / 4, 4 / 3)


def resize_image(image: np.ndarray, side: int) -> Tensor:
    """(h, w) uint8 -> (side, side) uint8, bicubic with antialiasing (Pillow's, as the released code)."""
    return torch.from_numpy(bicubic(image, side))


def resize_mask(mask: np.ndarray, side: int) -> Tensor:
    """(h, w) of 0 and 1 -> (side, side) of the same type, nearest pixel centre."""
    return torch.from_numpy(nearest(mask, side))


def crop_box(side: int, scale: tuple[float, float], rng: np.random.Generator) -> tuple[int, int, int, int]:
    """Top, left, height, width of a crop: area share uniform in `scale`, aspect log-uniform in 3/4 to 4/3.

    As torchvision's RandomResizedCrop: ten tries, then the whole image.
    """
    for _ in range(10):
        area = side * side * rng.uniform(*scale)
        ratio = math.exp(rng.uniform(math.log(RATIO[0]), math.log(RATIO[1])))
        width, height = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < width <= side and 0 < height <= side:
            return int(rng.integers(side - height + 1)), int(rng.integers(side - width + 1)), height, width
    return 0, 0, side, side


@dataclass(frozen=True)
class CropDataset(Dataset):
    """Batches of crops of images and their masks, each crop the same whoever reads it, and beside whichever others.

    images: (N, S, S) uint8; masks: (N, S, S) of 0 and 1, or None; side: of the crops, in pixels;
    scale: range of a crop's share of the image's area; seed: of all random streams; views: V, crops of each image;
    ids: what the N images are called, their rows' numbers where it is not given.
    """

    images: np.ndarray
    masks: np.ndarray | None
    side: int
    scale: tuple[float, float]
    seed: int
    views: int = 1
    ids: Sequence[str] = ()

    def __getitem__(self, keys: list[tuple[int, int]]) -> tuple[Tensor, Tensor]:
        """Images and masks, each (B, V, side, side) uint8, for B pairs of a stream and an image's index."""
        shape = len(keys), self.views, self.side, self.side
        images, masks = np.empty(shape, np.uint8), np.zeros(shape, np.uint8)
        for place, (stream, index) in enumerate(keys):
            rng = np.random.default_rng([self.seed, stream, index])
            for view in range(self.views):
                self.crop(index, rng, images[place, view], masks[place, view])
        return torch.from_numpy(images), torch.from_numpy(masks)

    def crop(self, index: int, rng: np.random.Generator, image: np.ndarray, mask: np.ndarray) -> None:
        """Draw a crop of an image and of its mask and write them into `image` and `mask` (side, side)."""
        top, left, height, width = crop_box(self.images.shape[1], self.scale, rng)
        window = np.s_[index, top : top + height, left : left + width]
        mirrored = bool(rng.random() < 0.5)
        image[:] = bicubic(self.images[window], self.side, mirrored)
        if self.masks is not None:
            mask[:] = nearest(self.masks[window], self.side, mirrored)


@dataclass(frozen=True)
class CropLoader:
    """Shuffled batches of crops, `samples` of them an epoch, passing over the images in turn.

    Images are drawn without replacement until all were seen, then again; the last batch is never partial.
    """

    dataset: CropDataset
    batch_size: int
    samples: int
    workers: int = 0

    def __len__(self) -> int:
        return max(1, self.samples // self.batch_size)

    def keys(self, epoch: int) -> list[list[tuple[int, int]]]:
        """The (stream, index) pairs of each batch of an epoch; an image met twice in it gets two streams."""
        count, wanted = len(self.dataset.images), len(self) * self.batch_size
        rng = np.random.default_rng([self.dataset.seed, epoch])
        rounds = math.ceil(wanted / count)
        order = [(epoch * rounds + r, int(i)) for r in range(rounds) for i in rng.permutation(count)]
        return [order[i : i + self.batch_size] for i in range(0, wanted, self.batch_size)]

    def images(self, epoch: int, step: int) -> list[str]:
        """What the images of one batch are called."""
        return [str(self.dataset.ids[i] if len(self.dataset.ids) else i) for _, i in self.keys(epoch)[step]]

    @cached_property
    def reader(self) -> tuple[list, DataLoader]:
        """The keys of the epoch to come, to be filled in, and what reads them; its workers live on between epochs."""
        keys: list[list[tuple[int, int]]] = []
        options = {"num_workers": self.workers, "persistent_workers": self.workers > 0, "generator": torch.Generator()}
        return keys, DataLoader(
            self.dataset, batch_size=None, sampler=keys, pin_memory=torch.cuda.is_available(), **options
        )

    def epoch(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches of images and masks, each (B, V, side, side) uint8; of several processes, each reads its own part.

        One epoch is read at a time: asking for another ends the one before.
        """
        keys, reader = self.reader
        keys[:] = [own_rows(batch) for batch in self.keys(epoch)]
        return iter(reader)
