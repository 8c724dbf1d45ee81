"""SYNTAX: a folder per patient, at whatever depth."""

import pytest

from tests.data.importers.layouts import frame, imported, save, table, write
from vasolib.errors import UserError


def test_the_first_folder_is_the_patient(tmp_path):
    root = tmp_path / "download" / "SYNTAX images"
    save(root / "001" / "LAO 30" / "a.png", frame(1))
    save(root / "001" / "b.jpg", frame(2))
    save(root / "002" / "a.png", frame(3))
    write(tmp_path / "download" / "scores.xlsx", "no image")
    summary = imported("syntax", tmp_path / "download", tmp_path / "data")["syntax"]
    assert (summary.images, summary.patients, summary.splits) == (3, 2, {"unlabelled": 3})
    rows = table(tmp_path / "data/syntax").set_index("id")
    assert set(rows.index) == {"001_LAO-30_a", "001_b", "002_a"}
    assert (rows.patient["001_LAO-30_a"], rows.cine["001_LAO-30_a"], rows.cine["002_a"]) == ("001", "001_LAO-30", "")


@pytest.mark.parametrize("beside", ["overview.jpg", "doc/figure.png"])
def test_a_picture_beside_the_folder_of_patients_changes_no_patient(tmp_path, beside):
    for patient in ("001", "002", "003"):
        for number in range(3):
            save(tmp_path / "SYNTAX/images" / patient / f"{number}.png", frame(int(patient) * 10 + number))
    save(tmp_path / "SYNTAX" / beside, frame(99))
    (summary,) = imported("syntax", tmp_path / "SYNTAX", tmp_path / "data").values()
    assert (summary.images, summary.patients) == (10, 3)
    rows = table(tmp_path / "data/syntax").set_index("original")
    assert rows.patient[beside] == "" and rows.id["images/002/1.png"] == "002_1"


def test_parts_are_no_patients(tmp_path):
    for place in ("Part1/001/a", "Part1/002/LAO/a", "Part2/001/a", "Part2/loose"):
        save(tmp_path / "set" / f"{place}.png", frame(len(place)))
    imported("syntax", tmp_path / "set", tmp_path / "data")
    rows = table(tmp_path / "data/syntax")
    assert rows.id.tolist() == ["Part1-001_a", "Part1-002_LAO_a", "Part2-001_a", "Part2_loose"]
    assert rows.patient.tolist() == ["Part1-001", "Part1-002", "Part2-001", ""]
    assert rows.cine.tolist() == ["", "Part1-002_LAO", "", ""]


def test_splits_of_any_spelling_are_no_patients_and_said_to_be_read_alike(tmp_path, capsys):
    for place in ("Training/001/a", "Training/002/a", "validation/003/a", "test/004/a"):
        save(tmp_path / "set" / f"{place}.png", frame(len(place)))
    imported("syntax", tmp_path / "set", tmp_path / "data")
    rows = table(tmp_path / "data/syntax")
    assert sorted(rows.patient) == ["Training-001", "Training-002", "test-004", "validation-003"]
    assert "syntax: the images in Training and test and validation are all read alike" in capsys.readouterr().out


def test_images_without_a_folder_have_no_known_patient(tmp_path):
    for number in range(3):
        save(tmp_path / "flat" / f"{number}.png", frame(number))
    assert imported("syntax", tmp_path / "flat", tmp_path / "data")["syntax"].patients == 0


def test_a_folder_without_images_is_named(tmp_path):
    write(tmp_path / "set" / "1.dcm", "x")
    with pytest.raises(UserError, match=r"no image file .*for DICOM files use the importer dicom"):
        imported("syntax", tmp_path / "set", tmp_path / "data")
