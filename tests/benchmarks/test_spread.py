"""Tolerances from made-up runs, by hand."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import spread
from vasolib.errors import UserError
from vasolib.verify import read_tolerances

TABLE = "method,metric,n,mean,sd,verdict\nmae,DSC,2,50,,held\nvit,DSC,2,40.5,,held\nmae,PSNR,2,30,0.5,held\n"


def tables(text: str = TABLE) -> dict[str, pd.DataFrame]:
    return {"t.csv": pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)}


def by_column(runs: dict) -> pd.DataFrame:
    return spread.tolerances(tables(), runs).set_index(["column", "group"])


def test_without_a_difference_numbers_may_be_rounded_and_text_is_equal():
    table = by_column({"same": tables()})
    assert (table["absolute"] == 0).all()
    assert set(table.loc["mean", "source"]) == {"rounding"} and (table.loc["mean", "relative"] == 1e-6).all()
    for column in ("method", "metric", "n", "verdict"):
        assert set(table.loc[column, "source"]) == {"equal"} and (table.loc[column, "relative"] == 0).all()


def test_each_group_has_its_largest_spread_times_the_factor_and_its_condition():
    runs = {"one": tables(TABLE.replace("50,", "50.2,")), "two": tables(TABLE.replace("40.5,", "40,"))}
    table = by_column(runs | {"three": tables(TABLE.replace("30,", "29.9,"))})
    assert table.loc[("mean", "DSC"), "absolute"] == pytest.approx(0.5 * spread.FACTOR)
    assert table.loc[("mean", "DSC"), "source"] == "3 x spread: two"
    assert table.loc[("mean", "PSNR"), "absolute"] == pytest.approx(0.1 * spread.FACTOR)
    assert table.loc[("mean", "PSNR"), "source"] == "3 x spread: three"


def test_words_that_change_and_numbers_that_come_and_go_may_be_anything():
    table = by_column({"one": tables(TABLE.replace("40.5,,held", "40.5,1.5,lost"))})
    for column in ("sd", "verdict"):
        assert table.loc[(column, "DSC"), ["absolute", "source"]].tolist() == [np.inf, "may be anything: one"]
        assert table.loc[(column, "PSNR"), "absolute"] == 0


@pytest.mark.parametrize("text", [TABLE.replace("vit,", "ViT,"), TABLE.replace("sd", "se"), TABLE.split("vit")[0]])
def test_other_rows_and_columns_are_no_spread(text: str):
    with pytest.raises(UserError, match=r"one: rows or columns of t\.csv are not those of `expected`"):
        by_column({"one": tables(text)})


def test_the_command_runs_each_condition_and_writes_what_verify_reads(monkeypatch, tmp_path: Path, capsys):
    ran = {}

    def carry_out(study, *module, environment):
        ran[study.root.name] = study.scale.threads, module, environment
        study.results().mkdir(parents=True)
        study.results("t.csv").write_text(TABLE.replace("50,", "50.2,"))

    (tmp_path / "expected" / "smoke" / "results").mkdir(parents=True)
    (tmp_path / "expected" / "smoke" / "results" / "t.csv").write_text(TABLE)
    monkeypatch.setattr(spread, "carry_out", carry_out)
    monkeypatch.setattr(spread, "EXPECTED", tmp_path / "expected")
    assert spread.main(["--work", str(tmp_path / "work")]) == 0
    assert {name: threads for name, (threads, *_) in ran.items()} == {"here": 1, "two_threads": 2, "AVX2": 1}
    assert ran["AVX2"][2]["ONEDNN_MAX_CPU_ISA"] == "AVX2" and ran["two_threads"][2] == {}
    assert "two threads:" in capsys.readouterr().out
    table = read_tolerances(tmp_path / "expected")
    assert table["absolute"].max() == pytest.approx(0.6)
    (tmp_path / "expected" / "smoke" / "results" / "t.csv").write_text(TABLE.replace("50,", "50.2,"))
    assert spread.main(["--work", str(tmp_path / "again"), "--conditions", "here", "--keep"]) == 0
    assert read_tolerances(tmp_path / "expected").equals(table)  # no difference here, but what was measured is kept
    assert spread.main(["--work", str(tmp_path / "anew"), "--conditions", "here"]) == 0
    assert read_tolerances(tmp_path / "expected")["absolute"].max() == 0


def test_of_one_part_the_other_ones_tolerances_stay(monkeypatch, tmp_path: Path):
    def carry_out(study, *module, environment):
        assert module[module.index("--part") + 1] == "v2"
        study.results("v2").mkdir(parents=True)
        study.results("v2", "e.csv").write_text("arm,mean\neta_0,3.75\n")

    for name, text in (("t", TABLE), ("v2/e", "arm,mean\neta_0,3.25\n")):
        path = tmp_path / "expected" / "smoke" / "results" / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    before = "file,column,group,absolute,relative,source\nresults/t.csv,mean,DSC,7,0,measured\n"
    (tmp_path / "expected" / "tolerances.csv").write_text(before + "results/v2/e.csv,mean,,9,0,of old\n")
    monkeypatch.setattr(spread, "carry_out", carry_out)
    monkeypatch.setattr(spread, "EXPECTED", tmp_path / "expected")
    assert spread.main(["--work", str(tmp_path / "work"), "--part", "v2"]) == 0
    table = read_tolerances(tmp_path / "expected")
    assert table["file"].tolist() == ["results/t.csv", *["results/v2/e.csv"] * 2]
    assert table["absolute"].tolist() == [7, 0, 1.5]


def test_the_larger_tolerance_is_kept_with_its_source():
    here = spread.tolerances(tables(), {"here": tables(TABLE.replace("50,", "50.2,"))})
    there = spread.tolerances(
        tables(), {"two": tables(TABLE.replace("50,", "51,").replace("40.5,,held", "40.5,,lost"))}
    )
    both = spread.larger(here, there)
    assert both.equals(there) and spread.larger(there, here).equals(there)
    assert set(both.loc[both["column"] == "verdict", "source"]) == {"may be anything: two", "equal"}
