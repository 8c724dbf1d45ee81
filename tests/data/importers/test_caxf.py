"""CAXF, or a set of one's own: with its parts given, or split by patient."""

import pytest

from tests.data.importers.layouts import frame, imported, save, table, vessel
from vasolib.errors import UserError


def pair(folder, stem, seed=0):
    save(folder / "images" / f"{stem}.png", frame(seed))
    save(folder / "masks" / f"{stem}.bmp", vessel())


@pytest.mark.parametrize("given", ["set", "set/train", "."])
def test_given_parts_are_kept(tmp_path, given):
    for split, count in (("train", 3), ("test", 2)):
        for number in range(count):
            pair(tmp_path / "set" / split, f"{split}{number}", number)
    summary = imported("caxf", tmp_path / given, tmp_path / "data")["caxf"]
    assert summary.splits == {"train": 3, "test": 2} and summary.patients == 0


def test_without_parts_no_patient_is_on_both_sides(tmp_path):
    for patient in "abcde":
        for number in range(2):
            pair(tmp_path / "set", f"{patient}_{number}", number)
    imported("caxf", tmp_path / "set", tmp_path / "data")
    rows = table(tmp_path / "data/caxf")
    assert set(rows.patient) == set("abcde") and rows.groupby("patient").split.nunique().eq(1).all()
    assert (rows.split == "test").sum() == 4  # the first patients with 201 of 538 frames or more


@pytest.mark.parametrize(
    ("old", "new"), [("test/masks", "test/Masks"), ("test/masks", "test/label"), ("test", "TEST"), ("train", "val")]
)
def test_names_in_capitals_or_as_spironet_has_them_are_known(tmp_path, old, new):
    for split in ("train", "test"):
        pair(tmp_path / "set" / split, f"{split}_1", len(split))
    (tmp_path / "set" / old).rename(tmp_path / "set" / new)
    assert imported("caxf", tmp_path / "set", tmp_path / "data")["caxf"].images == 2


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("test/masks", "test/mask", "test has images, mask, expected one folder images or img and one masks or la"),
        ("test/images", "test/pictures", "test has masks, pictures, expected one folder images or img and one masks"),
        ("test/images", "test/masks/images", "test has masks, expected one folder images or img and one masks or la"),
        ("test", "testing", "testing has images and masks, expected parts called train, val and test: rename it"),
    ],
)
def test_a_part_that_would_be_lost_by_a_folders_name_is_refused(tmp_path, old, new, says):
    for split in ("train", "test"):
        pair(tmp_path / "set" / split, f"{split}_1", len(split))
    (tmp_path / "set" / old).rename(tmp_path / "set" / new)
    with pytest.raises(UserError, match=says):
        imported("caxf", tmp_path / "set", tmp_path / "data")


def test_another_folder_is_named(tmp_path):
    save(tmp_path / "set/images/a.png", frame())
    with pytest.raises(UserError, match="no folders `images` and `masks`, expected"):
        imported("caxf", tmp_path / "set", tmp_path / "data")
