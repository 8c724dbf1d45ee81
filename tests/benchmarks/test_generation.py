"""The checksum is of the frames, and a difference between workers stops the benchmark."""

import itertools

import pytest

from benchmarks import generation
from benchmarks.generation import checksum, main, row


def test_the_checksum_tells_series_apart():
    assert checksum(64, 2, 1) == checksum(64, 2, 1) != checksum(64, 1, 1)


def test_frames_that_depend_on_the_workers_are_told(monkeypatch):
    numbers = itertools.count()
    monkeypatch.setattr(generation, "checksum", lambda *_: str(next(numbers)))
    with pytest.raises(AssertionError, match="depend on the number of workers"):
        row(64, 1, 1)


def test_the_command_writes_a_row_per_size(tmp_path):
    assert main(["--sizes", "48", "64", "--frames", "1", "--turns", "1", "--results", str(tmp_path)]) == 0
    assert (tmp_path / "generation.csv").read_text().count("equal byte by byte") == 2
