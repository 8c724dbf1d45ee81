"""Danilov's boxes: pairs by stem, corners in order and inside, and real frames where they are."""

import json

import numpy as np
import pytest

from tests.data.importers.layouts import box_file, frame, imported, pixels, save, table, write
from vasolib.errors import UserError


def dataset(root, patients=4, frames=3):
    """Frames of several patients, a box each."""
    folder = root / "dataset"
    for patient in range(patients):
        for number in range(frames):
            stem = f"14_{patient:03}_2_{number:04}"
            save(folder / f"{stem}.bmp", frame(10 * patient + number))
            box_file(folder / f"{stem}.xml", (2, 3, 9, 8))
    return folder


def test_frames_and_boxes_by_patient(tmp_path):
    folder = dataset(tmp_path)
    (summary,) = imported("stenosis", folder, tmp_path / "data").values()
    assert (summary.images, summary.patients, summary.left_out) == (12, 4, 0)
    rows = table(tmp_path / "data/stenosis")
    assert rows.groupby("patient").split.nunique().eq(1).all() and set(rows.split) == {"train", "test"}
    row = rows.set_index("id").loc["14-001_2_0002"]
    assert (row.patient, row.cine, row.original) == ("14-001", "14-001_2", "14_001_2_0002.bmp")
    boxes = table(tmp_path / "data/stenosis", "boxes")
    assert list(boxes.columns) == ["id", "x0", "y0", "x1", "y1"] and list(boxes.iloc[0][1:]) == ["2", "3", "9", "8"]
    np.testing.assert_array_equal(pixels(tmp_path / "data/stenosis", "images", "14-001_2_0002"), frame(12))


def test_the_xml_names_a_bmp_whatever_the_images_suffix_is(tmp_path):
    folder = dataset(tmp_path, patients=2)
    for path in folder.glob("*.bmp"):
        path.unlink()
        save(path.parents[1] / "images" / f"{path.stem}.png", frame())
    assert imported("stenosis", tmp_path, tmp_path / "data")["stenosis"].images == 6


def test_suffixes_in_capitals_are_known(tmp_path):
    for path in list(dataset(tmp_path).iterdir()):
        path.rename(path.with_suffix(path.suffix.upper()))
    (summary,) = imported("stenosis", tmp_path / "dataset", tmp_path / "data").values()
    assert (summary.images, summary.left_out) == (12, 0) and len(table(tmp_path / "data/stenosis", "boxes")) == 12


def test_given_parts_are_kept(tmp_path):
    folder = dataset(tmp_path)
    for path in list(folder.iterdir()):
        part = folder / {"14_000": "Test", "14_001": "val"}.get(path.stem[:6], "train") / path.suffix[1:]
        part.mkdir(parents=True, exist_ok=True)
        path.rename(part / path.name)
    (summary,) = imported("stenosis", folder, tmp_path / "data").values()
    assert summary.splits == {"test": 3, "train": 6, "val": 3}
    rows = table(tmp_path / "data/stenosis")
    assert rows.split[rows.patient == "14-000"].eq("test").all()
    save(folder / "14_009_2_0000.bmp", frame())
    with pytest.raises(UserError, match=r"train, val or test and others, such as 14_009_2_0000\.bmp: move or remove"):
        imported("stenosis", folder, tmp_path / "more")


def test_a_copy_beside_its_frame_is_no_patient_of_its_own(tmp_path):
    folder = dataset(tmp_path)
    for name in ("14_000_2_0000 (1)", "14_000_2_0000 - Copy", "14_000_2_0000 - Copy (2)"):
        save(folder / f"{name}.bmp", frame())
        box_file(folder / f"{name}.xml", (2, 3, 9, 8))
    for path in list(folder.glob("14_001_2_0000.*")):
        path.rename(path.with_stem(f"{path.stem} (1)"))  # the only one of its frame
    (summary,) = imported("stenosis", folder, tmp_path / "data").values()
    assert (summary.images, summary.patients, summary.left_out) == (12, 4, 6)
    assert "14-001_2_0000" in set(table(tmp_path / "data/stenosis").id)
    assert table(tmp_path / "data/stenosis", "left_out").reason.str.contains("is a copy of 14_000_2_0000.").all()


