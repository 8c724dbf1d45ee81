"""Detection of stenoses: one Faster R-CNN, whatever its backbone was pre-trained by, trained and tested on boxes."""

__all__ = ["detect_extended", "detected", "detector_of", "found_by", "open_boxed"]

from pathlib import Path

import numpy as np
import pandas as pd

from vasolib.closure import code_of
from vasolib.data.store import ImageStore
from vasolib.downstream.average_precision import Found, average_precision, count_lesions
from vasolib.downstream.box_training import detect, train_detector, whole_frames
from vasolib.downstream.detection import BoxDetector, resnet_detector, vit_detector
from vasolib.errors import UserError
from vasolib.files import atomic, write_csv
from vasolib.study import ROOT
from vasolib.training import forget, place, seeded
from vasolib.v2.encoders import encoder_for, fingerprint
from vasolib.v2.labels import BOXES, boxes_of
from vasolib.v2.study import NAME, Extended

NOTEBOOK = "v2_55_detect"


def detector_of(extended: Extended, arm: str, seeds: tuple[int, int]) -> BoxDetector:
    """An arm's detector as it begins: `resnet` is one on a ResNet from scratch, any other arm one on its encoder.

    All but the encoder is drawn from the fine-tuning seed, alike for all encoders of one size; so is an encoder of
    random weights.
    """
    (pretrain_seed, seed), settings = seeds, extended.more.detector
    with seeded(seed, 1):  # other numbers than the detector's
        encoder = None if arm == "resnet" else encoder_for(extended, arm, pretrain_seed, extended.more.detector_side)
    with seeded(seed):
        return place(resnet_detector(settings) if encoder is None else vit_detector(encoder, settings))


def open_boxed(extended: Extended, name: str) -> tuple[ImageStore, list[np.ndarray]]:
    """A set of boxes, and those of each of its images. UserError where it has none."""
    store = ImageStore.open(extended.require("stores", name, made_by="v2_10_data"))
    if not (store.folder / "boxes.csv").is_file():
        raise UserError(
            f"{store.folder} has no boxes.csv, expected boxes of stenoses: name a set of this kind in {NAME}, or "
            "import the set again"
        )
    return store, boxes_of(store)


def detected(extended: Extended, arm: str) -> Path:
    """The folder of an arm's results."""
    return extended.work("detect", arm)


def train_once(
    extended: Extended, arm: str, store: ImageStore, boxes: list[np.ndarray], seeds: tuple[int, int]
) -> tuple[BoxDetector, pd.DataFrame, Path]:
    """A detector of an arm trained on a set from a pre-training and a fine-tuning seed, its log, its state."""
    model, seed, more = detector_of(extended, arm, seeds), seeds[1], extended.more
    data = store.folder / "table.csv", store.folder / "boxes.csv"
    choices = code_of(NOTEBOOK, ROOT), extended.scale(arm), more, *data, fingerprint(model)
    state = extended.study.state(f"v2-{arm}-{store.folder.name}-boxes-{seed}", *choices, seed)
    train = store.select("train")
    log = train_detector(
        model, store.images[train], [boxes[row] for row in train], more.detector_side, more.recipes.boxes, seed=seed,
        state=state, name=f"{store.folder.name} seed {seed}", ids=list(store.table.id[train]),
        workers=extended.study.scale.workers,
    )  # fmt: skip
    return model, log, state


def listed(ids: list[str], found: list[Found]) -> pd.DataFrame:
    """A row per box that was found: id of the image, corners in the detector's pixels, score."""
    rows = [
        (image, *box, score) for image, each in zip(ids, found, strict=True) for box, score in zip(*each, strict=True)
    ]
    return pd.DataFrame(rows, columns=[*BOXES, "score"])


def found_by(extended: Extended, arm: str, name: str, ids: list[str], most: int) -> list[Found]:
    """What the first run of an arm found in some test images of a set, the surest `most` boxes of each.

    Boxes (k, 4) are in pixels of `detector_side`, scores (k,) fall.
    """
    path = extended.require("detect", arm, "boxes.csv", made_by=NOTEBOOK)
    table = pd.read_csv(path, dtype={"id": str, "dataset": str})
    of = table[table["dataset"] == name].sort_values("score", ascending=False, kind="stable").groupby("id")
    best = {image: rows.head(most) for image, rows in of}
    parts = [best.get(image, table.head(0)) for image in ids]
    return [(part[BOXES[1:]].to_numpy(float), part["score"].to_numpy(float)) for part in parts]


def detect_extended(run: str, arm: str) -> None:
    """Train and test an arm's detector on the sets of boxes of a run.

    Writes the folder `detected`: scores.csv, mAP, mAP50 and mAP75 (%) of each run; images.csv, lesions, found and
    false boxes of each run and test image, see `count_lesions`; boxes.csv, what the first run found in the test images
    of each set, in pixels of `detector_side`; and log.csv, the logs of all runs below one another.

    Raises:
        UserError: no such run or arm, or a file of an earlier notebook is missing or unfit.
    """
    extended = Extended.open(run)
    logs, scores, counts, boxes, states = [], [], [], {}, []
    for name in extended.params.sets["boxes"]:
        store, truth = open_boxed(extended, name)
        test = store.select("test")
        ids = list(store.table.id[test])
        frames, wanted = whole_frames(store.images[test], [truth[row] for row in test], extended.more.detector_side)
        for seeds in extended.runs(arm):
            about = {"dataset": name, "pretrain_seed": seeds[0], "seed": seeds[1], "method": arm}
            model, log, state = train_once(extended, arm, store, truth, seeds)
            found = detect(model, frames)
            logs.append(log.assign(**about))
            states.append(state)
            scores.append(pd.DataFrame([about | average_precision(found, wanted)]))
            counts.append(count_lesions(ids, found, wanted).assign(**about))
            boxes.setdefault(name, listed(ids, found).assign(dataset=name))
    with atomic(detected(extended, arm)) as folder:
        folder.mkdir(parents=True)
        tables = {"log": logs, "scores": scores, "images": counts, "boxes": list(boxes.values())}
        for name, parts in tables.items():
            write_csv(folder / f"{name}.csv", pd.concat(parts))
    forget(*states)
