import math
from math import nan

import pandas as pd
import pytest

from vasolib.report_tables import column_texts, compact_grid, grid, markdown

NAN = math.nan
COLUMNS = ["method", "dataset", "metric", "published_dataset", "published", "published_sd", "mean", "sd", "n"]


def beside() -> pd.DataFrame:
    rows = [
        ("filter", "synth-a", "DSC", "ARCADE", 41.30, NAN, 50.004, NAN, 1),
        ("filter", "synth-a", "clDice", "ARCADE", 40.91, NAN, 40.91, NAN, 1),
        ("full", "synth-a", "DSC", "ARCADE", 68.85, 0.47, 60.0, 0.5, 3),
        ("full", "synth-a", "clDice", "ARCADE", 70.56, 0.36, 62.0, 0.7, 3),
        ("full", "own", "DSC", NAN, NAN, NAN, 33.3, 0.1, 3),
    ]
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.assign(difference=table["mean"] - table["published"])


def verdicts() -> pd.DataFrame:
    rows = [(1, "It helps", "reproduced", "3 of 3", "x"), (2, "It | hurts", "not reproduced", "0 of 1", "x")]
    return pd.DataFrame(rows, columns=["claim", "text", "verdict", "held", "more"])


def claims() -> pd.DataFrame:
    rows = [
        (1, "It helps", "a − b", "synth-a", "DSC", 0.5, 1.234, 0.2, 2.3, 0.0004, 0.041, 1.2, 8, 40, "reproduced", NAN),
        (1, "It helps", "a − c", NAN, "SS", NAN, -0.5, NAN, NAN, NAN, NAN, NAN, 2, NAN, "inconclusive", "one run"),
        (2, "It hurts", "c − d", "own", "DSC", 7.0, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, "not tested", "no c"),
    ]
    names = "claim text comparison dataset metric published effect low high p p_holm detectable n_runs n_images verdict"
    return pd.DataFrame(rows, columns=[*names.split(), "note"])


def texts(row) -> list[str]:
    return [cell.text for cell in row]


def test_a_table_beside_published_values_is_pivoted():
    pivot = grid(beside())
    assert texts(pivot.header[0]) == ["", "synth-a (published: ARCADE)", "own"]
    assert texts(pivot.header[1]) == ["", "DSC", "clDice", "DSC"]
    assert texts(pivot.header[2]) == ["method", *["published", "ours", "difference"] * 2, "ours"]
    assert texts(pivot.body[0]) == ["filter", "41.30", "50.00 (1)", "+8.70", "40.91", "40.91 (1)", "+0.00", "–"]
    assert texts(pivot.body[1])[1:4] == ["68.85 ± 0.47", "60.00 ± 0.50 (3)", "−8.85"]
    assert texts(pivot.body[1])[7:] == ["33.30 ± 0.10 (3)"]


def test_a_sweep_has_a_row_per_setting():
    sweep = pd.concat([beside().iloc[2:4].assign(labels=share, family="x") for share in (25.0, 100.0)])
    sweep = sweep.assign(mask_ratio=[0.5, 0.5, 0.75, 0.75])
    pivot = grid(sweep)
    assert texts(pivot.header[2])[:4] == ["method", "labels", "mask ratio", "published"]
    assert [texts(row)[:4] for row in pivot.body] == [
        ["full", "25", "0.5", "68.85 ± 0.47"],
        ["full", "100", "0.75", "68.85 ± 0.47"],
    ]


def test_metrics_have_their_decimals():
    rows = [
        ("nlm", "own", m, nan, nan, *values) for m, *values in (("PSNR (dB)", 27.311, 0.05), ("SSIM", 0.61014, 6e-4))
    ]
    names = ["method", "dataset", "metric", "published", "published_sd", "mean", "sd"]
    table = pd.DataFrame(rows, columns=names).assign(n=3, difference=nan, published_dataset=nan)
    assert texts(grid(table).body[0]) == ["nlm", "27.31 ± 0.05 (3)", "0.6101 ± 0.0006 (3)"]


