"""Two sets of tables, cell by cell: each way to differ is one disagreement with a name, and nothing else is."""

import io

import numpy as np
import pandas as pd
import pytest

from vasolib.agreement import compare, disagreements, number_columns, read_tables, summary

TABLE = """method,metric,n,mean,verdict
mae,DSC,2,50,held
mae,PSNR,2,30.5,held
vit,DSC,2,40,held
vit,PSNR,2,,held
"""
TOLERANCES = pd.DataFrame(
    [["t.csv", column, group, 0.0, 0.0, "equal"] for column in ("method", "metric", "n") for group in ("DSC", "PSNR")]
    + [["t.csv", "mean", "DSC", 1.0, 0.01, "measured"], ["t.csv", "mean", "PSNR", 0.1, 0.0, "measured"]]
    + [["t.csv", "verdict", group, 0.0, 0.0, "equal"] for group in ("DSC", "PSNR")],
    columns=["file", "column", "group", "absolute", "relative", "source"],
)


def table(text: str) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)


def told(found: str, expected: str = TABLE, tolerances: pd.DataFrame = TOLERANCES) -> list[str]:
    return disagreements(compare({"t.csv": table(expected)}, {"t.csv": table(found)}, tolerances))


@pytest.mark.parametrize(
    "found",
    [
        TABLE,
        TABLE.replace("50,", "51.5,"),  # 1 + 0.01 x 50
        TABLE.replace("50,", "48.5,"),
        TABLE.replace("30.5,", "30.59,").replace("50,", "5.05e1,"),
        "\n".join([TABLE.splitlines()[i] for i in (0, 4, 1, 3, 2)]),  # rows by what names them, not by their place
    ],
)
def test_the_same_within_tolerance(found: str):
    assert told(found) == []


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (TABLE.replace("50,", "51.6,"), "row 'mae DSC', column mean: expected 50, found 51.6, tolerance 1.5"),
        (TABLE.replace("30.5,", "30.7,"), "row 'mae PSNR', column mean: expected 30.5, found 30.7, tolerance 0.1"),
        (TABLE.replace("50,", ","), "row 'mae DSC', column mean: expected 50, found nothing, tolerance 1.5"),
        (TABLE.replace("50,", "nan,"), "row 'mae DSC', column mean: expected 50, found nan, tolerance 1.5"),
        (TABLE.replace("50,", "inf,"), "row 'mae DSC', column mean: expected 50, found inf, tolerance 1.5"),
        (TABLE.replace("50,", "many,"), "row 'mae DSC', column mean: expected 50, found many, tolerance 1.5"),
        (TABLE.replace("vit,PSNR,2,,", "vit,PSNR,2,1,"), "row 'vit PSNR', column mean: expected nothing, found 1,"),
        (TABLE.replace("mae,DSC,2", "mae,DSC,3"), "row 'mae DSC', column n: expected 2, found 3"),
        (TABLE.replace("50,held", "50,lost"), "row 'mae DSC', column verdict: expected held, found lost"),
        (TABLE.replace("vit,DSC,2,40,held\n", ""), "row 'vit DSC': missing"),
        (TABLE + "dino,DSC,2,1,held\n", "row 'dino DSC': not expected"),
        (TABLE + "mae,DSC,2,50,held\n", "row 'mae DSC #2': not expected"),
        (TABLE.replace("verdict", "more"), "column more: not expected"),
        (TABLE.replace(",held", "").replace(",verdict", ""), "column verdict: missing"),
    ],
)
def test_each_difference_has_its_line(found: str, line: str):
    lines = told(found)
    assert len(lines) == (2 if "more" in line else 1)  # a renamed column is missing under its old name
    assert any(one.startswith(f"t.csv, {line}") for one in lines)


def test_a_renamed_row_is_one_missing_and_one_not_expected():
    assert sorted(told(TABLE.replace("vit,DSC", "ViT,DSC"))) == [
        "t.csv, row 'ViT DSC': not expected",
        "t.csv, row 'vit DSC': missing",
    ]


def test_a_column_without_a_tolerance_does_not_pass():
    stated = TOLERANCES[TOLERANCES["column"] != "mean"]
    assert told(TABLE, tolerances=stated) == ["t.csv, column mean: no tolerance is stated for it"]


def test_tables_of_one_side_only():
    one = {"t.csv": table(TABLE)}
    assert disagreements(compare(one, {}, TOLERANCES)) == ["t.csv: missing"]
    assert disagreements(compare({}, one, TOLERANCES)) == ["t.csv: not expected"]
    assert summary(compare(one, {}, TOLERANCES))["differ"].tolist() == [1]


def test_rows_that_nothing_names_are_numbered():
    tolerances = pd.DataFrame([["t.csv", "loss", "", 0.1, 0.0, "measured"]], columns=TOLERANCES.columns)
    lines = told("loss\n1\n2.2\n3\n", "loss\n1\n2\n3\n", tolerances)
    assert lines == ["t.csv, row ' #2', column loss: expected 2, found 2.2, tolerance 0.1"]


def test_what_may_be_anything_may_not_be_absent():
    free = TOLERANCES.assign(absolute=TOLERANCES["absolute"].mask(TOLERANCES["column"] == "mean", np.inf))
    changed = TABLE.replace("50,", "9,").replace("30.5,", "none,")
    assert told(changed, tolerances=free) == []
    assert told(TABLE.replace("vit,DSC,2,40,held\n", ""), tolerances=free) == ["t.csv, row 'vit DSC': missing"]
    shown = summary(compare({"t.csv": table(TABLE)}, {"t.csv": table(changed)}, free))
    assert shown[["as", "cells", "differ"]].to_numpy().tolist() == [["anything", 4, 0], ["text", 16, 0]]


def test_the_summary_shows_the_number_nearest_to_its_tolerance():
    found = TABLE.replace("50,", "50.6,").replace("30.5,", "30.59,")  # 0.4 and 0.9 of their tolerances
    shown = summary(compare({"t.csv": table(TABLE)}, {"t.csv": table(found)}, TOLERANCES)).set_index("as")
    assert shown.loc["numbers", ["cells", "differ", "column"]].tolist() == [4, 0, "mean"]
    assert shown.loc["numbers", ["difference", "tolerance"]].tolist() == pytest.approx([0.09, 0.1])
    assert shown.loc["text", ["cells", "differ"]].tolist() == [16, 0]


def test_the_summary_folds_the_logs_of_all_arms():
    logs = {f"work/pretrain/{arm}/log.csv": table("epoch,loss\n1,2.5\n") for arm in ("mae", "dino")}
    rows = [[name, column, "", 0.0, 0.0, "equal"] for name in logs for column in ("epoch", "loss")]
    shown = summary(compare(logs, logs, pd.DataFrame(rows, columns=TOLERANCES.columns)))
    assert shown[["file", "cells"]].to_numpy().tolist() == [["work/pretrain/*/log.csv", 4]]


def test_integers_and_words_are_no_numbers_with_a_tolerance(tmp_path):
    (tmp_path / "a.csv").write_text("n,mean,word,none\n1,0,NA,\n2,0.5,x,\n")
    tables = read_tables({"a": tmp_path / "a.csv"})
    assert number_columns(tables.values()) == {"mean"}
    assert tables["a"].to_numpy().tolist() == [["1", "0", "NA", ""], ["2", "0.5", "x", ""]]


def test_a_table_without_rows_agrees_with_itself_alone():
    empty = "tested,trained\n"
    assert told(empty, empty) == []
    assert len(told(empty + "a,b\n", empty)) == len(told(empty, empty + "a,b\n")) == 2
