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
    ("old", "new"), [("test/masks", "test/Masks"), ("test/masks", "test/label"), ("test", "TEST"), ("train", "val"),
                      ("train", "Training"), ("test", "validation")]
)  # fmt: skip
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
        ("test", "test2", "test2 has images and masks, expected parts called train, val and test: rename it"),
    ],
)
def test_a_part_that_would_be_lost_by_a_folders_name_is_refused(tmp_path, old, new, says):
    for split in ("train", "test"):
        pair(tmp_path / "set" / split, f"{split}_1", len(split))
    (tmp_path / "set" / old).rename(tmp_path / "set" / new)
    with pytest.raises(UserError, match=says):
        imported("caxf", tmp_path / "set", tmp_path / "data")


def test_names_that_begin_anew_in_each_part_have_it_in_their_ids(tmp_path):
    for split, count in (("train", 6), ("test", 3)):
        for number in range(1, count + 1):
            pair(tmp_path / "set" / split, f"{number}", number)
    summary = imported("caxf", tmp_path / "set", tmp_path / "data")["caxf"]
    assert (summary.splits, summary.left_out) == ({"train": 6, "test": 3}, 0)
    assert list(table(tmp_path / "data/caxf").id) == [
        *(f"train-{n}" for n in range(1, 7)),
        "test-1",
        "test-2",
        "test-3",
    ]


def test_the_part_comes_behind_the_patient_that_is_known(tmp_path):
    for split in ("train", "test"):
        for name in ("p1_1", "p1_2_3", f"{split}only_1"):
            pair(tmp_path / "set" / split, name, len(name + split))
    imported("caxf", tmp_path / "set", tmp_path / "data")
    rows = table(tmp_path / "data/caxf").set_index("id")
    assert rows.loc["p1_test-2_3", "patient"] == "p1" and "trainonly_train-1" in rows.index
    assert all(name.startswith(f"{patient}_") for name, patient in rows.patient.items())


def test_names_that_differ_between_the_parts_are_ids_as_they_are(tmp_path):
    for number in range(1, 7):
        pair(tmp_path / "set" / ("train" if number < 4 else "test"), f"{number}", number)
    imported("caxf", tmp_path / "set", tmp_path / "data")
    assert list(table(tmp_path / "data/caxf").id) == list("123456")


def test_a_folder_that_looks_like_a_part_is_told(tmp_path, capsys):
    pair(tmp_path / "set/train", "a", 1)
    pair(tmp_path / "set/test", "b", 2)
    save(tmp_path / "set/val_1/c.png", frame())
    save(tmp_path / "set/train/images/val/d.png", frame())
    imported("caxf", tmp_path / "set", tmp_path / "data")
    out = capsys.readouterr().out
    assert "caxf: the folder val_1 looks like a split and is not read" in out
    assert "caxf: the folder train/images/val looks like a split and is not read" in out


def test_a_drawn_split_is_told_and_a_given_one_is_not(tmp_path, capsys):
    for patient in "abc":
        pair(tmp_path / "set", f"{patient}_1", ord(patient))
    imported("caxf", tmp_path / "set", tmp_path / "data")
    assert "caxf: train and test are drawn here, by patient" in capsys.readouterr().out
    for split in ("train", "test"):
        pair(tmp_path / "parts" / split, f"{split}_1", len(split))
    imported("caxf", tmp_path / "parts", tmp_path / "more")
    assert "drawn" not in capsys.readouterr().out


def test_pairs_beside_the_parts_are_not_passed_by(tmp_path):
    for folder in ("set", "set/train", "set/test"):
        pair(tmp_path / folder, f"{folder[-4:]}_1".replace("/", ""), len(folder))
    with pytest.raises(UserError, match="set has images and masks in parts and beside them, expected either: move or"):
        imported("caxf", tmp_path / "set", tmp_path / "data")


def test_another_folder_is_named(tmp_path):
    save(tmp_path / "set/images/a.png", frame())
    with pytest.raises(UserError, match="no folders `images` and `masks`, expected"):
        imported("caxf", tmp_path / "set", tmp_path / "data")
