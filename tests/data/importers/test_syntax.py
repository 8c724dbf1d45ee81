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


def test_images_without_a_folder_have_no_known_patient(tmp_path):
    for number in range(3):
        save(tmp_path / "flat" / f"{number}.png", frame(number))
    assert imported("syntax", tmp_path / "flat", tmp_path / "data")["syntax"].patients == 0


def test_a_folder_without_images_is_named(tmp_path):
    write(tmp_path / "set" / "1.dcm", "x")
    with pytest.raises(UserError, match=r"no image file .*for DICOM files use the importer dicom"):
        imported("syntax", tmp_path / "set", tmp_path / "data")
