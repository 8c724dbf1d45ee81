"""A made-up extended study: scores of every arm, drawn from a seed, in the files that earlier stages leave."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from vasolib.data.building import Frames
from vasolib.data.store import Frame
from vasolib.study import ROOT, Study
from vasolib.v2.labels import LabelledFrame, build_labelled
from vasolib.v2.scores import GUIDES
from vasolib.v2.study import Extended

PUBLISHED = pd.read_csv(ROOT / "paper" / "published.csv")
CLASSES = ("1", "2", "9a", "10")


def study(folder: Path) -> Extended:
    """The shipped parameters in a folder of their own, so that files lie there."""
    for name in ("params.yaml", "params_v2.yaml"):
        shutil.copy(ROOT / name, folder)
    return Extended.beside(Study.load(folder))


def vessel_scores(
    method: str, dataset: str, dsc: np.ndarray, labels: int = 100, pretrain_seed: int = 0
) -> pd.DataFrame:
    """Rows of a vessel set: dsc (runs, images); clDice ten points below."""
    runs, images = dsc.shape
    rows = [(f"i{i}", dsc[r, i], dsc[r, i] - 10, r) for r in range(runs) for i in range(images)]
    table = pd.DataFrame(rows, columns=["image", "dsc", "cldice", "seed"])
    return table.assign(dataset=dataset, pretrain_seed=pretrain_seed, method=method, labels=labels)


def raw_scores(level: dict[str, float], task: str = "vessels", dataset: str = "a", spread: float = 0.0) -> pd.DataFrame:
    """Rows as of `read_scores`: three runs x five images around each method's level."""
    rng = np.random.default_rng(0)
    parts = []
    for method, value in level.items():
        scores = vessel_scores(method, dataset, value + spread * rng.standard_normal((3, 5)))
        parts.append(scores.assign(task=task, cldice=scores["cldice"] if task == "vessels" else np.nan))
    return pd.concat(parts, ignore_index=True)


def write(path: Path, table: pd.DataFrame) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, index=False)


def fill(extended: Extended, level: dict[str, float], spread: float = 1.0, images: int = 6) -> None:
    """All files of scores and logs of a study with two runs an arm."""
    rng = np.random.default_rng(0)

    def drawn(arm: str) -> np.ndarray:
        return level.get(arm, 50.0) + spread * rng.standard_normal((2, images))

    params = extended.params
    for arm in (*params.scratch, *params.pretrain):
        seed = 0 if arm in params.pretrain else -1
        sets = [vessel_scores(arm, name, drawn(arm), 100, seed) for name in params.sets["vessels"]]
        write(extended.work("finetune", arm, "vessels.csv"), pd.concat(sets))
        if "segments" in extended.tasks_of(arm):
            each = vessel_scores(arm, "arcade_vs", drawn(arm), 100, seed).drop(columns=["cldice", "labels"])
            classes = pd.DataFrame({"segment": CLASSES})
            write(extended.work("finetune", arm, "segments.csv"), each.merge(classes, how="cross"))
            each = vessel_scores(arm, "arcade_s", drawn(arm), 100, seed).drop(columns=["cldice", "labels"])
            write(extended.work("finetune", arm, "stenoses.csv"), each.assign(lesions=2, found=1, false=1))
    for arm in params.labels.all:
        for percent in params.percents:
            table = vessel_scores(arm, params.sets["vessels"][0], drawn(arm) - 5, percent)
            write(extended.work("labels", str(percent), arm, "vessels.csv"), table)
    for arm in params.detect.all:
        write(extended.work("detect", arm, "scores.csv"), boxes(arm, drawn(arm)[:, 0]))
        found = vessel_scores(arm, "danilov", drawn(arm)).drop(columns=["dsc", "cldice", "labels"])
        write(extended.work("detect", arm, "images.csv"), found.assign(lesions=1, found=1, false=0))
    for arm, folder in GUIDES.items():
        each = [vessel_scores(arm, name, drawn(arm)[:1], 100, -1) for name in params.sets["vessels"]]
        write(extended.work(folder, "scores.csv"), pd.concat(each))
    for arm in params.pretrain:
        write(extended.work("seconds", f"{arm}.csv"), pd.DataFrame({"seconds_per_step": [9.0, 0.5, 0.25]}))


def boxes(method: str, values: np.ndarray) -> pd.DataFrame:
    """A row per run of a detector."""
    table = pd.DataFrame({"seed": range(len(values)), "mAP": values, "mAP50": values + 30, "mAP75": values - 10})
    return table.assign(dataset="danilov", pretrain_seed=0, method=method)


def fill_inputs(extended: Extended) -> None:
    """The images that are learned from, two of a recording; labelled segments, and for answers the labels moved."""
    table = pd.DataFrame([(f"c{i}", f"r{i // 2}") for i in range(8)], columns=["id", "recording"])
    write(extended.work("kept", "usable.csv"), table)
    write(extended.work("kept", "distinct.csv"), table.iloc[:3])
    side = extended.study.scale.image.side
    labels = np.zeros((6, side, side), np.uint8)
    labels[:, 10:20], labels[:3, 30:40] = 1, 9
    image = np.tile(np.arange(side, dtype=np.uint8), (side, 1))
    frames = [Frame(f"i{i}", "arcade_vs", "test", "", f"i{i}", image, None) for i in range(len(labels))]
    labelled = [LabelledFrame(*pair) for pair in zip(frames, labels, strict=True)]
    build_labelled(extended.work("stores", "arcade_vs"), Frames(labelled), side, jobs=1)
    for arm in (*extended.params.scratch, *extended.params.pretrain):
        np.save(extended.work("finetune", arm, "arcade_vs.npy"), np.roll(labels, 5, axis=1))
