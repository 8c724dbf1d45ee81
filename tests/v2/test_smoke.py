"""The extended part of the finished run at scale smoke, as `make study SCALE=smoke` leaves it in runs/smoke."""

import html
import json
from itertools import product
from pathlib import Path

import pandas as pd
import pytest

from vasolib.study import ROOT, Study
from vasolib.v2.answers import answers_of, held_out, open_labelled
from vasolib.v2.items import ITEMS
from vasolib.v2.scores import GUIDES, main_methods
from vasolib.v2.study import Extended
from vasolib.v2.tasks import TASKS

FOLDER = ROOT / "runs" / "smoke"
REPORT = FOLDER / "results" / "smoke" / "v2" / "report.html"
pytestmark = pytest.mark.skipif(not REPORT.is_file(), reason="make study SCALE=smoke has not been run here")
TEXT = {"image": str, "segment": str}


@pytest.fixture(scope="module")
def run() -> Extended:
    return Extended.beside(Study.load(FOLDER))


def table(run: Extended, name: str) -> pd.DataFrame:
    return pd.read_csv(run.results(name), dtype=TEXT)


def under_test(run: Extended, name: str) -> list[str]:
    rows = pd.read_csv(run.work("stores", name, "table.csv"), dtype=str)
    return list(rows.loc[rows["split"] == "test", "id"])


def test_every_image_has_a_score_in_every_run(run: Extended):
    raw, params, wanted = table(run, "raw.csv"), run.params, set()
    for arm in (*params.scratch, *params.pretrain):
        for task in run.tasks_of(arm):
            for name in params.sets[task]:
                wanted |= {(task, arm, name, 100, *seeds, i) for seeds in run.runs(arm) for i in under_test(run, name)}
    first = params.sets["vessels"][0]
    for arm in params.labels.all:
        for percent in params.percents:
            wanted |= {("vessels", arm, first, percent, *s, i) for s in run.runs(arm) for i in under_test(run, first)}
    for guide, name in product(GUIDES, params.sets["vessels"]):
        wanted |= {("vessels", guide, name, 100, -1, 0, i) for i in under_test(run, name)}
    keys = ["task", "method", "dataset", "labels", "pretrain_seed", "seed", "image"]
    found = list(raw[keys].itertuples(index=False, name=None))
    assert len(found) == len(set(found)) and set(found) == wanted
    assert raw["dsc"].between(0, 100).all()


def test_the_main_table_has_the_means_of_the_scores(run: Extended):
    raw, main = table(run, "raw.csv"), table(run, "main.csv")
    means = raw[raw["labels"] == 100].groupby(["method", "dataset", "seed"])["dsc"].mean().groupby(level=[0, 1]).mean()
    rows = main[(main["metric"] == "DSC") & (main["n"] > 0)]
    assert len(rows) == 5 * len(main_methods(run)) + 3 * len(GUIDES)  # five sets, of vessels three
    for row in rows.itertuples():
        assert row.mean == pytest.approx(means[row.method, row.dataset], abs=1e-4)
    absent = main[main["method"].isin(run.params.external)]
    assert set(absent["method"]) == set(run.params.external) and absent["note"].str.startswith("not run").all()


def test_every_detector_is_in_the_table(run: Extended):
    found = table(run, "detection.csv")
    done = found[found["n"] > 0]
    assert set(done["method"]) == set(run.params.detect.all) and (done["n"] == len(run.more.seeds)).all()
    assert set(done["metric"]) == {"mAP", "mAP50", "mAP75"} and done["mean"].between(0, 100).all()
    assert set(table(run, "lesions.csv")["task"]) == {"stenoses", "boxes"}


def test_answers_are_the_ones_that_were_scored(run: Extended):
    name, arm, raw = run.params.sets["stenoses"][0], "vasomim_v2", table(run, "raw.csv")
    first = raw[(raw["dataset"] == name) & (raw["method"] == arm) & (raw["seed"] == run.more.seeds[0])]
    task = TASKS["stenoses"]
    test = held_out(run, task, open_labelled(run, task, name))
    want = task.score(answers_of(run, arm, task, test), test)["stenoses"].set_index("image")["dsc"]
    assert first.set_index("image")["dsc"].to_dict() == pytest.approx(want.to_dict(), abs=1e-4)


def test_corpus_and_tests_are_apart_and_every_image_has_a_use(run: Extended):
    corpus = pd.read_csv(run.work("stores", "corpus", "table.csv"), dtype=str)
    twins = run.more.twins
    assert len(corpus) == twins.recordings * twins.frames and corpus["patient"].nunique() == twins.recordings
    usable, distinct = (pd.read_csv(run.work("kept", f"{name}.csv"))["id"] for name in ("usable", "distinct"))
    assert set(distinct) < set(usable) <= set(corpus["id"]) and len(distinct) == twins.recordings
    leaks = table(run, "leaks.csv")
    assert leaks["images"].sum() == len(table(run, "splits.csv"))
    near = table(run, "near_duplicates.csv")
    assert not set(near["trained"]) & set(usable)


def test_the_report_shows_everything(run: Extended):
    page = REPORT.read_text(encoding="utf-8")
    for item in ITEMS:
        assert html.escape(item.title) in page, item.title
    facts = json.loads(run.results("run.json").read_text(encoding="utf-8"))
    assert facts["parameters"] == run.facts()["parameters"] and facts["parameters"] in page
    assert facts["run"] == facts["scale"] == "smoke"


def test_costs_stand_beside_results(run: Extended):
    costs = table(run, "costs.csv")
    done = costs[costs["n"] > 0]
    assert set(done["target"]) == {"segmentor", "none"} and done["seconds_per_step"].gt(0).all()
    plain = table(run, "targets.csv")
    assert costs.drop(columns="seconds_per_step").equals(plain)


def test_what_was_trained_for_has_pictures(run: Extended):
    for name in ("vessels", "segments", "stenoses", "confusion", "boxes", "data"):
        path = Path(run.figures(f"{name}.png"))
        assert path.stat().st_size > 10_000, name