def test_numbers_in_brackets_alone_make_no_copies(tmp_path):
    for number in range(3):
        save(tmp_path / "set" / f"frame ({number}).bmp", frame(number))
        box_file(tmp_path / "set" / f"frame ({number}).xml", (2, 3, 9, 8))
    (summary,) = imported("stenosis", tmp_path / "set", tmp_path / "data").values()
    assert (summary.images, summary.left_out) == (3, 0)


@pytest.mark.parametrize(
    ("box", "kept"),
    [
        ((9, 8, 2, 3), ["2", "3", "9", "8"]),  # inverted
        ((-4, 5, 99, 12), ["0", "5", "24", "12"]),  # out of 24 x 20
        ((30, 5, 40, 12), None),
        ((5, 5, 5, 9), None),
    ],
)
def test_boxes_are_put_right_or_dropped_and_told(tmp_path, box, kept):
    box_file(dataset(tmp_path) / "14_000_2_0000.xml", box)
    assert imported("stenosis", tmp_path, tmp_path / "data")["stenosis"].repairs == 1
    boxes = table(tmp_path / "data/stenosis", "boxes")
    mine = boxes[boxes.id == "14-000_2_0000"].drop(columns="id").to_numpy().tolist()
    assert mine == ([kept] if kept else []) and len(boxes) == 11 + bool(kept)
    (repair,) = json.loads((tmp_path / "data/stenosis/about.json").read_text())["repairs"]
    assert repair.startswith(f"dataset/14_000_2_0000.bmp: the box {box}")


def test_a_frame_without_a_box_has_no_lesion_but_one_without_xml_is_left_out(tmp_path):
    folder = dataset(tmp_path)
    box_file(folder / "14_000_2_0000.xml")
    (folder / "14_001_2_0000.xml").unlink()
    (folder / "14_001_2_0001.bmp").unlink()
    summary = imported("stenosis", tmp_path, tmp_path / "data")["stenosis"]
    assert (summary.images, summary.left_out) == (10, 2) and len(table(tmp_path / "data/stenosis", "boxes")) == 9
    lost = table(tmp_path / "data/stenosis", "left_out")
    assert set(lost.file) == {"dataset/14_001_2_0000.bmp", "dataset/14_001_2_0001.xml"}


@pytest.mark.parametrize(
    "text",
    [
        "<annotation>",
        "<annotation><bndbox><xmin>a</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></annotation>",
        "<annotation><bndbox><xmin>1</xmin></bndbox></annotation>",
        '<!DOCTYPE a [<!ENTITY b "bb">]><annotation>&b;</annotation>',
        '<?xml version="1.0" encoding="nonsense"?><annotation/>',
    ],
)
def test_a_damaged_xml_costs_its_frame_only(tmp_path, text):
    write(dataset(tmp_path) / "14_000_2_0000.xml", text)
    summary = imported("stenosis", tmp_path, tmp_path / "data")["stenosis"]
    assert (summary.images, summary.left_out) == (11, 1)
    assert "14_000_2_0000.xml cannot be read" in table(tmp_path / "data/stenosis", "left_out").reason[0]


def test_a_folder_without_boxes_is_named(tmp_path):
    save(tmp_path / "a" / "b" / "c.png", frame())
    with pytest.raises(UserError, match=r"no frame with its box file, expected .*dataset/<site>"):
        imported("stenosis", tmp_path / "a" / "b", tmp_path / "data")


def test_real_frames_of_one_cine(real, tmp_path):
    (summary,) = imported("stenosis", real / "stenosis", tmp_path / "data").values()
    assert (summary.images, summary.splits, summary.patients, summary.repairs) == (75, {"train": 75}, 1, 0)
    boxes = table(tmp_path / "data/stenosis", "boxes")
    assert boxes.iloc[0].tolist() == ["14-021_1_0031", "182", "488", "290", "560"]
    assert boxes[["x1", "y1"]].astype(int).to_numpy().max() <= 800