@pytest.mark.parametrize("table", [beside(), beside().assign(epochs=800), claims(), verdicts()])
def test_headers_and_rows_span_the_same_columns(table):
    pivot = grid(table)
    assert len({sum(cell.span for cell in row) for row in pivot.header + pivot.body}) == 1


def test_the_compact_table_shows_one_metric_and_the_best_of_each_column():
    compact = compact_grid(beside())
    assert [texts(row) for row in compact.header] == [["method", "synth-a", "ARCADE, published", "own"]]
    assert [texts(row) for row in compact.body] == [
        ["filter", "50.00", "41.30", "–"],
        ["full", "60.00 ± 0.50", "68.85 ± 0.47", "33.30 ± 0.10"],
    ]
    best = [[cell.look.split() for cell in row if "best" in cell.look.split()] for row in compact.body]
    assert best == [[], [["start", "best"], ["published", "best"], ["start", "best"]]]


def test_a_verdict_is_a_symbol_and_a_word():
    ledger = grid(verdicts())
    assert texts(ledger.header[0]) == ["", "claim", "verdict", "held"]
    assert texts(ledger.body[0]) == ["1", "It helps", "✓ reproduced", "3 of 3"]
    assert texts(ledger.body[1])[2] == "✗ not reproduced" and "not-reproduced" in ledger.body[1][2].look.split()


def test_comparisons_stand_below_their_claim():
    ledger = grid(claims())
    assert texts(ledger.body[0]) == ["1  It helps"] and texts(ledger.body[3]) == ["2  It hurts"]
    first, second, third = (texts(ledger.body[i])[1:] for i in (1, 2, 4))
    assert first[:5] == ["synth-a", "DSC", "+0.50", "+1.23 [+0.20, +2.30]", "< 0.001"]
    assert first[5:] == ["0.041", "1.20", "8", "40", "✓ reproduced", "–"]
    assert second == ["–", "SS", "–", "−0.50", "–", "–", "–", "2", "–", "? inconclusive", "one run"]
    assert third == ["own", "DSC", "+7.00", *["–"] * 6, "– not tested", "no c"]


def test_a_plain_table_keeps_its_columns():
    plain = grid(pd.DataFrame({"data_set": ["a", "b"], "images": [3, 20650], "licence": ["MIT", None]}))
    assert texts(plain.header[0]) == ["data set", "images", "licence"]
    assert [texts(row) for row in plain.body] == [["a", "3", "MIT"], ["b", "20650", "–"]]
    assert [cell.look for cell in plain.body[0]] == ["words", "", "words"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([17.111, 607.24], ["17.1", "607.2"]),
        ([-4.194, 0.5], ["−4.19", "0.50"]),
        ([0.04194, -0.5], ["0.0419", "−0.5000"]),
        ([1234.5, 2.0], ["1234", "2"]),
        ([0.00001, 0.002], ["1e−05", "0.002"]),
        ([2000.0, NAN], ["2000", "–"]),
        ([0.0, NAN], ["0", "–"]),
        ([NAN, NAN], ["–", "–"]),
        ([True, False], ["yes", "no"]),
    ],
)
def test_numbers_of_a_column_have_the_same_decimals(values, expected):
    assert column_texts(pd.Series(values)) == expected


def test_markdown_is_aligned_bold_where_best_and_whole():
    lines = markdown(compact_grid(beside())).splitlines()
    assert lines[:2] == ["| method | synth-a | ARCADE, published | own |", "| --- | --: | --: | --: |"]
    assert lines[3] == "| full | **60.00 ± 0.50** | **68.85 ± 0.47** | **33.30 ± 0.10** |"
    lines = markdown(grid(verdicts())).splitlines()
    assert lines[1] == "| --- | --- | --- | --: |"
    assert lines[3] == "| 2 | It / hurts | ✗ not reproduced | 0 of 1 |"
