"""Both ways on made-up stages, tables that differ, and the profile by hand."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from benchmarks import study
from benchmarks.study import compare_runs, main, profile, project
from vasolib.study import ROOT, Study
from vasolib.verify import EXPECTED, SCALE


def write(folder: Path, name: str = "table2.csv", **columns: list) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(columns).to_csv(folder / name, index=False)


@pytest.fixture
def runs(tmp_path: Path) -> list[Study]:
    """Two runs with the same expected table in each."""
    made = [Study(tmp_path / name, Study.load(ROOT).params) for name in ("plain", "ours")]
    for one in made:
        one.results().mkdir(parents=True)
        shutil.copyfile(EXPECTED / SCALE / "results" / "table2.csv", one.results("table2.csv"))
    return made


def scaled(one: Study, column: str, by: float) -> None:
    table = pd.read_csv(one.results("table2.csv"))
    table[column] = table[column] * by
    table.to_csv(one.results("table2.csv"), index=False)


def test_each_way_has_its_threads(tmp_path: Path):
    for threads in (1, 3):
        made = project(tmp_path / str(threads), threads)
        assert (made.params.run, made.scale.threads) == ("smoke", threads)
        assert made.scale_named("laptop") == project(tmp_path / "again", 2).scale_named("laptop")


def test_runs_agree_within_what_threads_explain(runs: list[Study]):
    write(runs[0].results(), "runtimes.csv", seconds=[1.0]), write(runs[1].results(), "runtimes.csv", seconds=[9.0])
    scaled(runs[1], "mean", 1 + 1e-8)
    assert "of 1 tables agree" in compare_runs(*runs)
    scaled(runs[1], "mean", 1.5)
    with pytest.raises(AssertionError, match=r"cells differ by more .*table2\.csv"):
        compare_runs(*runs)


def test_a_table_or_a_row_of_one_way_only_fails(runs: list[Study]):
    pd.read_csv(runs[0].results("table2.csv"))[1:].to_csv(runs[0].results("table2.csv"), index=False)
    with pytest.raises(AssertionError, match=r"table2\.csv"):
        compare_runs(*runs)
    runs[0].results("table2.csv").unlink()
    with pytest.raises(AssertionError, match=r"table2\.csv"):
        compare_runs(*runs)


def test_each_way_runs_in_a_project_of_its_own(monkeypatch, tmp_path: Path):
    seen = []

    def carry_out(made: Study, *module: str) -> None:
        seen.append((made.root, made.scale.threads, module))
        made.results().mkdir(parents=True)
        shutil.copyfile(EXPECTED / SCALE / "results" / "table2.csv", made.results("table2.csv"))

    monkeypatch.setattr(study, "carry_out", carry_out)
    monkeypatch.setattr(study, "available_cores", lambda: 4)
    assert main(["--jobs", "3", "--results", str(tmp_path)]) == 0
    roots, threads, modules = zip(*seen, strict=True)
    assert len(set(roots)) == 3 and threads == (4, 4, 1)
    assert modules[0][:2] == ("dvc", "repro") and "pretrain@mae" in modules[0]
    assert not any(word.startswith("v2_") for word in modules[0])
    ours = "vasolib.pipeline", "--scale", "smoke", "--part", "v1", "--jobs"
    assert modules[1:] == ((*ours, "1"), (*ours, "3"))
    rows = pd.read_csv(tmp_path / "study.csv")
    assert len(rows) == 2 and rows["same"].str.contains("of 1 tables agree").all()


def test_the_profile_adds_up():
    labels = ["40_pretrain_mae", "40_pretrain_vasomim", "50_finetune_25-mae", "90_report"]
    times = pd.DataFrame({"stage": labels, "seconds": [30.0, 50.0, 15.0, 5.0]})
    table = profile(times, ["40_pretrain", "50_finetune", "90_report", "40"])
    assert table.to_numpy().tolist() == [["40_pretrain", 2, 80, 80], ["50_finetune", 1, 15, 15], ["90_report", 1, 5, 5]]


def test_the_profile_of_the_committed_run(capsys):
    assert main(["--profile", "laptop"]) == 0 and "40_pretrain" in capsys.readouterr().out
    assert main(["--profile", "none"]) == 1 and "runtimes.csv is missing" in capsys.readouterr().err
