"""Tables for reading: the main table in a row per method, sweeps by their setting, notes of what was not run."""

import re

import numpy as np
import pandas as pd
import pytest

from tests.v2.made_up import PUBLISHED, boxes, raw_scores
from vasolib.report_tables import Grid, markdown
from vasolib.v2.ablations import distinct_table, targets_table, with_cost
from vasolib.v2.grids import beside_grid, detection_grid, main_grid, readable
from vasolib.v2.main_table import main_table
from vasolib.v2.published import BOXES, DETECTION, MAIN, beside, published_values
from vasolib.v2.scaling import data_table

STANDS_FOR = {"a": "ARCADE-V", "d": "ARCADE-VS", "s": "ARCADE-S"}


@pytest.fixture
def table() -> pd.DataFrame:
    sets = {"vessels": "a", "segments": "d", "stenoses": "s"}
    raw = pd.concat([raw_scores({"mae": 60.0, "vasomim_v2": 70.0}, task, name) for task, name in sets.items()])
    values = published_values(PUBLISHED, MAIN)
    return main_table(raw, ["mae", "dinov3", "vasomim_v2"], values, STANDS_FOR, {"dinov3": "not run: no weights"})


def texts(grid: Grid) -> list[list[str]]:
    widths = {sum(cell.span for cell in row) for row in [*grid.header, *grid.body]}
    assert len(widths) == 1, widths
    return [[cell.text for cell in row] for row in grid.body]


def test_the_main_table_has_ranks_and_notes(table: pd.DataFrame):
    grid = main_grid(table)
    rows = {row[0]: row[1:] for row in texts(grid)}
    assert [cell.text for cell in grid.header[0]][-3:] == ["average rank", "average rank, published", "note"]
    level = "70.00 ± 0.00"
    assert rows["vasomim_v2"] == [level, "80.25", level, "58.87", level, "55.62", "1.00", "1.00", ""]
    assert rows["dinov3"][:2] == ["–", "79.36"] and rows["dinov3"][-3:] == ["–", "7.25", "not run: no weights"]
    best = {row[0].text for row in grid.body if "best" in row[-3].look}
    assert best == {"vasomim_v2"}


def test_it_is_markdown_too(table: pd.DataFrame):
    lines = markdown(main_grid(table)).splitlines()
    assert len(lines) == 2 + 3 and len({line.count("|") for line in lines}) == 1
    assert "not run: no weights" in lines[3] and "**70.00 ± 0.00**" in lines[4]


def test_in_full_it_has_both_metrics_and_no_runs_of_what_was_not_run(table: pd.DataFrame):
    rows = {row[0]: row[1:] for row in texts(readable(table))}
    assert "60.00 ± 0.00 (3)" in rows["mae"] and "50.00 ± 0.00 (3)" in rows["mae"]
    assert not any("(0)" in text for text in rows["dinov3"])


def test_a_sweeps_rows_are_named_by_their_setting():
    raw = raw_scores({"data_25": 60.0, "vasomim_v2": 70.0})
    rows = texts(beside_grid(data_table(raw, {"data_25": 250, "vasomim_v2": 1000}, PUBLISHED, {})))
    assert [row[0] for row in rows] == ["data_25 · images 250", "vasomim_v2 · images 1,000"]


def test_notes_stay_with_their_setting():
    raw = raw_scores({"guidance": 60.0, "vasomim_v2": 70.0})
    table = with_cost(targets_table(raw, PUBLISHED, {}, {"distilled": "not run: no weights"}), {"guidance": 0.25})
    rows = {row[0]: row[-1] for row in texts(readable(table))}
    assert rows["distilled · target features · seconds per step –"] == "not run: no weights"
    assert rows["guidance · target none · seconds per step 0.25"] == ""


def test_effects_are_shown_with_their_intervals():
    raw = raw_scores({"vasomim_v2": 70.0, "distinct": 72.0}, spread=1.0)
    table = readable(distinct_table(raw, {"vasomim_v2": 9, "distinct": 2}, PUBLISHED, {}))
    rows = {name: (effect, note) for name, *_, effect, note in texts(table)}
    assert rows["vasomim_v2 · images 9"] == ("–", "")
    effect, note = rows["distinct · images 2"]
    assert re.fullmatch(r"a [+−]\d\.\d\d \[[+−]\d\.\d\d, [+−]\d\.\d\d\]", effect)
    assert note.startswith("one pre-training seed")


def test_small_p_values_are_not_shown_as_zero():
    table = pd.DataFrame({"comparison": ["a - b"] * 3, "p": [1e-9, 0.04, None], "p_holm": [2e-9, 0.04, None]})
    assert [row[1] for row in texts(readable(table))] == ["< 0.001", "0.040", "–"]


def test_detection_has_a_column_for_each_metric():
    scores = pd.concat([boxes("mae", np.array([40.0, 42.0])), boxes("vit", np.array([10.0, 12.0]))])
    values = published_values(PUBLISHED, DETECTION)
    grid = detection_grid(beside(scores, ["vit", "mae"], values, {"danilov": "Stenosis"}, BOXES))
    assert [cell.text for cell in grid.header[0]] == [
        "method", "danilov mAP", "Stenosis mAP, published", "danilov mAP50", "Stenosis mAP50, published",
        "danilov mAP75", "Stenosis mAP75, published",
    ]  # fmt: skip
    assert texts(grid)[1] == ["mae", "41.00 ± 1.41", "39.69", "71.00 ± 1.41", "92.30", "31.00 ± 1.41", "24.28"]


def test_what_stands_beside_nothing_is_shown_as_it_is():
    assert texts(readable(pd.DataFrame({"x": [1, 2]}))) == [["1"], ["2"]]
