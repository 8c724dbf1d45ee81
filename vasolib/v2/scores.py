"""Per-image scores of every arm, task and share of the labels as one table."""

__all__ = [
    "GUIDES",
    "lesions",
    "main_methods",
    "read_detection",
    "read_scores",
    "read_segments",
    "step_seconds",
    "variants",
]

from dataclasses import asdict

import pandas as pd

from vasolib.v2.settings import SEGMENTATION
from vasolib.v2.study import Extended

COLUMNS = ["task", "method", "dataset", "labels", "pretrain_seed", "seed", "image", "dsc", "cldice"]
FINETUNE, DETECT, ANATOMY = "v2_50_finetune", "v2_55_detect", "v2_20_anatomy"
GUIDES = {"frangi": "anatomy", "segmentor": "segmentor"}  # what guides and judges, one run each -> its folder
NO_METHOD = ("tasks", "lr", "seeds")  # settings that do not make another method
TEXT = {"image": str, "segment": str}  # names that may look like numbers


def main_methods(extended: Extended) -> list[str]:
    """The arms of the main table: those that are fine-tuned on every task of segmentation, v2's own last.

    Published encoders are among them where their weights are there.
    """
    arms = (*extended.params.scratch, *extended.params.published, *extended.params.pretrain)
    return [arm for arm in arms if set(extended.tasks_of(arm)) >= set(SEGMENTATION)]


def variants(extended: Extended, setting: str, base: str = "vasomim_v2") -> dict[str, object]:
    """Arms that are pre-trained here and differ from `base` in one setting at most -> what they have of it.

    Those of `NO_METHOD` aside.
    """
    arms, free = {name: asdict(extended.arm(name)) for name in extended.params.pretrain}, {setting, *NO_METHOD}
    fixed = {name: {key: arm[key] for key in arm.keys() - free} for name, arm in arms.items()}
    return {name: arm[setting] for name, arm in arms.items() if fixed[name] == fixed[base]}


def fine_tuned(extended: Extended) -> list[str]:
    """All arms that have scores: from scratch, pre-trained here, and published encoders that take part."""
    return [*extended.params.scratch, *extended.params.pretrain, *extended.params.published]


def read_scores(extended: Extended) -> pd.DataFrame:
    """One row per task x method x data set x labels (%) x run x image: dsc (%), cldice (%; NaN but for vessels).

    Filter and segmentor, which learned from no label, are among the methods, on the vessel sets.
    The DSC of an image with labelled segments is the mean over the classes that are in its label or its prediction
    (macro within the image; a class in neither does not count).

    Raises:
        UserError: an arm has no scores of one of its tasks; the message names file and notebook.
    """
    parts = []
    for arm in fine_tuned(extended):
        for task in extended.tasks_of(arm):
            path = extended.require("finetune", arm, f"{task}.csv", made_by=FINETUNE)
            parts.append(per_image(pd.read_csv(path, dtype=TEXT), task))
    for percent in extended.params.percents:
        for arm in extended.params.labels.all:
            path = extended.require("labels", str(percent), arm, "vessels.csv", made_by=FINETUNE)
            parts.append(per_image(pd.read_csv(path, dtype=TEXT).assign(labels=percent), "vessels"))
    for folder in GUIDES.values():
        path = extended.require(folder, "scores.csv", made_by=ANATOMY)
        parts.append(per_image(pd.read_csv(path, dtype=TEXT), "vessels"))
    return pd.concat(parts, ignore_index=True)


def per_image(scores: pd.DataFrame, task: str) -> pd.DataFrame:
    """Scores of one task with the columns of all: a row per image."""
    defaults = {"task": task, "labels": 100, "cldice": float("nan")}
    scores = scores.assign(**{name: value for name, value in defaults.items() if name not in scores})
    if task == "segments":
        keys = [name for name in COLUMNS if name not in ("dsc", "cldice")]
        scores = scores.groupby(keys, sort=False, as_index=False)["dsc"].mean().assign(cldice=float("nan"))
    return scores[COLUMNS]


def read_segments(extended: Extended) -> pd.DataFrame:
    """Scores of the segment classes, a row per run x image x class that is in label or prediction."""
    return _of_task(extended, "segments")


def lesions(extended: Extended) -> pd.DataFrame:
    """Lesions, found and false ones by segmentation and by detection: task, a row per run and image."""
    boxes = read_detection(extended, "images").assign(task="boxes")
    return pd.concat([_of_task(extended, "stenoses").assign(task="stenoses"), boxes], ignore_index=True)


def _of_task(extended: Extended, task: str) -> pd.DataFrame:
    """The file of one task of every arm that is fine-tuned on it."""
    arms = [arm for arm in fine_tuned(extended) if task in extended.tasks_of(arm)]
    paths = [extended.require("finetune", arm, f"{task}.csv", made_by=FINETUNE) for arm in arms]
    return pd.concat([pd.read_csv(path, dtype=TEXT) for path in paths], ignore_index=True)


def read_detection(extended: Extended, name: str = "scores") -> pd.DataFrame:
    """`scores` (a row per run) or `images` (a row per run and image) of every detector."""
    paths = [extended.require("detect", arm, f"{name}.csv", made_by=DETECT) for arm in extended.params.detect.all]
    return pd.concat([pd.read_csv(path, dtype=TEXT) for path in paths], ignore_index=True)


def step_seconds(extended: Extended) -> dict[str, float]:
    """Arm -> seconds that a step of its pre-training took on this machine, the median over epochs and seeds."""
    paths = {arm: extended.work("seconds", f"{arm}.csv") for arm in extended.params.pretrain}
    return {arm: float(pd.read_csv(path)["seconds_per_step"].median()) for arm, path in paths.items() if path.is_file()}
