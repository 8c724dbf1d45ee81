"""Two runs compared by hand-made tables: what moved is counted, what differs in more than the processor is refused."""

import json

import pandas as pd
import pytest

from benchmarks import processors
from vasolib.errors import UserError

VERDICTS = ["reproduced", "not reproduced", "inconclusive"]


def results(cpu: str, means: list[float], verdicts: list[str], parameters: str = "p") -> dict[str, str]:
    """Files of a run of the first part: three means with a deviation of 3, one without, a rank, three comparisons."""
    table = pd.DataFrame({"method": [*"abcd", "a"], "dataset": "x", "metric": [*["DSC"] * 4, "average rank"]})
    table = table.assign(mean=[*means, 50.0, means[0]], sd=[3.0, 3.0, 3.0, None, 3.0])
    pairs = pd.DataFrame({"claim": [1, 1, 2], "comparison": [*"uvw"], "dataset": [None, "x", "x"], "metric": "DSC"})
    claims = pd.DataFrame({"claim": [1, 2], "verdict": verdicts[1:]})
    files = {"table2.csv": table, "claims.csv": pairs.assign(verdict=verdicts), "verdicts.csv": claims}
    facts = {"cpu": cpu, "parameters": parameters, "data": "d", "machine time": f"{len(cpu)} min"}
    texts = {name: found.to_csv(index=False) for name, found in files.items()}
    return texts | {"run.json": json.dumps(facts)}


def test_what_moved_and_what_changed_is_counted():
    old = results("one", [50.0, 50.0, 50.0], VERDICTS)
    new = results("other", [51.0, 54.0, 55.0], ["not reproduced", "not reproduced", "reproduced"])
    row = processors.agreement("first", old.__getitem__, new.__getitem__)
    assert (row["old"], row["new"]) == ("one", "other")
    # the root of 3^2 + 3^2 is 4.24: 1 and 4 are within, 5 is not
    assert (row["means"], row["within"], row["median"], row["largest"]) == (3, 2, 4.0, 5.0)
    assert (row["comparisons"], row["changed"], row["reversed"]) == (3, 2, 1)
    assert (row["claims"], row["claims_changed"]) == (2, 1)
    said = processors.check(pd.DataFrame([row | {"old_revision": "abc", "new_revision": "def"}]))
    assert said.startswith("scale laptop on other (revision def) beside one (abc), all else alike: of the first")
    assert "2 of 3 means" in said and "2 of 3 comparisons have another verdict (1 reversed)" in said
    assert "5 min beside 3 min" in said


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cpu": "one"}, "cpu of run.json is one in both"),
        ({"cpu": "two", "parameters": "q"}, "parameters of run.json is p and q"),
    ],
)
def test_runs_that_differ_in_more_or_in_nothing_are_refused(change: dict[str, str], message: str):
    old = results("one", [50.0, 50.0, 50.0], VERDICTS)
    new = results(**{"means": [50.0, 50.0, 50.0], "verdicts": VERDICTS} | change)
    with pytest.raises(UserError, match=message):
        processors.agreement("first", old.__getitem__, new.__getitem__)


def test_other_rows_are_refused():
    old, new = (results(cpu, [50.0, 50.0, 50.0], VERDICTS) for cpu in ("one", "two"))
    new["verdicts.csv"] = "claim,verdict\n1,reproduced\n"
    with pytest.raises(UserError, match=r"verdicts.csv has 2 and 1 rows, of which 1 are alike"):
        processors.agreement("first", old.__getitem__, new.__getitem__)


def test_a_revision_that_is_not_there_is_named(capsys: pytest.CaptureFixture):
    assert processors.main(["no-such-revision", "HEAD"]) == 1
    assert "run.json of no-such-revision" in capsys.readouterr().err
