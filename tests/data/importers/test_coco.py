"""ARCADE: outlines drawn by hand, ids that repeat, and the rest of what its files may have."""

import json
import shutil

import numpy as np
import pytest

from tests.data.importers.layouts import Known, coco, frame, imported, pixels, save, square, table, write
from vasolib.data.importers import check_set
from vasolib.data.synthetic.tree import SYNTAX
from vasolib.errors import UserError

CATEGORIES = {**dict(enumerate(SYNTAX, start=1)), 26: "stenosis"}


def note(number, image, category, *polygons):
    return {"id": number, "image_id": image, "category_id": category, "segmentation": list(polygons)}


def half(root, name, split="train", images=("1.png", "2.png"), annotations=()):
    folder = root / name / split
    for seed, image in enumerate(images):
        save(folder / "images" / image, frame(seed + 10 * len(split)))
    coco(folder, dict(enumerate(images, start=1)), list(annotations), CATEGORIES)
    return folder


NOTES = (note(1, 1, 5, square(2, 3, 6)), note(1, 2, 11, square(4, 4, 5)), note(2, 1, 24, square(5, 3, 6)))


@pytest.fixture
def arcade(tmp_path):
    root = tmp_path / "arcade"
    for split in ("train", "val", "test"):
        half(root, "syntax", split, annotations=NOTES)
    half(root, "stenosis", annotations=[note(7, 1, 26, square(1, 1, 3)), note(7, 1, 26, square(3, 1, 3))])
    return root


def test_the_order_of_the_classes_is_the_layouts():
    assert len(SYNTAX) == len(set(SYNTAX)) == 25
    assert SYNTAX[8:13] == ("9", "9a", "10", "10a", "11") and SYNTAX[-2:] == ("12b", "14b")


def test_two_sets_of_segments_and_one_of_stenoses(arcade, tmp_path):
    found = imported("arcade", arcade, tmp_path / "data")
    assert {name: one.kind for name, one in found.items()} == {
        "arcade_vs": "segments",
        "arcade_v": "vessels",
        "arcade_s": "stenoses",
    }
    assert found["arcade_vs"].splits == {"train": 2, "val": 2, "test": 2} and found["arcade_s"].splits == {"train": 2}
    rows = table(tmp_path / "data" / "arcade_vs")
    assert list(rows.id[:2]) == ["train-1", "train-2"] and set(rows.patient) == {""}
    assert rows.original[0] == "syntax/train/images/1.png"


def test_annotations_are_read_by_image_though_their_ids_repeat(arcade, tmp_path):
    found = imported("arcade", arcade, tmp_path / "data", "syntax")
    assert set(found) == {"arcade_vs", "arcade_v"} and found["arcade_vs"].repairs == 3
    about = json.loads((tmp_path / "data/arcade_vs/about.json").read_text())
    assert about["repairs"][0] == "syntax/train/annotations/train.json: 1 ids repeat, annotations read by image"
    first, second = (pixels(tmp_path / "data/arcade_vs", "segments", name) for name in ("train-1", "train-2"))
    assert set(np.unique(first)) == {0, 5, 24} and set(np.unique(second)) == {0, 11}


def test_a_square_has_its_area_and_the_later_outline_wins(arcade, tmp_path):
    imported("arcade", arcade, tmp_path / "data")
    segments = pixels(tmp_path / "data/arcade_vs", "segments", "train-1")
    expected = np.zeros_like(segments)
    expected[3:9, 2:8], expected[3:9, 5:11] = 5, 24
    np.testing.assert_array_equal(segments, expected)
    vessels = pixels(tmp_path / "data/arcade_v", "masks", "train-1")
    np.testing.assert_array_equal(vessels, (expected > 0) * 255)
    stenoses = pixels(tmp_path / "data/arcade_s", "stenoses", "train-1")
    assert (stenoses == 1).sum() == 3 * 2 and (stenoses == 2).sum() == 3 * 3
    assert not pixels(tmp_path / "data/arcade_s", "stenoses", "train-2").any()  # no lesion, which is a finding


