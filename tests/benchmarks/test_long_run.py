"""The long run at twenty steps, and what it takes for flat."""

import numpy as np
import pandas as pd
import pytest

from benchmarks import long_run


def table(slope: float, files: int = 7) -> pd.DataFrame:
    """A look every ten of 2,000 steps: memory grows at the start, then by `slope` MiB a step around 600 MiB."""
    step = np.arange(0, 2001, 10)
    noise = np.random.default_rng(0).normal(0, 1, len(step))
    memory = 600 + noise + slope * step - 200 * (step < 100)
    return pd.DataFrame(
        {"step": step, "resident_mib": memory, "own_mib": memory - 100, "open_files": [7] * 200 + [files]}
    )


def test_a_look_is_taken_every_so_many_steps_and_at_the_end():
    found = long_run.train(20, 5)
    assert list(found["step"]) == [0, 5, 10, 15, 20]
    assert (found["resident_mib"] >= found["own_mib"]).all() and (found["own_mib"] > 50).all()
    assert found["open_files"].iloc[1:].nunique() == 1


def test_the_rise_is_that_of_the_last_three_quarters():
    assert abs(long_run.rise(table(0.0), "resident_mib")) < 0.001
    assert long_run.rise(table(0.01), "resident_mib") == pytest.approx(15 / 612.5, rel=0.1)


def test_what_is_flat_passes_and_what_is_not_fails():
    assert "open files 7 then, 7 last" in long_run.check(table(0.0))
    with pytest.raises(AssertionError, match=r"not flat: .*resident_mib \+2\.\d+ %"):
        long_run.check(table(0.01))
    with pytest.raises(AssertionError, match="open files 7 then, 8 last"):
        long_run.check(table(0.0, files=8))


def test_every_call_is_a_step(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(long_run, "look", lambda step: step)
    looks: list = []
    loss = long_run.watched(lambda *given: given, 3, looks)
    assert [loss(number, "x") for number in range(8)] == [(number, "x") for number in range(8)] and looks == [0, 3, 6]


def test_the_command_writes_table_and_figure(monkeypatch, tmp_path, capsys):
    def trained(command, **_):
        table(0.0).to_csv(tmp_path / "memory.csv", index=False)
        assert command[2:4] == ["benchmarks.long_run", "--inside"]

    monkeypatch.setattr(long_run.subprocess, "run", trained)
    assert long_run.main(["--results", str(tmp_path), "--figures", str(tmp_path)]) == 0
    assert "over the last three quarters of 2000 steps" in capsys.readouterr().out
    assert (tmp_path / "memory.svg").read_text(encoding="utf-8").startswith("<?xml")
    assert long_run.main(["--steps", "3", "--results", str(tmp_path)]) == 1
    assert "give at least 20 steps" in capsys.readouterr().err
