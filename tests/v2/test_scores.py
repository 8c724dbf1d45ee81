"""Reading scores: every arm and task, the mean over classes of an image, what is missing."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from tests.v2.made_up import fill, study, write
from vasolib.errors import UserError
from vasolib.v2.scores import (
    GUIDES,
    lesions,
    main_methods,
    per_image,
    read_detection,
    read_scores,
    step_seconds,
    variants,
)
from vasolib.v2.study import Extended


@pytest.fixture
def filled(tmp_path: Path) -> Extended:
    extended = study(tmp_path)
    fill(extended, {"mae": 60.0})
    return extended


def test_every_arm_has_the_rows_of_its_tasks(filled: Extended):
    raw = read_scores(filled)
    of = raw[raw["labels"] == 100].groupby("method")["task"].unique()
    for arm in (*filled.params.scratch, *filled.params.pretrain):
        assert set(of[arm]) == set(filled.tasks_of(arm))
    assert all(set(of[guide]) == {"vessels"} for guide in GUIDES) and len(of) == len(filled.params.arms) + 3
    assert set(raw["labels"]) == {10, 25, 50, 100}
    assert not raw.duplicated(["task", "method", "dataset", "labels", "seed", "image"]).any()
    assert raw.loc[raw["task"] == "vessels", "cldice"].notna().all()
    assert raw.loc[raw["task"] != "vessels", "cldice"].isna().all()


def test_an_images_segments_count_alike():
    keys = {"dataset": "d", "pretrain_seed": 0, "seed": 0, "method": "mae"}
    rows = [("1", "1", 90.0), ("1", "9a", 30.0), ("2", "1", 50.0)]
    scores = pd.DataFrame(rows, columns=["image", "segment", "dsc"]).assign(**keys)
    image = per_image(scores, "segments").set_index("image")["dsc"]
    assert image.to_dict() == {"1": 60.0, "2": 50.0}


def test_a_missing_file_is_named_with_its_notebook(filled: Extended):
    filled.work("finetune", "dino", "segments.csv").unlink()
    with pytest.raises(UserError, match=r"finetune/dino/segments\.csv is missing.*v2_50_finetune"):
        read_scores(filled)


def test_a_published_encoder_counts_where_it_takes_part(filled: Extended):
    assert "dinov3" not in set(read_scores(filled)["method"])
    filled = replace(filled, params=replace(filled.params, published=("dinov3",)))
    for task in ("vessels", "segments", "stenoses"):
        table = pd.read_csv(filled.work("finetune", "mae", f"{task}.csv")).assign(method="dinov3")
        write(filled.work("finetune", "dinov3", f"{task}.csv"), table)
    assert set(read_scores(filled).query("method == 'dinov3'")["task"]) == {"vessels", "segments", "stenoses"}


def test_the_main_tables_arms_do_every_task_of_segmentation(filled: Extended):
    methods = main_methods(filled)
    assert methods[:2] == list(filled.params.scratch) and methods[-1] == "vasomim_v2"
    assert "baseline" not in methods and "mae" in methods


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("eta", {"eta_0": 0.0, "eta_25": 0.25, "vasomim_v2": 0.5, "eta_75": 0.75, "vasomim": 1.0}),
        ("corpus", {"data_25": 0.25, "data_50": 0.5, "vasomim_v2": 1.0}),
        ("encoder", {"model_2": "second", "vasomim_v2": "", "model_3": "third"}),
        ("distinct", {"vasomim_v2": False, "distinct": True}),
    ],
)
def test_arms_of_a_sweep_differ_in_its_setting_alone(filled: Extended, setting: str, expected: dict):
    assert variants(filled, setting) == expected


def test_detection_and_lesions(filled: Extended):
    assert set(read_detection(filled)["method"]) == set(filled.params.detect.all)
    assert set(lesions(filled)["task"]) == {"stenoses", "boxes"}


def test_what_a_step_took_is_the_median_of_those_arms_that_were_timed(filled: Extended):
    assert step_seconds(filled) == dict.fromkeys(filled.params.pretrain, 0.5)
    filled.work("seconds", "mae.csv").unlink()
    assert "mae" not in step_seconds(filled)