@pytest.mark.parametrize(
    ("odd", "repair"),
    [
        (note(9, 1, 26, square(0, 0, 5)), "of the other half's categories"),
        (note(9, 1, 5, square(2, 3, 6)), "there twice"),
        (note(1, 1, 5, square(2, 3, 6)), "ids repeat"),
    ],
)
def test_odd_annotations_are_dropped_and_told(tmp_path, odd, repair):
    half(tmp_path / "a", "syntax", annotations=[*NOTES[:2], odd])
    half(tmp_path / "b", "syntax", annotations=NOTES[:2])
    for name in "ab":
        imported("arcade", tmp_path / name, tmp_path / name / "data")
    odd_one, plain = (pixels(tmp_path / name / "data/arcade_vs", "segments", "train-1") for name in "ab")
    np.testing.assert_array_equal(odd_one, plain)
    assert any(repair in one for one in json.loads((tmp_path / "a/data/arcade_vs/about.json").read_text())["repairs"])


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        (note(9, 1, 99, square(0, 0, 5)), "of the category_id 99, expected a segment's"),
        ({**note(9, 1, 5), "segmentation": {"counts": [1], "size": [20, 24]}}, "whose outline is none"),
        (note(9, "1", 5, square(0, 0, 5)), "whose image_id is '1'"),
        (note(9, 1, 5, square(30, 3, 6)), "has an outline of the category '5' that covers no pixel of it"),
        (note(9, 1, 5, square(2, 3, 6), square(2, -9, 6)), "has an outline of the category '5' that covers no pixel"),
        (note(9, 1, 5, square(2.6, 2.6, 0.3)), "has an outline of the category '5' that covers no pixel of it"),
    ],
)
@pytest.mark.parametrize("name", ["arcade_vs", "arcade_v"])
def test_an_image_with_an_annotation_that_cannot_be_used_is_left_out(tmp_path, odd, reason, name):
    images = [f"{number}.png" for number in range(1, 7)]
    notes = [note(number, number, 5, square(2, 3, 6)) for number in range(1, 7)]
    half(tmp_path / "arcade", "syntax", images=images, annotations=[*notes, odd])
    found = imported("arcade", tmp_path / "arcade", tmp_path / "data", name)[name]
    assert (found.images, found.left_out, found.repairs) == (5, 1, 0)
    lost = table(tmp_path / "data" / name, "left_out")
    assert list(lost.file) == ["syntax/train/images/1.png"] and reason in lost.reason[0]


def test_a_stenosis_that_cannot_be_drawn_makes_no_image_without_one(tmp_path):
    images = [f"{number}.png" for number in range(1, 7)]
    outside = note(1, 1, 26, square(30, 3, 6))
    half(tmp_path / "arcade", "stenosis", images=images, annotations=[outside, note(2, 2, 26, square(2, 3, 6))])
    assert imported("arcade", tmp_path / "arcade", tmp_path / "data")["arcade_s"].left_out == 1
    assert "train-1" not in set(table(tmp_path / "data/arcade_s").id)


def test_annotations_of_images_that_are_not_listed_are_told(tmp_path):
    half(tmp_path / "arcade", "syntax", annotations=[*NOTES, note(9, 99, 5, square(0, 0, 5))])
    assert imported("arcade", tmp_path / "arcade", tmp_path / "data", "arcade_v")["arcade_v"].images == 2
    (lost,) = table(tmp_path / "data/arcade_v", "left_out").itertuples(index=False)
    assert lost.file == "syntax/train/annotations/train.json"
    assert lost.reason.startswith("has 1 annotations of images that it does not list, the first of the image_id 99")


def test_an_image_of_another_size_than_its_entry_says_is_left_out(tmp_path):
    images = [f"{number}.png" for number in range(1, 7)]
    notes = [note(number, number, 5, square(2, 3, 6)) for number in range(1, 7)]
    folder = half(tmp_path / "arcade", "syntax", images=images, annotations=notes)
    save(folder / "images/3.png", frame(3, (10, 12)))  # half of it, and the outline would still lie inside
    assert imported("arcade", tmp_path / "arcade", tmp_path / "data", "arcade_vs")["arcade_vs"].images == 5
    (lost,) = table(tmp_path / "data/arcade_vs", "left_out").itertuples(index=False)
    assert lost.file == "syntax/train/images/3.png"
    assert lost.reason.startswith("is 12 x 10 pixels, expected 24 x 20 as its annotation says: ")


@pytest.mark.parametrize("names", [("Train", "Val", "Test"), ("training", "validation", "TESTING"),
                                   ("train", "valid", "test")])  # fmt: skip
