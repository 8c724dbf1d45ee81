"""Shares and means by hand, and the command on two small sets drawn here."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from benchmarks import anatomy_parts
from benchmarks.anatomy_parts import REFERENCE, ROBUST, VARIANTS, main, score_frames, summary
from vasolib.anatomy import reference_anatomy

SIDE = 96


def tube_frame(column: int) -> tuple[np.ndarray, np.ndarray]:
    """A dark tube from top to bottom on a gradient, and its label."""
    y, x = np.mgrid[:SIDE, :SIDE].astype(float)
    depth = np.sqrt(np.clip(1 - ((x - column - 6 * np.sin(y / 15)) / 2.5) ** 2, 0, None))
    noise = np.random.default_rng(column).normal(0, 1, depth.shape)
    image = np.clip(np.rint((120 + 0.5 * x) * np.exp(-0.5 * depth) + noise), 0, 255).astype(np.uint8)
    return image, (depth > 0).astype(np.uint8)


@pytest.fixture
def folder(tmp_path):
    for name in ("one", "two"):
        for kind in ("images", "masks"):
            (tmp_path / name / kind).mkdir(parents=True)
        for number in range(4):
            image, label = tube_frame(30 + 9 * number)
            Image.fromarray(image).save(tmp_path / name / "images" / f"{number}.png")
            Image.fromarray(255 * label).save(tmp_path / name / "masks" / f"{number}.png")
    return tmp_path


def test_summary_by_hand():
    about = {"set": "x", "half": "tune", "cldice": 0.5}
    scores = pd.DataFrame(
        [{**about, "variant": ROBUST, "dsc": value} for value in (0.1, 0.19, 0.2, 0.91)]
        + [{**about, "variant": REFERENCE, "dsc": 1.0}]
        + [{**about, "half": "report", "variant": ROBUST, "dsc": 0.0}]
    )
    table = summary(scores)
    assert list(zip(table["half"], table["variant"], strict=True)) == [
        ("report", ROBUST),
        ("tune", REFERENCE),
        ("tune", ROBUST),
    ]
    row = table.iloc[2]
    assert (row["n"], row["mean dsc"], row["median dsc"]) == (4, pytest.approx(0.35), pytest.approx(0.195))
    assert row["failures"] == 0.5 and row["mean cldice"] == 0.5  # 0.2 itself is none


def test_every_frame_has_every_variant_at_its_own_size(folder):
    frames = list(anatomy_parts.labelled_frames(folder))
    assert [frame.image.shape for frame in frames] == [(SIDE, SIDE)] * 8
    assert sorted(frame.half for frame in frames) == ["report"] * 4 + ["tune"] * 4
    scores = score_frames(frames[:1])
    assert list(scores["variant"]) == list(VARIANTS)
    assert scores.loc[scores["variant"] == ROBUST, "dsc"].min() > 0.5


def test_the_command_writes_its_table_and_figures(folder, tmp_path, monkeypatch, capsys):
    few = {
        REFERENCE: reference_anatomy,
        ROBUST: VARIANTS[ROBUST],
        "without several regions": VARIANTS["without several regions"],
    }
    monkeypatch.setattr(anatomy_parts, "VARIANTS", few)
    out = ["--results", str(tmp_path / "out"), "--figures", str(tmp_path / "drawn"), "--jobs", "1"]
    assert main(["--real", str(folder), *out]) == 0
    table = pd.read_csv(tmp_path / "out" / "parts.csv")
    assert len(table) == 2 * 2 * 3 and set(table["n"]) == {2} and set(table["variant"]) == set(few)
    for name in ("parts.png", "failures.png"):
        assert np.asarray(Image.open(tmp_path / "drawn" / name)).std() > 0
    (tmp_path / "none").mkdir()
    assert main(["--real", str(tmp_path / "none"), *out]) == 1
    assert "error: " in capsys.readouterr().err


def test_an_oblong_frame_is_refused(folder, capsys):
    Image.fromarray(np.tile(np.arange(40, dtype=np.uint8), (SIDE, 1))).save(folder / "one" / "images" / "0.png")
    assert main(["--real", str(folder), "--jobs", "1"]) == 1
    assert f"is 40 x {SIDE} pixels, expected a square" in capsys.readouterr().err
