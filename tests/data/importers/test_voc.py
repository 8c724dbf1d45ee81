"""Danilov's boxes: pairs by stem, corners in order and inside, and real frames where they are."""

import json

import numpy as np
import pytest

from tests.data.importers.layouts import Known, box_file, frame, imported, pixels, save, table, write
from vasolib.data.importers import check_set
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


@pytest.mark.parametrize("given", [".", "dataset", "dataset/Testing"])
def test_given_parts_of_other_spellings_are_kept_and_their_counts_compared(tmp_path, given, capsys):
    folder = dataset(tmp_path)
    for path in list(folder.iterdir()):
        part = folder / ("Testing" if path.stem.startswith("14_000") else "training")
        part.mkdir(exist_ok=True)
        path.rename(part / path.name)
    (summary,) = imported("stenosis", tmp_path / given, tmp_path / "data").values()
    assert summary.splits == {"test": 3, "train": 9} and "drawn" not in capsys.readouterr().out
    rows = table(tmp_path / "data/stenosis")
    assert set(rows.patient[rows.split == "test"]) == {"14-000"}
    assert check_set("stenosis", folder, Known(expected={"train": 9, "test": 4})) == [
        "test: 3 usable images, expected 4"]  # fmt: skip


def test_a_folder_that_looks_like_a_part_is_told_and_so_is_a_drawn_split(tmp_path, capsys):
    dataset(tmp_path).rename(tmp_path / "fold1_train")
    imported("stenosis", tmp_path, tmp_path / "data")
    out = capsys.readouterr().out
    assert "stenosis: the folder fold1_train looks like a split and is not read as one" in out
    assert "stenosis: train and test are drawn here, by patient" in out


def test_frames_of_one_patient_are_said_to_be_for_training_all(tmp_path, capsys):
    imported("stenosis", dataset(tmp_path, patients=1), tmp_path / "data")
    out = capsys.readouterr().out
    assert "stenosis: all frames are of one patient, so all are for training" in out and "drawn" not in out


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


BOX = "<bndbox><xmin>2</xmin><ymin>3</ymin><xmax>9</xmax><ymax>8</ymax></bndbox>"


def noted(*objects, size=""):
    return f"<annotation>{size}{''.join(f'<object>{one}</object>' for one in objects)}</annotation>"


@pytest.mark.parametrize("name", ["Stenosis", "stenosis", " STENOSIS "])
def test_boxes_of_parts_are_not_read_and_the_name_is_known_in_any_case(tmp_path, name):
    other = BOX.replace("2", "1").replace("9", "4")
    text = noted(f"<name>{name}</name>{BOX}<part><name>calcium</name>{other}</part>")
    write(dataset(tmp_path) / "14_000_2_0000.xml", text)
    imported("stenosis", tmp_path, tmp_path / "data")
    boxes = table(tmp_path / "data/stenosis", "boxes")
    assert boxes[boxes.id == "14-000_2_0000"].to_numpy().tolist() == [["14-000_2_0000", "2", "3", "9", "8"]]


@pytest.mark.parametrize("name", ["<name>Catheter</name>", "<name/>", ""])
def test_an_object_that_is_not_called_a_stenosis_costs_its_frame_and_is_told(tmp_path, name):
    write(dataset(tmp_path) / "14_000_2_0000.xml", noted(f"<name>Stenosis</name>{BOX}", f"{name}{BOX}"))
    summary = imported("stenosis", tmp_path, tmp_path / "data")["stenosis"]
    assert (summary.images, summary.left_out) == (11, 1)
    (lost,) = table(tmp_path / "data/stenosis", "left_out").itertuples(index=False)
    called = "Catheter" if "Catheter" in name else ""
    assert lost.file == "dataset/14_000_2_0000.bmp"
    assert f"14_000_2_0000.xml has an object called {called!r}, expected Stenosis" in lost.reason


def test_a_frame_of_another_size_than_its_xml_says_is_left_out(tmp_path):
    folder = dataset(tmp_path)
    for number, (width, height) in enumerate([(800, 600), (24, 20), (0, 0)]):
        size = f"<size><width>{width}</width><height> {height} </height><depth>1</depth></size>"
        write(folder / f"14_000_2_000{number}.xml", noted(f"<name>Stenosis</name>{BOX}", size=size))
    summary = imported("stenosis", tmp_path, tmp_path / "data")["stenosis"]
    assert (summary.images, summary.left_out) == (11, 1)
    (lost,) = table(tmp_path / "data/stenosis", "left_out").itertuples(index=False)
    assert lost.file == "dataset/14_000_2_0000.bmp"
    assert lost.reason.startswith("is 24 x 20 pixels, expected 800 x 600 as its annotation says: ")
    assert not table(tmp_path / "data/stenosis", "boxes").id.eq("14-000_2_0000").any()


def test_a_missing_xml_names_its_frame_once(tmp_path):
    (dataset(tmp_path) / "14_001_2_0000.xml").unlink()
    lines = check_set("stenosis", tmp_path, Known())
    assert any(line.startswith("stenosis: dataset/14_001_2_0000.bmp has no 14_001_2_0000.xml, so") for line in lines)


@pytest.mark.parametrize(
    "text",
    [
        "<annotation>",
        "<page/>",
        f"<annotation>{BOX}</annotation>",
        f"<annotation><more><object><name>Stenosis</name>{BOX}</object></more></annotation>",
        "<annotation><object><name>Stenosis</name></object></annotation>",
        f"<annotation><object><name>Stenosis</name>{BOX}{BOX}</object></annotation>",
        "<annotation><size><width>wide</width><height>20</height></size></annotation>",
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
