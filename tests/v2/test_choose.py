"""Real sets take the places of twins of their task, and stand beside the published set whose name they have."""

import shutil
from pathlib import Path

import pytest
import yaml

from tests.v2.miniature import bar, data_folder, grey, labelled_set, write
from vasolib.errors import UserError
from vasolib.study import ROOT
from vasolib.v2 import pretrain
from vasolib.v2.choose import TEACHER, extended_parameters, folder_state, sets_of_folder, weights_parameters

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


def test_the_state_of_the_folder_is_among_them(root: Path):
    assert extended_parameters(root, SHIPPED)["data_state"] == folder_state(root)


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


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A folder with files of two published encoders, and another file."""
    for name in ("dinov3", "dinov2"):
        (tmp_path / SHIPPED["external"][name]["file"]).write_bytes(name.encode())
    (tmp_path / "other.safetensors").write_bytes(b"")
    return tmp_path


def test_published_encoders_whose_files_are_there_take_part(weights: Path):
    found = weights_parameters(weights, SHIPPED)
    assert found["weights"] == str(weights.resolve()) and found["published"] == ["dinov3", "dinov2"]
    assert found["detect"]["scratch"] == [*SHIPPED["detect"]["scratch"], "dinov3", "dinov2"]
    assert found["detect"]["pretrained"] == SHIPPED["detect"]["pretrained"]


def test_features_judge_where_their_encoder_is(weights: Path):
    assert TEACHER == pretrain.TEACHER
    assert weights_parameters(weights, SHIPPED)["pretrain"] == [*SHIPPED["pretrain"], "distilled"]
    (weights / SHIPPED["external"][TEACHER]["file"]).unlink()
    assert weights_parameters(weights, SHIPPED)["pretrain"] == SHIPPED["pretrain"]


def test_other_bytes_are_another_state(weights: Path):
    before = weights_parameters(weights, SHIPPED)["weights_state"]
    (weights / "other.safetensors").write_bytes(b"x")
    assert weights_parameters(weights, SHIPPED)["weights_state"] == before
    (weights / SHIPPED["external"]["dinov3"]["file"]).write_bytes(b"more bytes")
    assert weights_parameters(weights, SHIPPED)["weights_state"] != before


def test_a_folder_without_weights_is_refused_with_what_is_expected(tmp_path: Path):
    with pytest.raises(UserError, match=r"has no published encoder.*dinov3_vitb16\.safetensors \(https://"):
        weights_parameters(tmp_path / "none", SHIPPED)
