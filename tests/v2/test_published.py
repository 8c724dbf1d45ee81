"""v2's published values: the right row for each method, beside ours, and rows of what was not run."""

import pandas as pd
import pytest

from tests.v2.made_up import PUBLISHED, raw_scores
from vasolib.errors import UserError
from vasolib.study import ROOT, Study
from vasolib.v2.published import ABLATION, DETECTION, LABELS, MAIN, ROWS, SCALING, beside, published_values
from vasolib.v2.study import Extended


@pytest.mark.parametrize(
    ("table", "method", "dataset", "metric", "value", "source"),
    [
        (MAIN, "vasomim_v2", "ARCADE-V", "DSC", 80.25, "second-hand"),
        (MAIN, "vasomim", "ARCADE-S", "DSC", 54.52, "second-hand"),
        (MAIN, "dino", "ARCADE-V", "DSC", 76.37, "third-hand"),
        (MAIN, "unet", "all segmentation metrics", "average rank", 22.0, "second-hand"),
        (DETECTION, "resnet", "Stenosis", "mAP", 36.63, "second-hand"),
        (ABLATION, "guidance", "XCAV", "DSC", 85.92, "second-hand"),
        (ABLATION, "consistency", "XCAV", "DSC", 85.79, "second-hand"),
        (LABELS, "vasomim_v2", "ARCADE-V", "DSC", 76.01, "third-hand"),
        (SCALING, "data_25", "ARCADE-V", "DSC", 79.11, "third-hand"),
    ],
)
def test_a_value_is_found_with_its_source(table, method, dataset, metric, value, source):
    values = published_values(PUBLISHED, table)
    key = (values["method"] == method) & (values["published_dataset"] == dataset) & (values["metric"] == metric)
    (row,) = values[key].itertuples()
    assert row.published == value and row.source == source


def test_every_table_reads_and_has_one_value_for_each_column():
    values = published_values(PUBLISHED, *ROWS)
    assert not values.duplicated(["table", "method", "published_dataset", "metric"]).any()
    assert values["source"].notna().all()


def test_a_row_that_is_gone_or_ambiguous_is_named():
    with pytest.raises(UserError, match="ablation table of v2 has no row of 'baseline'"):
        published_values(PUBLISHED[PUBLISHED["method"] != "baseline"], ABLATION)
    with pytest.raises(UserError, match="several rows of 'VasoMIM'"):
        published_values(pd.concat([PUBLISHED, PUBLISHED]), LABELS)


def test_means_stand_beside_the_published_value_of_their_set():
    raw = raw_scores({"vasomim_v2": 81.0, "mae": 79.0})
    table = beside(raw, ["mae", "vasomim_v2"], published_values(PUBLISHED, MAIN), {"a": "ARCADE-V"})
    assert list(table["method"]) == ["mae", "mae", "vasomim_v2", "vasomim_v2"]
    ours = table.set_index(["method", "metric"])
    assert ours.loc[("vasomim_v2", "DSC"), "difference"] == pytest.approx(81.0 - 80.25)
    assert ours.loc[("mae", "clDice"), "mean"] == pytest.approx(69.0)
    assert (table["n"] == 3).all() and (table["note"] == "").all()


def test_a_set_that_stands_for_nothing_has_no_published_value():
    table = beside(raw_scores({"mae": 79.0}), ["mae"], published_values(PUBLISHED, MAIN), {})
    assert table[["published", "difference", "published_dataset", "source"]].isna().all(axis=None)


def test_methods_without_scores_say_why():
    values = published_values(PUBLISHED, MAIN)
    reasons = {"dinov3": "not run: weights not present"}
    table = beside(raw_scores({"mae": 79.0}), ["dinov3", "mae", "dino"], values, {"a": "ARCADE-V"}, reasons=reasons)
    of = table[table["metric"] == "DSC"].set_index("method")
    assert list(of.index) == ["dinov3", "mae", "dino"]
    assert list(of["note"]) == ["not run: weights not present", "", "not run"]
    assert of.loc["dinov3", "n"] == 0 and pd.isna(of.loc["dinov3", "mean"]) and of.loc["dinov3", "published"] == 79.36


def test_every_method_named_is_one_of_the_study():
    study = Extended.beside(Study.load(ROOT))
    known = {*study.params.arms, *study.params.scratch, *study.params.external, "resnet", "ijepa"}
    assert {method for rows in ROWS.values() for method in rows} <= known
