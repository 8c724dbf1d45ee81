"""Nested subsets, the table's numbers, and one fine-tuning in miniature."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from benchmarks.labels_needed import dsc_of, nested, summarise
from vasolib.data.building import Frames, build_store
from vasolib.data.store import Frame
from vasolib.errors import UserError
from vasolib.networks import save_weights
from vasolib.pretrain import build_method
from vasolib.settings import Arm
from vasolib.study import ROOT, Study


@pytest.fixture
def store(tmp_path):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (12, 128, 128), dtype=np.uint8)
    frames = [
        Frame(f"one/{number}", "one", "train" if number < 9 else "test", str(number), "", image, image > 128)
        for number, image in enumerate(images)
    ]
    return build_store(tmp_path / "one", Frames(frames), 128, jobs=1)


def test_subsets_are_nested_and_of_the_training_part(store):
    subsets = nested(store, [2, 5, 9])
    assert [len(set(rows)) for rows in subsets.values()] == [2, 5, 9]
    assert set(subsets[2]) < set(subsets[5]) < set(subsets[9]) == set(store.select("train"))


def test_too_few_frames_are_refused(store):
    with pytest.raises(UserError, match="9 frames to train on, fewer than 10"):
        nested(store, [2, 10])


def test_mean_and_deviation_over_seeds():
    runs = pd.DataFrame(
        {"dataset": "one", "arm": ["mae"] * 3 + ["vit"], "frames": 10, "seed": [0, 1, 2, 0], "dsc": [1.0, 2, 3, 9]}
    )
    table = summarise(runs).set_index("arm")
    assert tuple(table.loc["mae", ["seeds", "dsc_mean", "dsc_sd"]]) == (3, 2, 1)
    assert table.loc["vit", "dsc_mean"] == 9 and np.isnan(table.loc["vit", "dsc_sd"])


@pytest.mark.slow
def test_a_fine_tuning_in_miniature(store, tmp_path, capsys):
    home = Study.load(ROOT)
    study = Study(tmp_path, replace(home.params, run="smoke", scale="smoke"))
    rows = nested(store, [2])[2]
    with pytest.raises(UserError, match="missing"):
        dsc_of(study, "mae", store, rows, 0, tmp_path)
    losses = {}
    for weights_of in (0, 1):  # seed 0 draws the very encoder that `vit` starts from, seed 1 another
        encoder = build_method(Arm(), study.scale, True, weights_of)
        save_weights(study.work("pretrain", "mae", "seed0", "model.safetensors"), encoder)
        assert 0 <= dsc_of(study, "mae", store, rows, 0, tmp_path) <= 100
        losses[weights_of] = re.findall(r"loss ([\d.]+)", capsys.readouterr().out)
    dsc_of(study, "vit", store, rows, 0, tmp_path)
    scratch = re.findall(r"loss ([\d.]+)", capsys.readouterr().out)
    assert losses[0] == scratch != losses[1]
