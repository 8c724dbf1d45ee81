"""Real sets take the places of twins of their task, and stand beside the published set whose name they have."""

import shutil
from pathlib import Path

import pytest
import yaml

from tests.v2.miniature import bar, data_folder, grey, labelled_set, write
from vasolib.errors import UserError
from vasolib.study import ROOT
from vasolib.v2.choose import extended_parameters, folder_state, sets_of_folder

SHIPPED = yaml.safe_load((ROOT / "params_v2.yaml").read_text(encoding="utf-8"))["v2"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return data_folder(tmp_path / "data")


def test_each_task_has_its_sets_in_order(root: Path):
    labelled_set(root / "a", "masks")
    assert sets_of_folder(root) == {"vessels": ["a", "v"], "segments": ["s"], "stenoses": ["l"], "boxes": ["b"]}
    shutil.rmtree(root / "b")
    assert "boxes" not in sets_of_folder(root)


def test_twins_stay_where_the_folder_has_no_set(root: Path):
    for name in ("s", "l"):
        shutil.rmtree(root / name)
    shutil.move(root / "v", root / "arcade_v")
    shutil.move(root / "b", root / "stenosis")
    found = extended_parameters(root, SHIPPED)
    assert found["sets"] == {
        "vessels": ["arcade_v"], "segments": ["arcade_vs"], "stenoses": ["arcade_s"], "boxes": ["stenosis"],
    }  # fmt: skip
    assert found["stands_for"] == {
        "arcade_v": "ARCADE-V", "stenosis": "Stenosis", "arcade_vs": "ARCADE-VS", "arcade_s": "ARCADE-S",
    }  # fmt: skip


def test_a_set_of_another_name_stands_for_no_published_one(root: Path):
    assert extended_parameters(root, SHIPPED)["stands_for"] == {}


@pytest.mark.parametrize(
    ("name", "message"), [("corpus", "a set named 'corpus'"), ("danilov", "a set named 'danilov', as a synthetic one")]
)
def test_names_that_are_taken_are_refused(root: Path, name: str, message: str):
    shutil.rmtree(root / "b")
    shutil.move(root / "v", root / name)
    with pytest.raises(UserError, match=message):
        extended_parameters(root, SHIPPED)


@pytest.mark.parametrize(
    "change",
    [
        lambda r: write(r / "u/images/new.png", grey("new")),
        lambda r: write(r / "s/segments/p0_0.png", bar(12)),
        lambda r: (r / "b/boxes.csv").open("a").write("p1_0,1,1,2,2\n"),
        lambda r: (r / "l/table.csv").write_text((r / "l/table.csv").read_text().replace("val", "train")),
        lambda r: (r / "v/masks/p1_0.png").unlink(),
    ],
)
def test_whatever_changes_the_stores_changes_the_state(root: Path, change):
    before = folder_state(root)
    assert folder_state(root) == before
    change(root)
    assert folder_state(root) != before
