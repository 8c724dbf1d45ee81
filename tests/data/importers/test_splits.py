"""Folders of splits: every spelling in use is read, and what only looks like one is told."""

import pytest

from tests.data.importers.layouts import frame, save, write
from vasolib.data.importers.plan import Item
from vasolib.data.importers.splits import around, drawn, split_of, splits_in, unread, unsplit
from vasolib.data.left_out import LeftOut
from vasolib.errors import UserError


@pytest.mark.parametrize(
    ("split", "names"),
    [
        ("train", ["train", "Train", "TRAINING"]),
        ("val", ["val", "Valid", "validation"]),
        ("test", ["test", "Testing", " test "]),
        ("", ["", "trainA", "train1", "latest", "images", "evaluation"]),
    ],
)
def test_spellings_in_use_are_known(split, names):
    assert {split_of(name) for name in names} == {split}


def test_splits_are_in_order_and_each_is_one_folder(tmp_path):
    for name in ("Testing", "validation", "training", "others", ".train"):
        (tmp_path / name).mkdir()
    assert {split: folder.name for split, folder in splits_in(tmp_path).items()} == {
        "train": "training",
        "val": "validation",
        "test": "Testing",
    }
    (tmp_path / "Train").mkdir()
    with pytest.raises(UserError, match=r"has Train and training, expected one folder of the split train: join or ren"):
        splits_in(tmp_path)


def test_folders_that_look_like_splits_and_have_files_are_told(tmp_path):
    for name in ("train", "train2", "my_test", "eval", "dev", "patient7", "device", "latest"):
        save(tmp_path / name / "a.png", frame())
    write(tmp_path / "holdout/a.xml", "<annotation/>")
    (tmp_path / "val_empty").mkdir()
    folders = sorted(tmp_path.iterdir())
    told = unread(tmp_path, folders, read=[tmp_path / "train"])
    assert [line.split()[2] for line in told] == ["dev", "eval", "holdout", "my_test", "train2"]
    assert told[0].startswith("the folder dev looks like a split and is not read as one, expected one of train, tra")


def test_splits_of_a_set_without_labels_are_said_to_be_read_alike(tmp_path):
    paths = [tmp_path / "a/Training/1.png", tmp_path / "a/test/2.png", tmp_path / "b/3.png"]
    (told,) = unsplit(tmp_path, paths)
    assert told.startswith("the images in Training and test are all read alike, as unlabelled")
    assert unsplit(tmp_path, paths[2:]) == ()


def test_a_split_that_was_named_stands_for_all_of_them(tmp_path):
    for name in ("train", "Testing", "other"):
        save(tmp_path / "set" / name / "a.png", frame())

    def fits(folder):
        return (folder / "a.png").exists()

    assert around(tmp_path / "set/Testing", fits) == tmp_path / "set"
    assert around(tmp_path / "set/other", fits) == tmp_path / "set/other"
    (tmp_path / "set/train/a.png").unlink()
    assert around(tmp_path / "set/Testing", fits) == tmp_path / "set/Testing"


def test_no_patient_is_on_both_sides_of_a_drawn_split():
    items = [Item(f"{patient}_{number}", frame(), "a", "", patient) for patient in "abcd" for number in range(3)]
    lost = LeftOut("unusable", "set", "x", "is empty")
    found = drawn("set", [lost, *items], 0.25)
    assert found[0] is lost and [one.id for one in found[1:]] == [one.id for one in items]
    sides = [{one.patient for one in found[1:] if one.split == split} for split in ("train", "test")]
    assert len(sides[0]) == 3 and len(sides[1]) == 1 and not sides[0] & sides[1]
