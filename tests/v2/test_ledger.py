"""The ledger: a claim reproduced, refuted, undecided, not tested, on a made-up study; ranks by hand."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.v2.made_up import PUBLISHED, fill, raw_scores, study
from vasolib.ledger import power_note, verdicts
from vasolib.v2.claims import CLAIMS, RIVALS
from vasolib.v2.ledger import ledger, ranks_by_run
from vasolib.v2.scores import main_methods, read_detection, read_scores

pytestmark = pytest.mark.filterwarnings("error")
NUMBER = {claim.id: i for i, claim in enumerate(CLAIMS, 1)}
ABSENT = {"published", "judge"}  # claims about arms that need weights of others


@pytest.fixture
def judged(tmp_path: Path):
    """The ledger of a study whose arms have these levels, some arms' rows left out."""

    def make(level: dict[str, float], spread: float = 1.0, images: int = 12, without: str = "") -> pd.DataFrame:
        extended = study(tmp_path)
        fill(extended, level, spread, images)
        raw = read_scores(extended)
        raw, params = raw[raw["method"] != without], extended.params
        detection = read_detection(extended)
        return ledger(raw, detection, PUBLISHED, params.stands_for, params.sets, main_methods(extended))

    return make


def overall(table: pd.DataFrame) -> dict[str, str]:
    """Verdicts by claim, of those that can be tested; the others are not."""
    names = {number: name for name, number in NUMBER.items()}
    found = {names[row.claim]: row.verdict for row in verdicts(table).itertuples()}
    assert {found.pop(name) for name in ABSENT} == {"not tested"}
    return found


def test_a_study_in_which_everything_holds(judged):
    level = {"vasomim_v2": 80.0, "vasomim": 70.0, "guidance": 60.0, "consistency": 60.0, "baseline": 40.0}
    level |= {name: float(number) for number, name in enumerate(("unet", "vit", *RIVALS.split()))}
    table = judged(level | {"resnet": 10.0, "model_3": 90.0, "model_2": 60.0}, spread=0.1)
    found = overall(table)
    assert set(found.values()) == {"reproduced"}, found
    tested = ~table["claim"].isin([NUMBER[name] for name in ABSENT])
    assert table["n_runs"].eq(2 * tested).all() and "published effects" in power_note(table)


def test_a_study_in_which_v2_is_worse_refutes(judged):
    found = overall(judged({"vasomim_v2": 30.0, "vasomim": 60.0}, spread=0.1))
    for name in ("v1", "rivals", "rank", "mixture", "labels", "detection"):
        assert found[name] == "not reproduced", name


def test_a_study_of_noise_decides_nothing(judged):
    found = overall(judged({}, spread=20.0, images=6))
    assert set(found.values()) == {"inconclusive"}


def test_scores_of_zero_everywhere_decide_nothing(judged):
    level = dict.fromkeys(["mae"], 0.0)
    table = judged(level, spread=0.0)
    alike = table[table["effect"] == 0]
    assert len(alike) and set(alike["verdict"]) == {"inconclusive"} and (alike["note"] != "").all()


def test_two_arms_that_both_fail_say_nothing_of_which_is_better(judged):
    """However surely they differ; against one that works they are compared."""
    level = {"vasomim_v2": 0.5, "vasomim": 4.0, "mae": 4.0, "unet": 60.0}
    table = judged(level, spread=0.05)
    pairs = table[table["metric"].isin(["DSC", "mAP"])].set_index("comparison")
    for pair in ("vasomim_v2 - vasomim", "vasomim_v2 - mae"):
        assert set(pairs.loc[pair, "verdict"]) == {"not tested"}
        assert pairs.loc[pair, "note"].str.startswith("neither works: both below 5 %").all()
    assert set(pairs.loc["vasomim_v2 - unet", "verdict"]) == {"not reproduced"}
    assert "danilov" in set(pairs.loc["vasomim_v2 - mae", "dataset"])


def test_ranks_leave_out_a_column_in_which_nothing_works():
    raw = raw_scores({"a": 10.0, "b": 20.0, "c": 30.0})
    assert set(ranks_by_run(raw.assign(cldice=raw["dsc"] / 10))["image"]) == {"a DSC"}
    assert ranks_by_run(raw.assign(dsc=1.0, cldice=1.0)).empty


def test_a_missing_arm_is_not_tested_and_named(judged):
    table = judged({}, without="dino")
    table = table[~table["claim"].isin([NUMBER[name] for name in ABSENT])]
    of = table[table["comparison"].str.contains("dino")]
    assert set(of["verdict"]) == {"not tested"} and of["note"].str.fullmatch("no .* of dino").all()
    assert "not tested" not in set(table.loc[~table["comparison"].str.contains("dino"), "verdict"])


def test_published_effects_stand_beside_ours(judged):
    table = judged({}).set_index(["claim", "comparison", "dataset", "metric"])["published"]
    assert table[NUMBER["v1"], "vasomim_v2 - vasomim", "arcade_s", "DSC"] == pytest.approx(55.62 - 54.52)
    assert table[NUMBER["both"], "vasomim_v2 - guidance", "xcav", "DSC"] == pytest.approx(86.09 - 85.92)
    assert table[NUMBER["data"], "vasomim_v2 - data_25", "arcade_v", "DSC"] == pytest.approx(80.25 - 79.11)
    assert table[NUMBER["rank"], "mae - vasomim_v2", "", "average rank"] == pytest.approx(3.88)
    assert table[NUMBER["rank"], "unet - vasomim_v2", "", "average rank"] == pytest.approx(21.0)
    assert np.isnan(table[NUMBER["rank"], "vit - vasomim_v2", "", "average rank"])  # v2 has one network from scratch
    assert table[NUMBER["detection"], "vasomim_v2 - resnet", "danilov", "mAP"] == pytest.approx(41.07 - 36.63)
    assert np.isnan(table[NUMBER["labels"], "vasomim_v2 - mae", "arcade_v", "DSC, 10 % of labels"])


def test_the_same_study_gives_the_same_ledger(judged):
    pd.testing.assert_frame_equal(judged({"mae": 60.0}), judged({"mae": 60.0}))


def test_ranks_of_each_run_by_hand():
    raw = raw_scores({"a": 10.0, "b": 20.0, "c": 20.0})
    raw.loc[(raw["method"] == "c") & (raw["seed"] == 2), "dsc"] = 5.0
    ranks = ranks_by_run(raw).set_index(["method", "seed", "image"])["dsc"]
    assert ranks["a", 0, "a DSC"] == 3 and ranks["b", 0, "a DSC"] == ranks["c", 0, "a DSC"] == 1.5
    assert ranks["c", 2, "a DSC"] == 3 and ranks["b", 2, "a DSC"] == 1
    assert ranks["c", 2, "a clDice"] == 1.5  # that was not changed
