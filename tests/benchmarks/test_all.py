"""Each benchmark is run, all rows are together, and failures are named without losing the rest."""

import subprocess
from importlib import import_module

import pandas as pd
import pytest

from benchmarks import all as everything
from vasolib.study import ROOT


@pytest.fixture
def ran(monkeypatch):
    """The names that were run; masking fails, the others write a row."""
    names = []

    def run(command, **_):
        name, folder = command[2].removeprefix("benchmarks."), command[4]
        names.append(name)
        if name != "masking":
            pd.DataFrame({"step": [name], "ratio": [2.0]}).to_csv(f"{folder}/{name}.csv", index=False)
        return subprocess.CompletedProcess(command, int(name == "masking"))

    monkeypatch.setattr(everything.subprocess, "run", run)
    return names


def test_rows_are_together_and_failures_named(ran, tmp_path, capsys):
    (tmp_path / "rows").mkdir()
    pd.DataFrame({"step": ["older"]}).to_csv(tmp_path / "rows" / "masking.csv", index=False)
    assert everything.main(["--results", str(tmp_path / "rows")]) == 1
    assert tuple(ran) == everything.BENCHMARKS
    table = pd.read_csv(tmp_path / "rows.csv")
    assert table.columns[0] == "benchmark"
    assert list(table.benchmark) == [name for name in everything.BENCHMARKS if name != "masking"]
    assert "failed: masking (see above)" in capsys.readouterr().err


def test_one_alone_keeps_the_rows_of_the_others(ran, tmp_path):
    (tmp_path / "rows").mkdir()
    pd.DataFrame({"step": ["old"], "ratio": [1.0]}).to_csv(tmp_path / "rows" / "steps.csv", index=False)
    assert everything.main(["--results", str(tmp_path / "rows"), "--only", "anatomy"]) == 0
    assert ran == ["anatomy"] and list(pd.read_csv(tmp_path / "rows.csv").step) == ["anatomy", "old"]


@pytest.mark.parametrize("name", everything.BENCHMARKS)
def test_each_is_a_command_that_takes_a_folder(name, capsys):
    assert (ROOT / "benchmarks" / f"{name}.py").is_file()
    with pytest.raises(SystemExit):
        import_module(f"benchmarks.{name}").main(["--help"])
    assert "--results" in capsys.readouterr().out
