"""Both ways on made-up stages, tables that differ, and the profile by hand."""

from pathlib import Path

import pandas as pd
import pytest

from benchmarks import study
from benchmarks.study import compare_tables, main, profile, project
from vasolib.study import Study


def write(folder: Path, name: str = "t.csv", **columns: list) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(columns).to_csv(folder / name, index=False)
    return folder


def test_each_way_has_its_threads(tmp_path: Path):
    for threads in (1, 3):
        made = project(tmp_path / str(threads), "smoke", threads)
        assert (made.params.run, made.scale.threads) == ("smoke", threads)
        assert made.scale_named("laptop") == project(tmp_path / "again", "smoke", 2).scale_named("laptop")


def test_tables_within_the_tolerance_agree(tmp_path: Path):
    plain = write(tmp_path / "a", arm=["mae", "vit"], dsc=[0.5, float("nan")])
    ours = write(tmp_path / "b", arm=["mae", "vit"], dsc=[0.51, float("nan")])
    write(plain, "runtimes.csv", seconds=[1.0]), write(ours, "runtimes.csv", seconds=[9.0])
    assert compare_tables(plain, ours, 0.05).startswith("1 tables agree within 0.05")
    with pytest.raises(AssertionError, match=r"^t\.csv differs: .*dsc"):
        compare_tables(plain, ours, 0.001)


@pytest.mark.parametrize(
    "columns",
    [
        {"arm": ["mae", "dino"], "dsc": [0.5, 0.6]},
        {"arm": ["mae"], "dsc": [0.5]},
        {"arm": ["mae", "vit"], "hd": [0.5, 0.6]},
    ],
)
def test_other_words_rows_and_columns_fail(tmp_path: Path, columns: dict):
    plain = write(tmp_path / "a", arm=["mae", "vit"], dsc=[0.5, 0.6])
    with pytest.raises(AssertionError, match=r"t\.csv differs"):
        compare_tables(plain, write(tmp_path / "b", **columns), 0.05)


def test_a_table_of_one_way_only_fails(tmp_path: Path):
    plain = write(write(tmp_path / "a", arm=["mae"]), "more.csv", arm=["mae"])
    with pytest.raises(AssertionError, match=r"more\.csv"):
        compare_tables(plain, write(tmp_path / "b", arm=["mae"]), 0.05)


def test_both_ways_run_in_projects_of_their_own(monkeypatch, tmp_path: Path, capsys):
    seen = {}

    def carry_out(made: Study, *module: str) -> None:
        seen[module[0]] = (made.root, made.scale.threads, module[1:])
        write(made.results(), arm=["mae"], dsc=[0.5])

    monkeypatch.setattr(study, "carry_out", carry_out)
    monkeypatch.setattr(study, "available_cores", lambda: 4)
    assert main(["--jobs", "3", "--results", str(tmp_path)]) == 0
    assert seen["dvc"][1:] == (4, ("repro",)) and seen["dvc"][0] != seen["vasolib.pipeline"][0]
    assert seen["vasolib.pipeline"][1:] == (1, ("--scale", "smoke", "--jobs", "3"))
    assert "1 tables agree" in pd.read_csv(tmp_path / "study.csv")["same"][0]
    assert main(["--scale", "smok"]) == 1 and "there is no scale 'smok'" in capsys.readouterr().err


def test_the_profile_adds_up():
    labels = ["40_pretrain_mae", "40_pretrain_vasomim", "50_finetune_25-mae", "90_report"]
    times = pd.DataFrame({"stage": labels, "seconds": [30.0, 50.0, 15.0, 5.0]})
    table = profile(times, ["40_pretrain", "50_finetune", "90_report", "40"])
    assert table.to_numpy().tolist() == [["40_pretrain", 2, 80, 80], ["50_finetune", 1, 15, 15], ["90_report", 1, 5, 5]]


def test_the_profile_of_the_committed_run(capsys):
    assert main(["--profile", "laptop"]) == 0 and "40_pretrain" in capsys.readouterr().out
    assert main(["--profile", "none"]) == 1 and "runtimes.csv is missing" in capsys.readouterr().err
