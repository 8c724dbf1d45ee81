"""The stages that need no arm, run in the data's own run; their tables brought beside the others."""

from pathlib import Path

import pandas as pd
import pytest

from benchmarks import recordings
from benchmarks.recordings import BOXED, TABLES, collect, main
from tests.v2.made_up import boxes, study, write
from vasolib.v2.study import Extended


@pytest.fixture
def extended(tmp_path: Path) -> Extended:
    """A study with what the stages leave."""
    (tmp_path / "run").mkdir()
    extended = study(tmp_path / "run")
    for name in TABLES:
        write(extended.results(name), pd.DataFrame({"made": [name]}))
    for number, arm in enumerate(extended.params.detect.scratch):
        write(extended.work("detect", arm, "scores.csv"), boxes(arm, pd.Series([10.0, 20.0]) + number))
    return extended


def test_tables_are_copied_and_scores_averaged_over_runs(extended: Extended, tmp_path: Path):
    folder = collect(extended, tmp_path / "results" / "v2")
    assert {path.name for path in folder.iterdir()} == {*TABLES, BOXED}
    found = pd.read_csv(folder / BOXED).set_index(["method", "metric"])
    assert found.loc[("resnet", "mAP"), ["mean", "n"]].tolist() == [15.0, 2]
    assert found.loc[("vit", "mAP50"), "mean"] == 46.0 and found.loc[("vit", "mAP"), "sd"] == pytest.approx(7.0710678)


def test_only_stages_without_arms_are_run(extended: Extended, tmp_path: Path, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(recordings, "open_workspace", lambda scale, folder, part: extended.study)
    monkeypatch.setattr(recordings, "dvc", lambda root, *arguments: asked.append(arguments))
    monkeypatch.setattr(recordings.Extended, "beside", lambda study: extended)
    given = ["--real", str(tmp_path), "--results", str(tmp_path / "r")]
    assert main(given) == 1 and "has no set with boxes.csv" in capsys.readouterr().err
    extended.params.sets["boxes"][:] = ["stenosis"]
    assert main(given) == 0
    assert asked == [
        ("repro", stage) for stage in ("v2_redundancy", "v2_scratch_detect@resnet", "v2_scratch_detect@vit")
    ]
    assert (tmp_path / "r" / extended.study.params.run / "v2" / BOXED).is_file()
