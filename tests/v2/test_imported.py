"""Downloads in their published layouts, imported on the command line, are what a run with DATA learns from."""

import subprocess
import sys
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.data.importers.layouts import coco, frame, save, square
from tests.data.importers.test_voc import dataset
from tests.v2.miniature import run_of
from vasolib.data.__main__ import main
from vasolib.data.building import build_store
from vasolib.study import ROOT
from vasolib.v2 import sets
from vasolib.v2.choose import extended_parameters
from vasolib.v2.labels import build_labelled
from vasolib.v2.sets import write_sets

CATEGORIES = {5: "5", 11: "11", 26: "stenosis"}
SETS = ["arcade_s", "arcade_v", "arcade_vs", "stenosis"]
SIZES = {"train": 6, "val": 2, "test": 3}


def arcade(root: Path) -> Path:
    """A miniature of ARCADE: its two halves in three parts each, with a segment or a stenosis in each image."""
    for half, category in (("syntax", 5), ("stenosis", 26)):
        for part, count in SIZES.items():
            folder, names = root / half / part, [f"{number}.png" for number in range(1, count + 1)]
            for number, name in enumerate(names):
                save(folder / "images" / name, frame(100 * len(half) + 10 * len(part) + number))
            notes = [
                {"id": number, "image_id": number, "category_id": category, "segmentation": [square(4, 4, 8)]}
                for number in range(1, count + 1)
            ]
            coco(folder, dict(enumerate(names, start=1)), notes, CATEGORIES)
    return root


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Both, imported as a user does."""
    downloads, folder = tmp_path / "downloads", tmp_path / "angiograms"
    assert main(["import", "arcade", str(arcade(downloads / "arcade")), "--to", str(folder)]) == 0
    assert main(["import", "stenosis", str(dataset(downloads / "stenosis", patients=5)), "--to", str(folder)]) == 0
    return folder


def test_imported_sets_take_the_places_of_the_twins_of_their_tasks(data: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(sets, "build_store", partial(build_store, jobs=1))
    monkeypatch.setattr(sets, "build_labelled", partial(build_labelled, jobs=1))
    shipped = yaml.safe_load((ROOT / "params_v2.yaml").read_text(encoding="utf-8"))["v2"]
    chosen = extended_parameters(data, shipped)
    assert chosen["sets"] == {
        "vessels": ["arcade_v"], "segments": ["arcade_vs"], "stenoses": ["arcade_s"], "boxes": ["stenosis"],
    }  # fmt: skip
    extended = run_of(tmp_path / "run", str(data), chosen["sets"])
    stores, left_out, listed = write_sets(extended, unfinished=extended.work("unfinished"))
    counts = pd.Series(listed["images"].to_numpy(), [listed["set"], listed["part"]])
    for name in ("arcade_v", "arcade_vs", "arcade_s"):
        assert (counts[name, "train"], counts[name, "test"]) == (8, 3)  # the validation part is learned from too
    assert counts["stenosis"].sum() == 15 and left_out == []
    assert counts["corpus", "train"] == 2 * 8 + counts["stenosis", "train"]
    assert set(stores) == {"corpus", "arcade_v", "arcade_vs", "arcade_s", "stenosis"}


def test_the_validation_part_can_be_left_aside(tmp_path: Path, capsys: pytest.CaptureFixture):
    given = ["import", "arcade", str(arcade(tmp_path / "arcade")), "--to", str(tmp_path / "sets")]
    assert main([*given, "--split", "train,test"]) == 0
    for name in ("arcade_v", "arcade_vs", "arcade_s"):
        splits = pd.read_csv(tmp_path / "sets" / name / "table.csv")["split"]
        assert splits.value_counts().to_dict() == {"train": 6, "test": 3}
    assert main([*given, "--split", "trian"]) == 1
    assert "there is no split 'trian': did you mean 'train'" in capsys.readouterr().err


def test_a_fresh_clone_imports_both_layouts(tmp_path: Path):
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: nothing to clone")
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", "--no-local", "--depth", "1", f"file://{ROOT}", clone], check=True)
    for name, folder in {"arcade": arcade(tmp_path / "a"), "stenosis": dataset(tmp_path / "s", patients=5)}.items():
        for command, said in {"check": "usable images, expected", "import": "make study DATA='angiograms'"}.items():
            given = [sys.executable, "-m", "vasolib.data", command, name, folder]
            done = subprocess.run(given, cwd=clone, capture_output=True, text=True)
            assert done.returncode == 0 and said in done.stdout, done.stderr
    assert sorted(path.name for path in (clone / "angiograms").iterdir()) == SETS
    status = subprocess.run(["git", "status", "--porcelain"], cwd=clone, capture_output=True, text=True)
    assert status.stdout == ""  # what is imported cannot be committed by accident
