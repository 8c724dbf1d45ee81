"""All importers together: names as in the catalogue, and nothing begun where one set is there already."""

import pytest

from tests.data.importers.layouts import Known, frame, save, vessel
from vasolib.data.catalogue import read_catalogue
from vasolib.data.importers import IMPORTERS, check_set, import_set
from vasolib.errors import UserError


def test_every_set_of_the_catalogue_has_an_importer():
    assert set(read_catalogue()) | {"dicom"} == set(IMPORTERS)


def test_an_unknown_name_is_told_with_the_nearest(tmp_path):
    with pytest.raises(UserError, match="no importer for 'arcad': did you mean 'arcade'"):
        import_set("arcad", tmp_path, tmp_path, Known())


@pytest.mark.parametrize("name", IMPORTERS)
def test_an_empty_folder_is_refused_in_one_sentence(tmp_path, name):
    (tmp_path / "a/empty").mkdir(parents=True)
    with pytest.raises(UserError, match=r"empty has no .* expected") as caught:
        import_set(name, tmp_path / "a/empty", tmp_path / "data", Known())
    assert "\n" not in str(caught.value) and not (tmp_path / "data").exists()


def test_nothing_is_begun_where_one_of_the_sets_is_there(tmp_path):
    for number in range(2):
        save(tmp_path / "X/train/trainB" / f"{number}.png", frame(number))
        save(tmp_path / "X/test/images" / f"{number}.png", frame(number))
        save(tmp_path / "X/test/masks" / f"{number}.png", vessel())
    (tmp_path / "data/xcad_unlabelled").mkdir(parents=True)
    with pytest.raises(UserError, match="xcad_unlabelled is there already"):
        import_set("xcad", tmp_path / "X", tmp_path / "data", Known())
    assert not (tmp_path / "data/xcad").exists()


def test_a_check_reports_files_left_out_and_writes_nothing(tmp_path):
    for number in range(30):
        save(tmp_path / "set" / f"{number:02}.png", frame(number))
    for number in range(25):
        (tmp_path / "set" / f"{number:02}.png").write_bytes(b"")
    before = sorted(tmp_path.rglob("*"))
    lines = check_set("syntax", tmp_path / "set", Known(expected={"train": 30}))
    assert len(lines) == 22 and lines[0].startswith("syntax: 00.png is empty") and "5 more" in lines[20]
    assert lines[21] == "train: 5 usable images, expected 30" and sorted(tmp_path.rglob("*")) == before


@pytest.fixture
def thirds(tmp_path):
    """Ten images to train on, of which eight have no mask, and ten to test on."""
    for split in ("train", "test"):
        for number in range(10):
            save(tmp_path / "X" / split / "images" / f"{split}{number}.png", frame(number))
            save(tmp_path / "X" / split / "masks" / f"{split}{number}.png", vessel())
    for number in range(2, 10):
        (tmp_path / "X/train/masks" / f"train{number}.png").unlink()
    return tmp_path / "X"


def test_what_is_lost_of_other_splits_does_not_count(tmp_path, thirds):
    with pytest.raises(UserError, match=r"8 unusable files, 40\.0% of it"):
        list(import_set("xcad", thirds, tmp_path / "data", Known()))
    for left in (2, 0):
        (found,) = import_set("xcad", thirds, tmp_path / f"{left}", Known(), splits=("test",))
        assert (found.images, found.left_out) == (10, 0)
        for number in range(2):
            (thirds / "train/masks" / f"train{number}.png").unlink(missing_ok=True)
    (thirds / "test/masks/test0.png").write_bytes(b"")
    (found,) = import_set("xcad", thirds, tmp_path / "more", Known(), splits=("test",))
    assert (found.images, found.left_out) == (9, 1)
