"""Rates are of what was made, and a difference between workers is told."""

import itertools

import pytest

from benchmarks import generation
from benchmarks.generation import main, measure


def test_a_row_tells_what_was_made():
    row, again = measure(64, 1, 2), measure(64, 1, 2)
    assert (row["size"], row["workers"], row["frames"]) == (64, 1, 2) and row["checksum"] == again["checksum"]
    assert row["frames a second"] * row["seconds"] == pytest.approx(2) and row["peak MiB"] > 10
    assert measure(64, 1, 1)["checksum"] != row["checksum"]


def test_frames_that_depend_on_the_workers_fail(monkeypatch, capsys):
    def row(size: int, workers: int, count: int) -> dict:
        return {"size": size, "workers": workers, "frames": count, "checksum": "same"}

    monkeypatch.setattr(generation, "measure", row)
    assert main(["--sizes", "64"]) == 0 and "changed nothing" in capsys.readouterr().out
    numbers = itertools.count()
    monkeypatch.setattr(generation, "measure", lambda *given: row(*given) | {"checksum": next(numbers)})
    assert main(["--sizes", "64"]) == 1 and "depend" in capsys.readouterr().out
