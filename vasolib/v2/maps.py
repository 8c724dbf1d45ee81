"""Tasks whose answer is a number for each pixel, from a U-Net decoder: vessels, segments, outlined stenoses."""

__all__ = ["SEGMENTS", "STENOSES", "VESSELS", "Maps"]

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from vasolib.data.crops import CropDataset
from vasolib.data.store import ImageStore
from vasolib.downstream.finetune import dice_bce, whole_frames
from vasolib.downstream.segments import CLASSES, UprightCrops, class_scores, segments_loss
from vasolib.downstream.stenoses import lesion_scores, stenoses_loss
from vasolib.downstream.unet import UNet, ViTUNet
from vasolib.metrics import Labels
from vasolib.settings import Scale
from vasolib.training import autocast, normalise
from vasolib.v2.held_out import HeldOut
from vasolib.v2.pictures import beside_labels
from vasolib.v2.settings import ExtendedScale
from vasolib.v2.study import Extended


@dataclass(frozen=True)
class Maps:
    """One kind of label map; see `vasolib.v2.tasks.Task`.

    outputs: channels of the logits. highest: number that a label map may hold. crops: how training crops are made.
    criterion: scalar from logits (B, outputs, H, W), label maps (B, 1, H, W) uint8 and the scale's settings. numbers:
    (B, H, W) from logits. rows: a table of rows per image, first column `image`, from answers and label maps (N, H, W)
    and images' names. names: of the numbers, to be written on pictures.
    """

    name: str
    outputs: int
    highest: int
    crops: type[CropDataset]
    criterion: Callable[[Tensor, Tensor, ExtendedScale], Tensor]
    numbers: Callable[[Tensor], Tensor]
    rows: Callable[[np.ndarray, np.ndarray, list[str]], pd.DataFrame]
    names: Sequence[str] = ()
    notebook: str = "v2_50_finetune"
    folder: str = "finetune"
    plain: str = "unet"
    file: str = "masks.npy"

    def fault(self, store: ImageStore) -> str:
        highest = -1 if store.masks is None else int(store.masks.max())
        if 0 <= highest <= self.highest:
            return ""
        found = "has no label maps" if highest < 0 else f"has labels up to {highest}"
        return f"{found}, expected {self.name} with numbers from 0 to {self.highest}"

    def labels(self, store: ImageStore, rows: np.ndarray) -> np.ndarray:
        return store.masks[rows]

    def side(self, extended: Extended) -> int:
        return extended.study.scale.image.side

    def network(self, encoder: VisionTransformer | None, scale: Scale, more: ExtendedScale) -> nn.Module:
        if encoder is None:
            network = UNet(scale.unet_width)
        else:
            network = ViTUNet(encoder, scale.decoder_width, scale.image_skip)
        network.up.head = nn.Conv2d(network.up.head.in_channels, self.outputs, 1)
        return network

    def losses(self, network: nn.Module, images: Tensor, labels: Tensor, more: ExtendedScale) -> dict[str, Tensor]:
        return {"loss": self.criterion(network(images), labels.to(images.device), more)}

    def whole(self, images: np.ndarray, labels: np.ndarray, side: int) -> tuple[Tensor, np.ndarray]:
        return whole_frames(images, labels, side)

    @torch.no_grad()
    def answer(self, network: nn.Module, frames: Tensor, batch_size: int = 16) -> np.ndarray:
        device = next(network.parameters()).device
        network.eval()
        with autocast(device):
            maps = [self.numbers(network(normalise(batch, device)).float()).cpu() for batch in frames.split(batch_size)]
        return torch.cat(maps).numpy().astype(np.uint8)

    def score(self, answers: np.ndarray, test: HeldOut) -> dict[str, pd.DataFrame]:
        return {self.name: self.rows(answers, test.truth, test.ids)}

    def keep(self, folder: Path, answers: np.ndarray, test: HeldOut) -> None:
        np.save(folder / f"{test.name}.npy", answers)

    def kept(self, folder: Path, test: HeldOut) -> np.ndarray:
        return np.load(folder / f"{test.name}.npy")[: len(test.ids)]

    def picture(self, test: HeldOut, answers: dict[str, np.ndarray]) -> Figure:
        return beside_labels(test.frames[:, 0].numpy(), {"label": test.truth} | answers, test.ids, self.names)


def likely(logits: Tensor) -> Tensor:
    """Where the probability of (B, 1, H, W) logits is at least one half: (B, H, W) bool."""
    return logits[:, 0] >= 0


def likeliest(logits: Tensor) -> Tensor:
    """The class of largest probability: (B, K, H, W) logits -> (B, H, W)."""
    return logits.argmax(dim=1)


def vessel_loss(logits: Tensor, labels: Tensor, more: ExtendedScale) -> Tensor:
    """As in the first part."""
    return dice_bce(logits, labels)


def segment_loss(logits: Tensor, labels: Tensor, more: ExtendedScale) -> Tensor:
    """See `segments_loss`."""
    return segments_loss(logits, labels)


def stenosis_loss(logits: Tensor, labels: Tensor, more: ExtendedScale) -> Tensor:
    """See `stenoses_loss`."""
    return stenoses_loss(logits, labels, more.lesion_weight)


def vessel_scores(answers: np.ndarray, labels: np.ndarray, ids: list[str]) -> pd.DataFrame:
    """DSC and clDice of each image, see `Labels`."""
    return Labels.of(labels, ids).score(answers)


VESSELS = Maps("vessels", 1, 1, CropDataset, vessel_loss, likely, vessel_scores)
SEGMENTS = Maps(
    "segments", len(CLASSES), len(CLASSES) - 1, UprightCrops, segment_loss, likeliest, class_scores, CLASSES
)
STENOSES = Maps("stenoses", 1, 255, CropDataset, stenosis_loss, likely, lesion_scores)
