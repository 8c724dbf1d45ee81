"""The command's answer on a made-up run; of what is committed, every number has a tolerance that catches something."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from vasolib import verify as module
from vasolib.agreement import GROUPED_BY, compare, disagreements, number_columns, read_tables
from vasolib.errors import UserError
from vasolib.study import ROOT, Study
from vasolib.verify import EXPECTED, SCALE, environment, expected_files, main, recorded, refresh, verify

FILES = {
    "results/table2.csv": "method,metric,mean\nmae,DSC,50.5\nvit,DSC,40\n",
    "results/runtimes.csv": "stage,seconds\n10_data,1.5\n",
    "work/pretrain/mae/log.csv": "epoch,loss\n1,0.5\n",
    "work/pretrain/mae/scores.csv": "loss\n0.5\n",
    "work/stores/corpus/table.csv": "id,split\n1,train\n",
    "results/v2/eta.csv": "method,mean\neta_0,12.5\n",
    "results/v2/costs.csv": "method,seconds_per_step\nmae,0.5\n",
}
TOLERANCES = """file,column,group,absolute,relative,source
results/table2.csv,method,DSC,0,0,equal
results/table2.csv,metric,DSC,0,0,equal
results/table2.csv,mean,DSC,1,0,3 x spread
work/pretrain/mae/log.csv,epoch,,0,0,equal
work/pretrain/mae/log.csv,loss,,0.01,0,3 x spread
work/stores/corpus/table.csv,id,,0,0,equal
work/stores/corpus/table.csv,split,,0,0,equal
results/v2/eta.csv,method,,0,0,equal
results/v2/eta.csv,mean,,1,0,3 x spread
"""
FACTS = {"cpu": "one", "threads": "1", "machine time": "4 min", "torch": "2.0"}


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """A run with a few tables."""
    study = Study(tmp_path / "run", Study.load(ROOT).params)
    for name, text in FILES.items():
        kind, *parts = name.split("/")
        path = getattr(study, kind)(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    study.results("run.json").write_text(json.dumps(FACTS))
    study.results("v2", "run.json").write_text(json.dumps(FACTS))
    return study


@pytest.fixture
def folder(study: Study, tmp_path: Path, monkeypatch) -> Path:
    """What is expected: that run. The command finds both, and runs no pipeline."""
    folder = tmp_path / "expected"
    assert refresh(study, folder) == 4
    (folder / "tolerances.csv").write_text(TOLERANCES)
    monkeypatch.setattr(module, "EXPECTED", folder)
    monkeypatch.setattr(module.pipeline, "main", lambda arguments: 0)
    monkeypatch.setattr(module.Study, "open", lambda run: study)
    return folder


def change(study: Study, old: str, new: str, name: str = "table2.csv") -> None:
    path = study.results(name)
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_what_is_expected_are_tables_logs_and_splits(folder: Path, study: Study):
    compared = {"results/table2.csv", "results/v2/eta.csv", "work/pretrain/mae/log.csv", "work/stores/corpus/table.csv"}
    assert set(recorded(study)) == set(expected_files(folder)) == compared
    study.results("table2.csv").rename(study.results("table9.csv"))
    refresh(study, folder)
    assert set(expected_files(folder)) == {"results/table9.csv"} | compared - {"results/table2.csv"}


@pytest.mark.parametrize(
    ("old", "new", "status", "line"),
    [
        ("50.5", "50.5", 0, r"results/table2\.csv +numbers +2 +0 .*agrees"),
        ("50.5", "51.4", 0, r"results/table2\.csv +numbers +2 +0 +mean +0\.9 +1 +agrees"),
        ("50.5", "51.6", 1, r"results/table2\.csv +numbers +2 +1 +mean +1\.1 +1 +differs"),
        ("50.5", "51.6", 1, "table2.csv, row 'mae', column mean: expected 50.5, found 51.6, tolerance 1$"),
        ("vit,DSC,40\n", "", 1, "table2.csv, row 'vit': missing"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_the_exit_status_and_the_printed_table(study: Study, capsys, old: str, new: str, status: int, line: str):
    change(study, old, new)
    assert main([]) == status
    printed = capsys.readouterr().out
    assert re.search(line, printed, re.MULTILINE), printed
    assert printed.endswith("not verified\n" if status else "\nverified\n")
    assert re.search(r"(\d+) of \1 cells agree, in 4 tables", printed) or status


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("50.5", "50.6", "row 'mae', column mean: expected 50.5, found 50.6, tolerance 0"),
        ("50.5", "50.50", "results/table2.csv: other bytes"),
        ("mae,DSC,50.5\nvit,DSC,40\n", "vit,DSC,40\nmae,DSC,50.5\n", "results/table2.csv: other bytes"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_exact_allows_no_difference_and_no_other_byte(study: Study, capsys, old: str, new: str, line: str):
    assert main(["--exact"]) == 0
    change(study, old, new)
    assert main([]) == 0 and main(["--exact"]) == 1
    assert line in capsys.readouterr().out


def test_what_differs_between_the_machines_is_told(study: Study, folder: Path, capsys):
    assert environment(study, folder, "all") == []
    other = FACTS | {"cpu": "another", "machine time": "9 min", "device": "cuda"}
    study.results("run.json").write_text(json.dumps(other))
    lines = ["cpu: expected one, here another", "device: expected not recorded, here cuda"]
    assert environment(study, folder, "all") == lines
    assert main([]) == 0
    assert all(line in capsys.readouterr().out for line in lines[:1])


def test_refreshing_makes_the_run_the_expected_one(study: Study, folder: Path, capsys):
    change(study, "50.5", "60.5")
    assert main([]) == 1
    assert main(["--refresh"]) == 0
    assert "now holds this run's 4 tables" in capsys.readouterr().out
    assert main(["--exact"]) == 0
    assert (folder / "tolerances.csv").read_text() == TOLERANCES


def test_a_run_that_fails_is_not_compared(monkeypatch, folder: Path, capsys):
    monkeypatch.setattr(module.pipeline, "main", lambda arguments: 130)
    assert main([]) == 130 and capsys.readouterr().out == ""


def test_the_run_is_that_of_the_pipeline(monkeypatch, folder: Path):
    given = []
    monkeypatch.setattr(module.pipeline, "main", lambda arguments: given.extend(arguments) or 0)
    main(["--jobs", "3"])
    assert given == ["--scale", "smoke", "--part", "all", "--jobs", "3"]


def test_one_part_is_run_compared_and_refreshed_alone(study: Study, folder: Path, monkeypatch, capsys):
    given = []
    monkeypatch.setattr(module.pipeline, "main", lambda arguments: given.extend(arguments) or 0)
    change(study, "12.5", "20", "v2/eta.csv")
    change(study, "50.5", "51", "table2.csv")
    study.results("v2", "run.json").write_text(json.dumps(FACTS | {"cpu": "another"}))
    assert main(["--part", "v1"]) == 0 and "cpu" not in capsys.readouterr().out
    assert main(["--part", "v2"]) == 1 and main([]) == 1
    assert "eta.csv, row 'eta_0', column mean: expected 12.5, found 20, tolerance 1" in capsys.readouterr().out
    assert [part for part in given if part in ("v1", "v2", "all")] == ["v1", "v2", "all"]
    assert main(["--part", "v2", "--refresh"]) == 0
    assert "now holds this run's 1 tables" in capsys.readouterr().out
    assert main(["--part", "v2", "--exact"]) == 0
    assert "expected 50.5, found 51" not in capsys.readouterr().out and main(["--part", "v1", "--exact"]) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [(None, "tolerances.csv is missing"), ("file,column\n", r"has columns \['file', 'column'\], expected")],
)
def test_unusable_tolerances_are_refused(study: Study, folder: Path, text: str | None, message: str):
    (folder / "tolerances.csv").unlink()
    if text:
        (folder / "tolerances.csv").write_text(text)
    with pytest.raises(UserError, match=message):
        verify(study, folder)


def test_no_expected_tables_are_refused(tmp_path: Path):
    with pytest.raises(UserError, match=r"smoke holds no table: restore it"):
        expected_files(tmp_path)


@pytest.fixture(scope="module")
def committed() -> dict[str, pd.DataFrame]:
    """The expected tables."""
    return read_tables(expected_files(EXPECTED))


@pytest.fixture(scope="module")
def allowed() -> pd.DataFrame:
    """Their tolerances."""
    return module.read_tolerances(EXPECTED)


def test_every_expected_number_has_a_tolerance(committed: dict, allowed: pd.DataFrame):
    cells = compare(committed, committed, allowed)
    assert disagreements(cells) == [] and len(cells) > 10_000
    assert {*cells["file"], *(name for name, table in committed.items() if table.empty)} == set(allowed["file"])
    numbers = cells[cells["column"].isin(number_columns(committed.values()))]
    assert not numbers["exact"].any()
    assert (cells["exact"] | (cells["allowed"] > 0) | cells["expected"].isin(["0", ""])).all()


def beyond(name: str, table: pd.DataFrame, allowed: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """The table, each number of its first row moved by twice its tolerance; how many were."""
    by = [column for column in GROUPED_BY if column in table]
    group, moved, changed = " ".join(table.loc[0, by]), table.copy(), 0
    stated = allowed[(allowed["file"] == name) & (allowed["group"] == group) & (allowed["source"] != "equal")]
    for one in stated[stated["absolute"] < float("inf")].itertuples():
        number = pd.to_numeric(table.loc[0, one.column], errors="coerce")
        if pd.notna(number):
            moved.loc[0, one.column] = repr(
                float(number + max(2 * (one.absolute + one.relative * abs(number)), 1e-300))
            )
            changed += 1
    return moved, changed


def test_a_number_beyond_its_tolerance_is_caught_in_every_table(committed: dict, allowed: pd.DataFrame):
    moved = {name: beyond(name, table, allowed) for name, table in committed.items() if len(table)}
    found = committed | {name: table for name, (table, _) in moved.items()}
    lines = disagreements(compare(committed, found, allowed))
    for name, (_, changed) in moved.items():
        assert sum(line.startswith(f"{name}, ") for line in lines) == changed, name
    without = [name for name, (_, changed) in moved.items() if not changed]
    assert [name for name in without if number_columns([committed[name]])] == []


def test_the_run_at_hand_agrees():
    if not (ROOT / "runs" / SCALE / "results" / SCALE / "run.json").is_file():
        pytest.skip("make study SCALE=smoke has not been run here")
    assert disagreements(verify(Study.open(SCALE), EXPECTED)) == []
