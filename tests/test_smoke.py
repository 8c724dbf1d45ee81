"""The finished run at scale smoke, as `make study SCALE=smoke` leaves it in runs/smoke."""

import html
import json
import subprocess
import sys

import nbformat
import pandas as pd
import pytest
import yaml

from tests.test_dvc import STAGES, items_of
from vasolib.report import ITEMS
from vasolib.run import label
from vasolib.scheduler import dvc_environment
from vasolib.study import ROOT, Study

FOLDER = ROOT / "runs" / "smoke"
REPORT = FOLDER / "results" / "smoke" / "report.html"
TABLE_2 = [
    "frangi", "robust", "unet", "vit", "moco", "dino", "mae", "simmim", "amt", "deblurring", "crossmae", "hpm",
    "chexworld", "spt", "vasomim", "vasomim_robust",
]  # fmt: skip
pytestmark = pytest.mark.skipif(not REPORT.is_file(), reason="make study SCALE=smoke has not been run here")


@pytest.fixture(scope="module")
def study() -> Study:
    return Study.load(FOLDER)


@pytest.fixture(scope="module")
def stages() -> dict:
    """What dvc.lock says of the stages of dvc.yaml; it also keeps stages that are no more."""
    locked = yaml.safe_load((FOLDER / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    items = [(name, item.values()) for name in STAGES for item in items_of(name)]
    return {name: locked[name] for name in ("@".join([n, *["-".join(map(str, i))] * bool(i)]) for n, i in items)}


def table(study: Study, name: str) -> pd.DataFrame:
    return pd.read_csv(study.results(name))


def stores(study: Study) -> dict[str, pd.DataFrame]:
    """Tables of the stores by name."""
    names = ("corpus", *study.params.benchmarks)
    return {name: pd.read_csv(study.work("stores", name, "table.csv"), dtype=str) for name in names}


def test_every_declared_output_is_there(stages: dict):
    outs = [FOLDER / out["path"] for stage in stages.values() for out in stage.get("outs", [])]
    assert len(outs) > 20
    for path in outs:
        assert path.exists(), path
        inside = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
        assert inside and all(p.stat().st_size for p in inside), path


def test_nothing_is_stale():
    command = [sys.executable, "-m", "dvc", "status", "--json"]
    done = subprocess.run(command, cwd=FOLDER, env=dvc_environment(), capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {}


def test_the_run_is_of_these_sources():
    # The folder is a copy of its own: what is fresh there may be stale beside the checkout.
    parts = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"].values()
    watched = {dep for part in parts for dep in part["deps"] if (ROOT / dep).is_file()} | {"dvc.yaml"}
    assert len(watched) > 30
    stale = sorted(name for name in watched if (ROOT / name).read_bytes() != (FOLDER / name).read_bytes())
    assert stale == [], "`make study SCALE=smoke` brings the run up to date"


def wanted_runs(study: Study) -> set[tuple]:
    """Method, data set, labels, pre-training seed and seed of every run."""
    trained = [*study.params.scratch_arms, *study.params.pretrain_arms]
    runs = {(m, d, 100, -1, 0) for m in ("frangi", "robust") for d in study.params.benchmarks}
    runs |= {(m, d, 100, *seeds) for m in trained for d in study.benchmarks_of(m) for seeds in study.runs(m)}
    few = [*study.params.scratch_arms, *study.params.few_labels_arms]
    return runs | {(m, study.params.benchmarks[0], n, *s) for m in few for n in (25, 50) for s in study.runs(m)}


def test_every_image_has_a_score_in_every_run(study: Study):
    scores, tables = table(study, "segmentation.csv"), stores(study)
    tested = {name: rows.loc[rows["split"] == "test", "id"] for name, rows in tables.items()}
    wanted = {(*run, image) for run in wanted_runs(study) for image in tested[run[1]]}
    columns = ["method", "dataset", "labels", "pretrain_seed", "seed", "image"]
    keys = list(scores[columns].itertuples(index=False, name=None))
    assert len(keys) == len(set(keys)) and set(keys) == wanted
    assert scores["dsc"].between(0, 100).all() and scores["cldice"].between(0, 100).all()


@pytest.mark.parametrize(
    ("name", "methods"),
    [
        ("table2.csv", TABLE_2),
        ("table3.csv", ["mae_50", "consistency", "guidance", "vasomim"]),
    ],
)
def test_tables_are_complete(study: Study, name: str, methods: list):
    found = table(study, name)
    keys = {(m, d, k) for m in methods for d in study.params.benchmarks for k in ("DSC", "clDice")}
    assert set(found[["method", "dataset", "metric"]].itertuples(index=False, name=None)) == keys
    assert len(found) == len(keys)
    assert found["mean"].between(0, 100).all()
    trained = found[~found["method"].isin(["frangi", "robust"])]
    assert (trained["n"] == len(study.scale.seeds)).all() and (trained["sd"] >= 0).all()
    assert found.loc[found["method"] == "frangi", "sd"].isna().all()


def test_tables_are_the_means_of_the_scores(study: Study):
    scores, found = (
        table(study, "segmentation.csv"),
        table(study, "table2.csv").set_index(["method", "dataset", "metric"]),
    )
    scores = scores[scores["labels"] == 100]
    means = scores.groupby(["method", "dataset", "seed"])[["dsc", "cldice"]].mean()
    for (method, dataset), part in means.groupby(["method", "dataset"]):
        for column, metric in (("dsc", "DSC"), ("cldice", "clDice")):
            if (method, dataset, metric) in found.index:
                assert found.loc[(method, dataset, metric), "mean"] == pytest.approx(part[column].mean(), abs=1e-4)


def test_no_test_image_is_in_the_corpus(study: Study):
    tables = stores(study)
    corpus = tables.pop("corpus")
    assert len(corpus) == study.scale.synthetic.corpus and corpus["sha256"].is_unique
    for name, rows in tables.items():
        tested = rows[rows["split"] == "test"]
        assert len(tested) == study.scale.synthetic.test
        assert not set(tested["sha256"]) & set(corpus["sha256"]), name
        assert not set(tested["sha256"]) & set(rows.loc[rows["split"] == "train", "sha256"]), name


def test_the_report_shows_everything(study: Study):
    page = REPORT.read_text(encoding="utf-8")
    for item in ITEMS:
        assert html.escape(item.title) in page, item.title
    facts = json.loads(study.results("run.json").read_text(encoding="utf-8"))
    assert facts["run"] == facts["scale"] == "smoke" and facts["parameters"] == study.facts()["parameters"]
    assert facts["parameters"] in page


def executions(stages: dict) -> list[str]:
    """Labels of the executions that the run's stages ask for."""
    commands = [stage["cmd"].split()[3:] for stage in stages.values()]
    return [label(name, dict(pair.split("=", 1) for pair in pairs)) for name, *pairs in commands]


def test_executed_notebooks_are_whole(study: Study, stages: dict):
    for name in executions(stages):
        path = FOLDER / "executed" / "smoke" / f"{name}.ipynb"
        assert path.with_suffix(".html").stat().st_size > 1000
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code":
                assert not [o for o in cell.outputs if o.output_type == "error"], (name, cell.id)
                assert cell.execution_count is not None, (name, cell.id)


def test_every_step_was_timed_once(study: Study, stages: dict):
    for times, own in ((table(study, "runtimes.csv"), False), (table(study, "v2/runtimes.csv"), True)):
        assert times["stage"].is_unique and (times["seconds"] > 0).all()
        wanted = {name for name in executions(stages) if name.startswith("v2_") == own}
        assert set(times["stage"]) == wanted - {"90_report", "v2_90_report"}


def test_results_lie_beside_those_of_the_checkout(study: Study):
    for kind in ("results", "figures"):
        made, shown = (sorted(p.name for p in (root / kind / "smoke").iterdir()) for root in (FOLDER, ROOT))
        assert set(made) <= set(shown)
