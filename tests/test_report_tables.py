import math

import pandas as pd
import pytest

from vasolib.report_tables import column_texts, grid, markdown_table

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


def texts(row) -> list[str]:
    return [cell.text for cell in row]


def test_a_table_beside_published_values_is_pivoted():
    pivot = grid(beside())
    assert texts(pivot.header[0]) == ["", "synth-a (published: ARCADE)", "own"]
    assert texts(pivot.header[1]) == ["", "DSC", "clDice", "DSC", "clDice"]
    assert texts(pivot.header[2]) == ["method", *["published", "ours", "difference"] * 4]
    assert texts(pivot.body[0])[:7] == [
        "filter",
        "41.30",
        "50.00 (1)",
        "+8.70",
        "40.91",
        "40.91 (1)",
        "+0.00",
    ]
    assert texts(pivot.body[1])[1:4] == ["68.85 ± 0.47", "60.00 ± 0.50 (3)", "−8.85"]
    assert texts(pivot.body[1])[7:] == ["–", "33.30 ± 0.10 (3)", "–", "–", "–", "–"]


def test_headers_span_the_columns_below():
    pivot = grid(beside())
    widths = {sum(cell.span for cell in row) for row in pivot.header} | {len(row) for row in pivot.body}
    assert widths == {13}


def test_a_plain_table_keeps_its_columns():
    plain = grid(pd.DataFrame({"data_set": ["a", "b"], "images": [3, 20650], "licence": ["MIT", None]}))
    assert texts(plain.header[0]) == ["data set", "images", "licence"]
    assert [texts(row) for row in plain.body] == [["a", "3", "MIT"], ["b", "20650", "–"]]
    assert [cell.words for cell in plain.body[0]] == [True, False, True]


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


def test_markdown_has_a_line_per_method_and_data_set():
    lines = markdown_table(beside()).splitlines()
    assert len({line.count("|") for line in lines}) == 1
    assert lines[0].startswith("| method | data set | DSC published | DSC ours | DSC difference |")
    assert lines[3] == (
        "| full | synth-a (published: ARCADE) | 68.85 ± 0.47 | 60.00 ± 0.50 (3) | −8.85 "
        "| 70.56 ± 0.36 | 62.00 ± 0.70 (3) | −8.56 |"
    )
    assert lines[4] == "| full | own | – | 33.30 ± 0.10 (3) | – | – | – | – |"
    assert len(lines) == 5  # the filter has no row for the data set it was not run on
