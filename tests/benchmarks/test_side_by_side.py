"""Two ways timed by turns: what is counted, what is written."""

import pandas as pd
import pytest

from benchmarks import side_by_side
from benchmarks.side_by_side import compare, report, step_parser, told_rows


@pytest.fixture
def clock(monkeypatch):
    """A clock that only the returned function moves: seconds from the given ones in turn."""
    now = [0.0]
    monkeypatch.setattr(side_by_side.time, "perf_counter", lambda: now[0])

    def lasting(*seconds: float):
        left = list(seconds)

        def action():
            now[0] += left.pop(0)

        return action

    return lasting


def test_the_first_call_of_each_is_not_counted(clock):
    row = compare("step", clock(99, 6, 6, 8, 6, 6), clock(99, 2, 3, 2, 2, 2), aim=2, same="equal")
    assert (row.plain_ms, row.ours_ms) == pytest.approx((6000, 2000))
    assert (row.ratio, row.least, row.largest) == pytest.approx((3, 2, 4))


def test_ratios_are_of_neighbouring_turns(clock):
    """A machine that grows slower by the same factor for both leaves every ratio as it is."""
    row = compare("step", clock(1, 2, 4, 8), clock(1, 1, 2, 4), aim=1, same="", turns=3)
    assert (row.least, row.largest) == (2, 2)


def test_rows_are_printed_and_written(tmp_path, clock, capsys):
    rows = [compare(name, clock(*[2.0] * 6), clock(*[1.0] * 6), aim=4, same="equal") for name in ("one", "two")]
    report(rows, tmp_path, "steps")
    table = pd.read_csv(tmp_path / "steps.csv")
    assert list(table.step) == ["one", "two"] and list(table.ratio) == [2, 2] and list(table.aim) == [4, 4]
    assert "two" in capsys.readouterr().out


def test_a_benchmark_ends_with_its_table(tmp_path, clock):
    given = step_parser("x", "words").parse_args(["--results", str(tmp_path), "--turns", "5"])
    assert told_rows(given, "x", lambda g: [compare("s", clock(*[1.0] * 6), clock(*[1.0] * 6), 1, "")]) == 0
    assert (tmp_path / "x.csv").exists()
