"""Listing: names decide, in an order that no file system changes."""

import os

import pytest

from vasolib.data.listing import list_images, name_fault, stem_of, unread_labels


def test_files_come_by_stem_and_the_rest_is_told_apart(tmp_path):
    for name in ("b.png", "a.TIFF", "c-1.jpg", "c.bmp", "x.txt", ".a.png", "t.pgm", "t.tif"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "d.png").mkdir()
    found = list_images(tmp_path)
    assert [path.name for path in found.files.values()] == ["a.TIFF", "b.png", "c.bmp", "c-1.jpg"]
    assert sorted(path.name for path in found.bad) == ["d.png", "t.pgm", "t.tif"]
    assert [path.name for path in found.other] == ["x.txt"]
    assert found.stems == ["a", "b", "c", "c-1", "d", "t"]


@pytest.mark.parametrize(
    ("name", "file", "told"),
    [
        ("Masks", "a.png", True),
        ("ground truth", "a.tif", True),
        ("masks", "a.png", False),
        ("stenoses", "a.png", False),
        (".thumbnails", "a.png", False),
        ("notes", "a.txt", False),
        ("other", "z.png", False),
        ("masks/Masks", "a.png", False),
    ],
)
def test_labels_in_a_folder_of_another_name_are_told(tmp_path, name: str, file: str, told: bool):
    for folder in ("images", name):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / name / file).write_bytes(b"")
    (tmp_path / "a.png").write_bytes(b"")
    assert unread_labels(tmp_path, ["a", "b"]) == (name if told else "")


def test_no_folder_has_no_files(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    for path in (tmp_path / "absent", tmp_path / "file"):
        found = list_images(path)
        assert not found.files and not found.bad and not found.other and found.stems == []


def test_a_name_that_may_not_be_looked_at_is_left_out(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(b"")

    def forbidden(path, **options):
        if path.name == "a.png":
            raise PermissionError(13, "Permission denied", str(path))
        return os.stat(path, **options)

    monkeypatch.setattr("pathlib.Path.stat", forbidden)  # as in a folder without the right to search it
    found = list_images(tmp_path)
    assert "cannot be looked at (Permission denied)" in found.bad[tmp_path / "a.png"]


@pytest.mark.parametrize(
    "name", ["a b.png", "-a.png", "é.png", "e\u0301.png", "a\u200db.png", "a\u00a0b.png", "名.png"]
)
def test_names_that_are_odd_and_good(name):
    assert name_fault(name) is None


@pytest.mark.parametrize("name", ["a\n.png", "a\x00.png", "a\\b.png", os.fsdecode(b"\xff.png"), "a\u2029.png"])
def test_names_that_are_bad(name):
    assert "expected none of them: rename it" in name_fault(name)


def test_stems_are_composed(tmp_path):
    assert stem_of(tmp_path / "e\u0301.png") == stem_of(tmp_path / "\u00e9.jpg") == "\u00e9"
