"""Ranges by hand, and the table from two small sets."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from benchmarks.realism import compare, main, overlap, summary


@pytest.mark.parametrize(
    ("first", "second", "want"),
    [
        ((0, 10), (5, 20), 0.5),
        ((5, 20), (0, 10), 0.5),
        ((0, 10), (2, 3), 1),
        ((0, 1), (2, 3), 0),
        ((0, 0), (0, 5), 1),
        ((7, 7), (0, 5), 0),
    ],
)
def test_overlap_by_hand(first, second, want: float):
    assert overlap(first, second) == want


def test_summary_leaves_out_what_could_not_be_measured():
    values = pd.DataFrame({"set": ["x"] * 12, "width": [*map(float, range(11)), float("nan")], "area": 2.0})
    table = summary(values).set_index("measurement")
    assert tuple(table.loc["width", ["n", "p10", "median", "p90"]]) == (11, 1, 5, 9)
    assert tuple(table.loc["area", ["n", "p10", "median", "p90"]]) == (12, 2, 2, 2)


def test_compare_pools_the_styles_and_asks_each():
    steps = np.arange(11.0)
    synthetic = pd.concat(
        pd.DataFrame({"set": f"synth-{name}", "width": steps + shift}) for name, shift in [("a", 0), ("b", 20)]
    )
    real = pd.DataFrame({"set": "real", "width": steps + 10})
    table = compare(real, synthetic).set_index("set")
    assert list(table.index) == ["real", "synth-a", "synth-b", "pooled"]
    row = table.loc["real"]
    assert row["inside pooled"] and not row["inside synth-a"] and not row["inside synth-b"]
    assert (row["overlap pooled"], row["overlap synth-a"], row["overlap synth-b"]) == (1, 0, 0)
    assert table.loc["pooled", "n"] == 22


def test_the_command_writes_its_table(tmp_path, capsys):
    rng = np.random.default_rng(0)
    for name, kinds in (("one", ("images", "masks")), ("two", ("images",))):
        for kind in kinds:
            (tmp_path / "real" / name / kind).mkdir(parents=True)
            for number in range(2):
                pixels = rng.integers(60, 200, (64, 64), dtype=np.uint8)
                if kind == "masks":
                    pixels = np.pad(np.full((60, 4), 255, np.uint8), ((2, 2), (30, 30)))
                Image.fromarray(pixels).save(tmp_path / "real" / name / kind / f"{number}.png")
    given = ["--real", str(tmp_path / "real"), "--frames", "1", "--styles", "a,b", "--results", str(tmp_path / "out")]
    assert main([*given, "--part", "report"]) == 0
    table = pd.read_csv(tmp_path / "out" / "realism_report.csv", keep_default_na=False)
    assert set(table["set"]) == {"one", "two", "synth-a", "synth-b", "pooled"}
    assert set(table["part"][table["set"] == "one"]) == {"report"}
    assert set(table["part"][table["set"] == "two"]) == {"all"}
    assert "vessel width" not in set(table["measurement"][table["set"] == "two"])
    assert main([*given, "--styles", "q"]) == 1
    assert "error: unknown style 'q'" in capsys.readouterr().err
