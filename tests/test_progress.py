"""Lines of progress: seldom, and right."""

import re

import pytest

from vasolib import progress
from vasolib.progress import reported


@pytest.mark.parametrize("before", [0, 4])
def test_lines_say_how_far_it_is(capsys, monkeypatch, before):
    monkeypatch.setattr(progress, "EVERY", 0.0)
    items = reported("abc", 3 + before, "frames", before)
    assert next(items) == "a"
    assert capsys.readouterr().out == ""
    assert list(items) == ["b", "c"]
    lines = capsys.readouterr().out.splitlines()
    assert [re.sub(r"\d+\.\d|\d+ s", "N", line) for line in lines] == [
        f"frames {before + done}/{3 + before} | N a second, N left" for done in (1, 2, 3)
    ]


def test_a_short_series_says_nothing(capsys):
    assert list(reported([1, 2], 2, "frames")) == [1, 2]
    assert capsys.readouterr().out == ""
