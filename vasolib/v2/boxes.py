"""The task whose answer is boxes around stenoses, from a Faster R-CNN."""

__all__ = ["BOXED", "Boxes"]

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor

from vasolib.data.store import ImageStore
from vasolib.downstream.average_precision import Found, average_precision, count_lesions
from vasolib.downstream.box_crops import BoxCrops, whole_boxed
from vasolib.downstream.detection import BoxDetector, detect, detection_losses, resnet_detector, vit_detector
from vasolib.files import write_csv
from vasolib.settings import Scale
from vasolib.v2.box_table import BOX_COLUMNS, boxes_of
from vasolib.v2.held_out import HeldOut
from vasolib.v2.pictures import boxed_sheet
from vasolib.v2.settings import ExtendedScale
from vasolib.v2.study import Extended

SUREST = 3  # boxes of an image that are drawn


@dataclass(frozen=True)
class Boxes:
    """Detection of one class; see `vasolib.v2.tasks.Task`.

    Labels are boxes (k, 4) of each image, x0, y0, x1, y1 in its pixels, half-open; answers are boxes in pixels of
    `detector_side` and their scores (k,), falling.
    """

    name: str = "boxes"
    crops: type[BoxCrops] = BoxCrops
    notebook: str = "v2_55_detect"
    folder: str = "detect"
    plain: str = "resnet"
    file: str = "boxes.csv"

    def fault(self, store: ImageStore) -> str:
        there = (store.folder / self.file).is_file()
        return "" if there else f"has no {self.file}, expected boxes of stenoses"

    def labels(self, store: ImageStore, rows: np.ndarray) -> list[np.ndarray]:
        boxes = boxes_of(store)
        return [boxes[row] for row in rows]

    def side(self, extended: Extended) -> int:
        return extended.more.detector_side

    def network(self, encoder: VisionTransformer | None, scale: Scale, more: ExtendedScale) -> BoxDetector:
        return resnet_detector(more.detector) if encoder is None else vit_detector(encoder, more.detector)

    def losses(
        self, network: BoxDetector, images: Tensor, labels: list[Tensor], more: ExtendedScale
    ) -> dict[str, Tensor]:
        return detection_losses(network, images, labels)

    def whole(self, images: np.ndarray, labels: list[np.ndarray], side: int) -> tuple[Tensor, list[np.ndarray]]:
        return whole_boxed(images, labels, side)

    def answer(self, network: BoxDetector, frames: Tensor) -> list[Found]:
        return detect(network, frames)

    def score(self, answers: list[Found], test: HeldOut) -> dict[str, pd.DataFrame]:
        """`scores`, mAP, mAP50 and mAP75 (%) in one row; `images`, lesions, found and false ones in each image."""
        precision = pd.DataFrame([average_precision(answers, test.truth)])
        return {"scores": precision, "images": count_lesions(test.ids, answers, test.truth)}

    def keep(self, folder: Path, answers: list[Found], test: HeldOut) -> None:
        each = zip(test.ids, answers, strict=True)
        rows = [(image, *box, score) for image, found in each for box, score in zip(*found, strict=True)]
        write_csv(folder / f"boxes_{test.name}.csv", pd.DataFrame(rows, columns=[*BOX_COLUMNS, "score"]))

    def kept(self, folder: Path, test: HeldOut) -> list[Found]:
        table = pd.read_csv(folder / f"boxes_{test.name}.csv", dtype={"id": str})
        rows = [table[table["id"] == image] for image in test.ids]
        return [(part[BOX_COLUMNS[1:]].to_numpy(float), part["score"].to_numpy(float)) for part in rows]

    def picture(self, test: HeldOut, answers: dict[str, list[Found]]) -> Figure:
        surest = {arm: [(boxes[:SUREST], scores[:SUREST]) for boxes, scores in found] for arm, found in answers.items()}
        return boxed_sheet(test.frames[:, 0].numpy(), test.truth, surest, test.ids)


BOXED = Boxes()
