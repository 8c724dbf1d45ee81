"""Both ways of reading give the same crops, and a difference is told."""

import pytest

from benchmarks import reading


def test_same_crops_are_told(monkeypatch):
    monkeypatch.setattr(reading, "SIZES", {32: 64})
    row = reading.row(32, 4, 5)
    assert row.same.startswith("pixels within 0 ") and row.ratio > 0


def test_other_crops_are_refused(monkeypatch):
    monkeypatch.setattr(reading, "SIZES", {32: 64})
    monkeypatch.setattr(reading.T, "hflip", lambda image: image)
    with pytest.raises(AssertionError, match="differ"):
        reading.row(32, 4, 5)


def test_reading_stands_beside_training_steps(monkeypatch):
    monkeypatch.setattr(reading, "STEPS", 1)
    row = reading.step_row("smoke", 5)
    assert row.plain_ms > 0 and row.ours_ms > 0 and "smoke" in row.step
