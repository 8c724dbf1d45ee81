"""The learning-rate check: what it may look at, and one trial in miniature."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from benchmarks.rates import METHODS, merged, split, trial
from vasolib.data.building import Frames, build_store
from vasolib.data.store import Frame
from vasolib.networks import save_weights
from vasolib.segmentor import UNeXt
from vasolib.settings import METHODS as ALL
from vasolib.study import ROOT, Study


def store(folder, name, labelled=True, count=12):
    rng = np.random.default_rng(0)
    frames = [
        Frame(f"{name}/{i}", name, "train" if i < 10 else "test", str(i), "", image, image > 128 if labelled else None)
        for i, image in enumerate(rng.integers(0, 256, (count, 128, 128), dtype=np.uint8))
    ]
    return build_store(folder / name, Frames(frames), 128, jobs=1)


def test_no_test_image_is_learnt_from_or_scored_on(tmp_path):
    one = store(tmp_path, "one")
    learn, keep = split(one)
    assert len(learn) == 7 and len(keep) == 3 and not set(learn) & set(keep)
    assert {*learn, *keep} == set(one.select("train"))


def test_every_method_is_checked_and_mae_besides():
    study = Study.load(ROOT)
    assert {study.arm(name).method for name in METHODS} == set(ALL) and "mae" in METHODS


def test_a_trial_takes_the_place_of_its_like_alone():
    rows = [("mae", 1e-3, 5), ("dino", 1e-3, 5), ("mae", 1e-4, 5), ("mae", 1e-3, 15), ("mae", 1e-3, 5)]
    table = pd.DataFrame()
    for number, (method, rate, epochs) in enumerate(rows):
        table = merged(table, {"method": method, "lr": rate, "epochs": epochs, "score": number})
    assert table.to_numpy().tolist() == [
        ["dino", 1e-3, 5, 1], ["mae", 1e-4, 5, 2], ["mae", 1e-3, 5, 4], ["mae", 1e-3, 15, 3],
    ]  # fmt: skip


def test_laptop_rates_are_the_best_of_the_check():
    study, table = Study.load(ROOT), pd.read_csv(ROOT / "results" / "rates" / "laptop.csv")
    table = table[table["epochs"] == table["epochs"].min()].set_index(["method", "lr"])
    scores = table[list(study.params.benchmarks[:2])].mean(axis=1).unstack()
    assert scores.shape == (len(METHODS), 3) and scores.notna().all(axis=None)
    assert scores.idxmax(axis=1).to_dict() == {name: study.pretraining(name).lr for name in METHODS}


@pytest.mark.slow
def test_a_trial_in_miniature(tmp_path):
    home = Study.load(ROOT)
    study = Study(tmp_path, replace(home.params, run="smoke", scale="smoke", benchmarks=("one", "two")))
    stores = study.work("stores")
    for name in ("corpus", "one", "two"):
        store(stores, name, labelled=name != "corpus")
    (study.work("anatomy", "reference")).mkdir(parents=True)
    np.save(study.work("anatomy", "reference", "corpus.npy"), np.ones((12, 128, 128), np.uint8))
    save_weights(study.work("segmentor", "reference", "segmentor.safetensors"), UNeXt())
    low, high, again = (trial(study, "vasomim", rate, 0.5, tmp_path) for rate in (1e-6, 1e-2, 1e-6))
    assert low.keys() == {"method", "lr", "epochs", "one", "two", "minutes"} and low["epochs"] == 1
    assert all(0 <= row[name] <= 100 for row in (low, high) for name in ("one", "two"))
    assert {k: v for k, v in low.items() if k != "minutes"} == {k: v for k, v in again.items() if k != "minutes"}
