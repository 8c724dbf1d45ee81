"""A run of all of a part leaves how long it took, in one file."""

import json
from pathlib import Path

import pytest

from tests.test_pipeline import made_up
from vasolib.study import Study
from vasolib.whole import stage_seconds, write_whole


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """With records of two stages of the first part, of 75 s, and one of the extended part, of 10 s."""
    study = made_up(tmp_path)
    study.work("runtimes", "v2_10_data.json").write_text('{"stage": "v2_10_data", "seconds": 10.0}', encoding="utf-8")
    return study


@pytest.mark.parametrize(("part", "want"), [("v1", [5.0, 70.0]), ("v2", [10.0]), ("all", [5.0, 10.0, 70.0])])
def test_seconds_are_of_the_parts_stages(study: Study, part: str, want: list[float]):
    assert sorted(stage_seconds(study, part).values()) == want


def test_the_record_says_what_was_run_and_on_what(study: Study):
    path = write_whole(study, "v1", 2, 40.04)
    assert path == study.results("whole_v1.json")
    facts = json.loads(path.read_text(encoding="utf-8"))
    assert {"part": "v1", "stages": 2, "jobs": 2, "seconds": 40.0, "stage_seconds": 75.0}.items() <= facts.items()
    assert facts["cores"] >= 1 and facts["cpu"]
