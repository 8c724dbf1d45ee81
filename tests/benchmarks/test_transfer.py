"""The row of a run in miniature, its steps, and scores that stay with their halves."""

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import nn

from benchmarks import transfer
from benchmarks.real_frames import RealSet, halves
from benchmarks.synthetic_frames import ABLATIONS
from benchmarks.transfer import KEY, main, put_row, recipe_of, score
from vasolib.errors import UserError


@pytest.mark.parametrize(("steps", "made"), [(1, 1), (20, 20), (50, 50), (120, 100), (3000, 3000)])
def test_steps_are_those_asked_for_or_nearly(steps: int, made: int):
    recipe = recipe_of(steps)
    assert recipe.epochs * recipe.samples // recipe.batch_size == made


def test_no_steps_are_refused():
    with pytest.raises(UserError, match="--steps 0"):
        recipe_of(0)


class Bright(nn.Module):
    """Says vessel where the picture is brighter than half."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images[:, :1]


def test_scores_stay_with_their_halves():
    masks = np.zeros((4, 8, 8), np.uint8)
    masks[:, 2:5] = 1
    parts = ["tune", "report", "report", "tune"]
    images = np.array([masks[0], 1 - masks[1], 1 - masks[2], masks[3]]) * np.uint8(255)
    real = {"set": RealSet(images, masks, list("1234"), parts)}
    assert score(Bright(), real) == {"set tune": 100, "set report": 0}


def test_a_row_is_added_or_takes_the_place_of_its_like(tmp_path):
    path, about = tmp_path / "deep" / "table.csv", dict.fromkeys(KEY, 1)
    put_row(path, {**about, "what": "all", "one tune": 1.0})
    put_row(path, {**about, "what": "-noise", "one tune": 2.0, "two tune": 3.0})
    put_row(path, {**about, "what": "all", "one tune": 4.0})
    table = pd.read_csv(path)
    assert list(table["what"]) == ["-noise", "all"] and list(table["one tune"]) == [2, 4]
    assert table["two tune"][0] == 3 and np.isnan(table["two tune"][1])


def test_each_ingredient_is_left_out_once(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(transfer, "run", lambda given: seen.append(vars(given) | {}) or dict.fromkeys(KEY, len(seen)))
    assert main(["--real", "none", "--each", "--steps", "7", "--results", str(tmp_path)]) == 0
    assert [given["without"] for given in seen] == [(), *((name,) for name in ABLATIONS)]
    assert {(given["steps"], given["side"]) for given in seen} == {(7, transfer.EACH["side"])}


def test_a_run_in_miniature_and_again_the_same(tmp_path):
    rng = np.random.default_rng(0)
    for kind in ("images", "masks"):
        (tmp_path / "real" / "one" / kind).mkdir(parents=True)
        for number in range(4):
            pixels = ((rng.random((40, 40)) > 0.5) * 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "real" / "one" / kind / f"{number}.png")
    folders = ["--work", str(tmp_path / "work"), "--results", str(tmp_path / "out")]
    sizes = ["--images", "8", "--steps", "3", "--side", "32", "--width", "4", "--styles", "a,b"]
    rows = []
    for _ in range(2):  # the second run takes the place of the first
        assert main(["--real", str(tmp_path / "real"), *sizes, *folders]) == 0
        rows.append(pd.read_csv(tmp_path / "out" / "transfer.csv").drop(columns="minutes").to_dict("records"))
    (first,), (again,) = rows
    assert first == again and first["steps"] == 3 and first["what"] == "all" and first["styles"] == "ab"
    assert {f"one {part}" for part in set(halves("one", list("0123")))} <= first.keys()
    assert list((tmp_path / "work").glob("unfinished*")) == []
    assert main(["--real", str(tmp_path / "real"), *sizes, *folders, "--side", "40"]) == 1
