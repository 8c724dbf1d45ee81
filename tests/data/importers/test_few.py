"""A few images of each imported set: even, whole with their labels, and what the study takes for sets."""

import pandas as pd
import pytest

from tests.data.importers.layouts import coco, frame, imported, save, square, table, vessel, write
from tests.data.importers.test_voc import dataset
from vasolib.data.importers import few
from vasolib.data.importers.few import write_few
from vasolib.errors import UserError
from vasolib.v2.real_sets import find_real_sets

SIZES = {"train": 9, "val": 2, "test": 5}


@pytest.fixture
def sets(tmp_path):
    """Sets with vessels, segments, stenoses and boxes, imported, and one of one's own without a table."""
    for half, category in (("syntax", 5), ("stenosis", 26)):
        for part, count in SIZES.items():
            folder, numbers = tmp_path / "arcade" / half / part, range(1, count + 1)
            for number in numbers:
                save(folder / "images" / f"{number}.png", frame(100 * len(half) + 10 * len(part) + number))
            notes = [
                {"id": n, "image_id": n, "category_id": category, "segmentation": [square(4, 4, 8)]} for n in numbers
            ]
            coco(folder, {n: f"{n}.png" for n in numbers}, notes, {5: "5", 26: "stenosis"})
    for number in range(1, 8):
        save(tmp_path / "own/mine/images" / f"p{number}_1.png", frame(number))
        save(tmp_path / "own/mine/masks" / f"p{number}_1.png", vessel())
    (tmp_path / "own/notes").mkdir()
    imported("arcade", tmp_path / "arcade", tmp_path / "own")
    imported("stenosis", dataset(tmp_path / "boxes", patients=6), tmp_path / "own")
    write(tmp_path / "own/arcade_s/left_out.csv", "file,reason\na,is empty\n")
    return tmp_path / "own"


def test_a_few_images_of_each_part_with_what_belongs_to_them(sets, tmp_path):
    lines = write_few(sets, tmp_path / "few", 3)
    assert lines[:3] == [
        f"{name}: 8 of 16 images (test 3, train 3, val 2)" for name in ("arcade_s", "arcade_v", "arcade_vs")
    ]
    assert lines[3] == "mine: 3 of 7 images (part not given 3)" and lines[4].startswith("stenosis: 6 of 18 images (")
    assert lines[5] == "notes: passed over, it has no images"
    rows = table(tmp_path / "few/arcade_s")
    assert list(rows.id[rows.split == "train"]) == ["train-1", "train-5", "train-9"]  # from 1 to 9
    for kind in ("images", "stenoses"):
        assert {path.stem for path in (tmp_path / "few/arcade_s" / kind).iterdir()} == set(rows.id)
    for path in (tmp_path / "few/arcade_s/stenoses").iterdir():
        assert path.read_bytes() == (sets / "arcade_s/stenoses" / path.name).read_bytes()
    assert list(table(tmp_path / "few/arcade_s", "left_out").columns) == ["file", "reason"]
    assert table(tmp_path / "few/arcade_s", "left_out").empty
    assert (tmp_path / "few/arcade_s/about.json").read_bytes() == (sets / "arcade_s/about.json").read_bytes()
    assert set(table(tmp_path / "few/stenosis", "boxes").id) == set(table(tmp_path / "few/stenosis").id)
    assert not [path for path in (tmp_path / "few").rglob("*") if path.is_file() and path.stat().st_nlink > 1]


def test_what_is_copied_is_taken_for_sets_by_the_study(sets, tmp_path):
    write_few(sets, tmp_path / "few", 4)
    found, left_out = find_real_sets(tmp_path / "few")
    assert left_out == []
    assert {name: one.task for name, one in found.items()} == {
        "arcade_s": "stenoses", "arcade_v": "vessels", "arcade_vs": "segments", "mine": "vessels", "stenosis": "boxes",
    }  # fmt: skip
    for name in ("arcade_s", "arcade_v", "arcade_vs", "stenosis"):
        assert found[name].parts == "parts of table.csv" and {one.split for one in found[name].files} == {
            "train",
            "test",
        }
        assert len(found[name].files) == len(table(tmp_path / "few" / name))
    assert all(one.label for name in ("arcade_s", "arcade_v", "mine") for one in found[name].files)
    assert all(one.boxes for one in found["stenosis"].files)


def test_a_part_with_fewer_images_has_all_of_them_and_none_twice(sets, tmp_path):
    write_few(sets, tmp_path / "few", 100)
    pd.testing.assert_frame_equal(table(tmp_path / "few/arcade_v"), table(sets / "arcade_v"))
    write_few(sets, tmp_path / "one", 1)
    assert list(table(tmp_path / "one/arcade_v").id) == ["train-1", "val-1", "test-1"]


@pytest.mark.parametrize(
    ("to", "images", "says"),
    [
        ("few", 0, "--images is 0, expected 1 or more of each part: give another number"),
        ("own", 3, "own is there already, expected a folder still to be made: remove it, or give another --to"),
        ("own/few", 3, "few lies in .*own, whose sets it would be one of: give a --to beside it"),
    ],
)
def test_a_target_that_will_not_do_is_refused_in_one_sentence(sets, tmp_path, to, images, says):
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UserError, match=says) as caught:
        write_few(sets, tmp_path / to, images)
    assert "\n" not in str(caught.value) and sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("id\na\n", "has no column split, expected them: import the set again"),
        ("id,split\nelsewhere,train\n", "has no image that its table.csv names, expected some"),
        ('id,split\n"a,train\n', "table.csv cannot be read"),
    ],
)
def test_a_faulty_table_leaves_nothing_behind(sets, tmp_path, text, says):
    write(sets / "stenosis/table.csv", text)
    with pytest.raises(UserError, match=says):
        write_few(sets, tmp_path / "few", 3)
    assert not list(tmp_path.glob("*few*"))


@pytest.mark.parametrize(("given", "says"), [("boxes/dataset", "has no imported set"), ("absent", "is no folder")])
def test_a_folder_without_sets_is_refused(sets, tmp_path, given, says):
    with pytest.raises(UserError, match=f"{says}, expected sub-folders with a folder `images`"):
        write_few(tmp_path / given, tmp_path / "few", 3)


@pytest.mark.parametrize(("least", "images", "want"), [(5, 3, 5), (5, 6, 6), (20, 3, 7)])
def test_of_images_without_labels_there_are_more(tmp_path, monkeypatch, least: int, images: int, want: int):
    monkeypatch.setattr(few, "UNLABELLED", least)
    for number in range(1, 8):
        save(tmp_path / "own/bare/images" / f"p{number}_1.png", frame(number))
        save(tmp_path / "own/both/images" / f"p{number}_1.png", frame(10 + number))
        save(tmp_path / "own/both/masks" / f"p{number}_1.png", vessel())
    rows = [f"p{number}_1,{'train' if number < 2 else 'unlabelled'}" for number in range(1, 8)]
    write(tmp_path / "own/both/table.csv", "\n".join(["id,split", *rows]))
    lines = write_few(tmp_path / "own", tmp_path / "few", images)
    assert lines[0].startswith(f"bare: {want} of 7 images") and lines[1].endswith(
        f"(train 1, unlabelled {min(6, want)})"
    )
