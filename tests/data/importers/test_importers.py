"""All importers together: names as in the catalogue, sets that are there already, and splits."""

from dataclasses import replace

import numpy as np
import pytest

from tests.data.importers.layouts import Known, frame, save, vessel
from tests.data.importers.test_voc import dataset
from tests.data.importers.test_xcav import xacv
from vasolib.data.catalogue import read_catalogue
from vasolib.data.importers import IMPORTERS, Plan, check_set, differences, import_set
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


@pytest.fixture
def xcad(tmp_path):
    """Two sets in one folder: test images with masks, and unlabelled ones."""
    for number in range(6):
        save(tmp_path / "X/train/trainB" / f"{number}.png", frame(number))
        save(tmp_path / "X/test/images" / f"{number}.png", frame(number))
        save(tmp_path / "X/test/masks" / f"{number}.png", vessel())
    return tmp_path / "X"


def test_an_import_that_was_stopped_goes_on_with_the_sets_still_to_come(tmp_path, xcad, capsys):
    save(xcad / "test/images/0.png", frame()[:4])  # is left out
    (xcad / "test/masks/1.png").unlink()
    for number in range(6, 15):
        save(xcad / "test/images" / f"{number}.png", np.stack([frame(number)] * 3, axis=2))
        save(xcad / "test/masks" / f"{number}.png", vessel())
    assert next(import_set("xcad", xcad, tmp_path / "data", Known())).set == "xcad"
    before = (tmp_path / "data/xcad/table.csv").stat().st_mtime_ns
    (found,) = import_set("xcad", xcad, tmp_path / "data", Known())
    assert found.set == "xcad_unlabelled" and (tmp_path / "data/xcad/table.csv").stat().st_mtime_ns == before
    assert f"xcad: is in {tmp_path / 'data'} already with the same images, and stays" in capsys.readouterr().out
    assert list(import_set("xcad", xcad, tmp_path / "data", Known())) == []  # a finished one
    out = capsys.readouterr().out
    assert all(
        f"{name}: is in {tmp_path / 'data'} already with the same" in out for name in ("xcad", "xcad_unlabelled")
    )


@pytest.mark.parametrize("change", ["more", "fewer", "split", "damaged table"])
def test_a_set_of_other_images_does_not_stay(tmp_path, xcad, change):
    next(import_set("xcad", xcad, tmp_path / "data", Known()))
    if change == "more":
        save(xcad / "test/images/6.png", frame(6))
    elif change == "fewer":
        (xcad / "test/images/5.png").unlink()
    elif change == "split":
        for kind in ("images", "masks"):
            (xcad / "test" / kind).rename(xcad / "train" / kind)
    else:
        (tmp_path / "data/xcad/table.csv").write_text("id\n")
    with pytest.raises(UserError, match="xcad is there already: remove it"):
        import_set("xcad", xcad, tmp_path / "data", Known())


def test_sets_without_an_image_of_the_splits_are_passed_over(tmp_path, xcad, capsys):
    (tmp_path / "data/xcad_unlabelled").mkdir(parents=True)
    (found,) = import_set("xcad", xcad, tmp_path / "data", Known(), splits=("test",))
    assert found.set == "xcad"
    assert "xcad_unlabelled: passed over, it has unlabelled images alone" in capsys.readouterr().out
    with pytest.raises(UserError, match=r"X has no image of the split val, expected .*ask for test or unlabelled with"):
        import_set("xcad", xcad, tmp_path / "more", Known(), splits=("val",))
    for path in (xcad / "train/trainB").iterdir():
        path.rename(path.with_name(f"back\\slash{path.name}"))  # no name for an image: all are lost
    with pytest.raises(UserError, match="6 unusable files, 100"):
        list(import_set("xcad", xcad, tmp_path / "lost", Known(), "unlabelled", ("unlabelled",)))


def test_frames_read_as_they_are_asked_for_are_not_read_in_vain(tmp_path, monkeypatch):
    def never():
        pytest.fail("read")
        yield

    monkeypatch.setitem(IMPORTERS, "dicom", lambda _: [Plan("dicom", "", never())])
    with pytest.raises(UserError, match="no image of the split train, expected one or more: ask for unlabelled"):
        import_set("dicom", tmp_path, tmp_path / "data", Known(), splits=("train",))


def test_nothing_is_compared_where_nothing_is_expected():
    assert differences({"": 7}, {}) == differences({}, {}) == []
    assert differences({"": 7}, {"train": 8}) == ["all parts: 7 usable images, expected 8"]


def test_nothing_is_begun_where_one_of_the_sets_is_there(tmp_path, xcad):
    (tmp_path / "data/xcad_unlabelled").mkdir(parents=True)
    with pytest.raises(UserError, match="xcad_unlabelled is there already"):
        import_set("xcad", xcad, tmp_path / "data", Known())
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


def test_what_is_not_confirmed_is_told_though_all_counts_agree(tmp_path, xcad):
    known = Known(expected={"train": 6, "test": 6}, unconfirmed=("Nobody knows why.",))
    assert check_set("xcad", xcad, known) == ["not confirmed of this set: Nobody knows why."]


@pytest.mark.parametrize(("stated", "told"), [(3, []), (42, ["3 patients, expected 42"]), (0, [])])
def test_patients_are_compared_where_they_are_known(tmp_path, stated, told):
    for patient in ("001", "002", "003"):
        save(tmp_path / "set" / patient / "a.png", frame(int(patient)))
    assert check_set("syntax", tmp_path / "set", Known(patients=stated)) == told
    for patient in ("001", "002", "003"):
        (tmp_path / "set" / patient / "a.png").rename(tmp_path / "set" / f"{patient}.png")
    assert check_set("syntax", tmp_path / "set", Known(patients=stated)) == []


@pytest.mark.parametrize("name", ["stenosis", "xcav"])
def test_a_complete_download_is_told_that_its_split_is_drawn_here(tmp_path, name):
    if name == "xcav":
        xacv(tmp_path)
    else:
        dataset(tmp_path)
    entry = read_catalogue()[name]
    lines = check_set(name, tmp_path, replace(entry, expected={"train": 9, "test": 1 if name == "xcav" else 3}))
    assert lines[0].startswith(f"{name}: train and test are drawn here, by patient: the folder gives no split")
    assert not [line for line in lines if "usable images" in line]
    assert any("split" in line or "test part is not known" in line for line in lines if line[:13] == "not confirmed")


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
