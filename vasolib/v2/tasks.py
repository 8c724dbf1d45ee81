"""The four tasks: what tells them apart while encoders, the loop that trains and the order of a test are the same."""

__all__ = ["TASKS", "Task"]

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn
from torch.utils.data import Dataset

from vasolib.data.store import ImageStore
from vasolib.settings import Scale
from vasolib.v2.boxes import BOXED
from vasolib.v2.held_out import HeldOut
from vasolib.v2.maps import SEGMENTS, STENOSES, VESSELS
from vasolib.v2.settings import ExtendedScale
from vasolib.v2.study import Extended


class Task(Protocol):
    """Something to be fine-tuned for: labels, a head on an encoder, a loss, a score and a picture.

    notebook: that trains it. folder: of what it writes. plain: the arm that has a network of another kind in the place
    of an encoder. file: of a store, that holds the labels. crops: a data set of random crops, from images (N, S, S)
    uint8, their labels, the crops' side, the share of an image that they show, a seed, and `ids`.

    Labels and answers are whatever the task says, one after another for the images they belong to.
    """

    name: str
    notebook: str
    folder: str
    plain: str
    file: str
    crops: Callable[..., Dataset]

    def fault(self, store: ImageStore) -> str:
        """What a store's labels have and should have, "" where this task can use them."""

    def labels(self, store: ImageStore, rows: np.ndarray) -> Sequence:
        """The labels of some images."""

    def side(self, extended: Extended) -> int:
        """Of the images that the network sees, in pixels."""

    def network(self, encoder: VisionTransformer | None, scale: Scale, more: ExtendedScale) -> nn.Module:
        """The head on an encoder, or all of the network where there is none; drawn from torch's generator."""

    def losses(self, network: nn.Module, images: Tensor, labels: Any, more: ExtendedScale) -> dict[str, Tensor]:
        """Scalars, `loss` among them, for normalised (B, 3, H, W) and a batch's labels as its crops have them."""

    def whole(self, images: np.ndarray, labels: Sequence, side: int) -> tuple[Tensor, Sequence]:
        """Uncropped frames (N, 1, side, side) uint8 and their labels at that side."""

    def answer(self, network: nn.Module, frames: Tensor) -> Sequence:
        """The network's answers to (N, 1, H, W) uint8."""

    def score(self, answers: Sequence, test: HeldOut) -> dict[str, pd.DataFrame]:
        """Tables by name: how good the answers are."""

    def keep(self, folder: Path, answers: Sequence, test: HeldOut) -> None:
        """Write the answers to a set's test images into a folder."""

    def kept(self, folder: Path, test: HeldOut) -> Sequence:
        """The answers to these images, the first of those that `keep` has written."""

    def picture(self, test: HeldOut, answers: dict[str, Sequence]) -> Figure:
        """The images, their labels, and the answers of each arm."""


TASKS: dict[str, Task] = {task.name: task for task in (VESSELS, SEGMENTS, STENOSES, BOXED)}
