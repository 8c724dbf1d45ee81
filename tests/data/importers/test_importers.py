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