def test_splits_of_other_spellings_are_read(arcade, tmp_path, names):
    for old, new in zip(("train", "val", "test"), names, strict=True):
        (arcade / "syntax" / old).rename(arcade / "syntax" / new)
    found = imported("arcade", arcade, tmp_path / "data", "arcade_vs")["arcade_vs"]
    assert found.splits == {"train": 2, "val": 2, "test": 2}
    rows = table(tmp_path / "data/arcade_vs")
    assert rows.id[0] == "train-1" and rows.original[0] == f"syntax/{names[0]}/images/1.png"
    expected = {f"syntax/{split}": 2 for split in ("train", "val", "test")} | {"stenosis/train": 2}
    assert not [line for line in check_set("arcade", arcade, Known(expected=expected)) if "expected" in line]


def test_a_folder_that_looks_like_a_split_is_told(arcade, tmp_path, capsys):
    (arcade / "syntax/val").rename(arcade / "syntax/val-1")
    assert imported("arcade", arcade, tmp_path / "data", "arcade_v")["arcade_v"].splits == {"train": 2, "test": 2}
    told = "arcade_v: the folder syntax/val-1 looks like a split and is not read as one, expected one of train, "
    assert told in capsys.readouterr().out
    assert any(line.startswith(told) for line in check_set("arcade", arcade, Known()))


def test_one_half_does_without_the_files_of_the_other(arcade, tmp_path):
    shutil.rmtree(arcade / "syntax/val/annotations")
    write(arcade / "syntax/train/annotations/train.json", "damaged")
    assert imported("arcade", arcade, tmp_path / "data", "arcade_s")["arcade_s"].images == 2
    assert imported("arcade", arcade, tmp_path / "more", "stenosis")["arcade_s"].images == 2
    with pytest.raises(UserError, match=r"train\.json is no COCO file"):
        imported("arcade", arcade, tmp_path / "all")
    assert not (tmp_path / "all").exists()


def test_what_is_missing_is_left_out_and_told(tmp_path):
    names = [f"{number}.png" for number in range(1, 12)]
    notes = [note(number, number, 5, square(2, 3, 6)) for number in range(1, 11)]  # none for 11.png
    folder = half(tmp_path / "arcade", "syntax", images=names, annotations=notes)
    (folder / "images" / "2.png").unlink()
    for number in range(20, 29):
        save(folder / "images" / f"{number}.png", frame(number))
    with pytest.raises(UserError, match=r"11 unusable files, 55\.0% of it"):
        imported("arcade", tmp_path / "arcade", tmp_path / "data")
    assert not (tmp_path / "data" / "arcade_vs").exists()
    for number in range(21, 29):
        (folder / "images" / f"{number}.png").unlink()
    (folder / "images" / "20.png").unlink()
    assert imported("arcade", tmp_path / "arcade", tmp_path / "data")["arcade_vs"].left_out == 2
    lost = table(tmp_path / "data/arcade_vs", "left_out").set_index("file").reason
    assert "is named by train.json but is not there" in lost["syntax/train/images/2.png"]
    assert "no annotated segment" in lost["syntax/train/images/11.png"]


DEEP = '{"images": ' + "[" * 100_000
HUGE = (
    '{"images": [{"id": 1, "file_name": "1.png"}], "categories": [{"id": 5, "name": "5"}], "annotations": [{"id": 1, '
)
HUGE += f'"image_id": 1, "category_id": 5, "segmentation": [[{"9" * 400}, 1, 2, 2, 3, 1]]}}]}}'


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"images": [{}], "categories": [], "annotations": []}', DEEP, HUGE])
def test_an_annotation_file_of_another_kind_is_named(arcade, tmp_path, text):
    write(arcade / "syntax/val/annotations/val.json", text)
    with pytest.raises(UserError, match=r"val\.json is no COCO file"):
        imported("arcade", arcade, tmp_path / "data")


@pytest.mark.parametrize("given", [".", "arcade", "arcade/syntax"])
def test_a_folder_above_or_below_is_as_good(arcade, tmp_path, given):
    assert len(imported("arcade", tmp_path / given, tmp_path / "data")) == 3


def test_counts_are_compared_by_part(arcade):
    parts = {"syntax/train": 2, "syntax/val": 3, "syntax/test": 2, "stenosis/train": 2, "stenosis/val": 1}
    known = Known(expected=parts, unconfirmed=("Nobody knows why.",))
    lines = [line for line in check_set("arcade", arcade, known) if "repaired" not in line]
    assert lines[:2] == ["syntax/val: 2 usable images, expected 3", "stenosis/val: 0 usable images, expected 1"]
    assert lines[2:] == ["not confirmed of this set: Nobody knows why."]
