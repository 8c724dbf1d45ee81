"""The main table: means, ranks and notes that are known by hand."""

import math

import pandas as pd
import pytest

from tests.v2.made_up import PUBLISHED, raw_scores
from vasolib.v2.main_table import EVERYTHING, RANK, main_table
from vasolib.v2.published import MAIN, published_values

STANDS_FOR = {"a": "ARCADE-V", "d": "ARCADE-VS", "s": "ARCADE-S"}
VALUES = published_values(PUBLISHED, MAIN)
LEVELS = {  # columns: a DSC, a clDice, d DSC, s DSC; ranks by hand
    "vessels": {"unet": 70.0, "mae": 80.0, "vasomim_v2": 80.0},
    "segments": {"unet": 30.0, "mae": 60.0, "vasomim_v2": 50.0},
    "stenoses": {"unet": 20.0, "mae": 10.0, "vasomim_v2": 40.0},
}
SETS = {"vessels": "a", "segments": "d", "stenoses": "s"}


def raw(leave_out: tuple[str, str] = ("", "")) -> pd.DataFrame:
    parts = [raw_scores(level, task, SETS[task]) for task, level in LEVELS.items()]
    table = pd.concat(parts, ignore_index=True)
    return table[(table["task"] != leave_out[0]) | (table["method"] != leave_out[1])]


def ranks(table: pd.DataFrame) -> dict[str, float]:
    return table[table["metric"] == RANK].set_index("method")["mean"].to_dict()


def test_average_ranks_by_hand_with_equal_methods_sharing():
    table = main_table(raw(), ["unet", "mae", "vasomim_v2"], VALUES, STANDS_FOR, {})
    assert ranks(table) == {
        "unet": pytest.approx((3 + 3 + 3 + 2) / 4),
        "mae": pytest.approx((1.5 + 1.5 + 1 + 3) / 4),
        "vasomim_v2": pytest.approx((1.5 + 1.5 + 2 + 1) / 4),
    }
    assert len(table) == 3 * (4 + 1) and (table["n"] == 3).all()
    row = table[(table["method"] == "mae") & (table["metric"] == RANK)].iloc[0]
    assert row["published"] == 4.88 and row["dataset"] == EVERYTHING


def test_levels_stand_beside_the_right_published_sets():
    table = main_table(raw(), ["unet", "mae", "vasomim_v2"], VALUES, STANDS_FOR, {})
    found = table.set_index(["method", "dataset", "metric"])["published"]
    assert found["vasomim_v2", "s", "DSC"] == 55.62 and found["unet", "d", "DSC"] == 38.77
    assert found["mae", "a", "clDice"] == 80.74


def test_a_method_that_lacks_a_task_has_no_rank_and_says_so():
    table = main_table(raw(("segments", "mae")), ["unet", "mae", "vasomim_v2"], VALUES, STANDS_FOR, {})
    assert math.isnan(ranks(table)["mae"])
    assert set(table.loc[table["method"] == "mae", "note"]) == {"no rank without d DSC"}
    # the others' ranks are among themselves, in every column
    assert (ranks(table)["vasomim_v2"], ranks(table)["unet"]) == (1, 2)


def test_a_column_in_which_nothing_works_has_no_ranks():
    failed = raw()
    failed.loc[failed["task"] == "stenoses", "dsc"] /= 10
    table = main_table(failed, ["unet", "mae", "vasomim_v2"], VALUES, STANDS_FOR, {})
    assert ranks(table)["unet"] == 3 and ranks(table)["mae"] == pytest.approx((1.5 + 1.5 + 1) / 3)
    nothing = main_table(raw().assign(dsc=1.0, cldice=4.9), ["unet", "mae"], VALUES, STANDS_FOR, {})
    assert all(map(math.isnan, ranks(nothing).values()))


def test_a_published_encoder_that_is_absent_has_a_row_that_says_how_to_get_it():
    reason = "not run: weights not present (see there)"
    table = main_table(raw(), ["unet", "dinov3", "mae"], VALUES, STANDS_FOR, {"dinov3": reason})
    absent = table[table["method"] == "dinov3"]
    assert len(absent) == 5 and set(absent["note"]) == {reason} and absent["mean"].isna().all()
    assert absent.loc[absent["metric"] == RANK, "published"].item() == 7.25
    assert ranks(table)["mae"] == pytest.approx((1 + 1 + 1 + 2) / 4)
    assert list(dict.fromkeys(table["method"])) == ["unet", "dinov3", "mae"]


def test_fewer_labels_are_no_part_of_it():
    few = raw().assign(labels=10, dsc=0.0)
    table = main_table(pd.concat([raw(), few]), ["unet", "mae"], VALUES, STANDS_FOR, {})
    pd.testing.assert_frame_equal(table, main_table(raw(), ["unet", "mae"], VALUES, STANDS_FOR, {}))
