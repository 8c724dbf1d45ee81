"""XCAD: a labelled set, an unlabelled one, and neither backgrounds nor fractals."""

import numpy as np
import pytest

from tests.data.importers.layouts import Known, frame, imported, pixels, save, spironet, table, vessel
from vasolib.data.importers import check_set
from vasolib.errors import UserError


@pytest.fixture
def xcad(tmp_path):
    root = tmp_path / "XCAD"
    for number in range(6):
        for folder in ("train/trainA", "train/trainB", "train/trainC", "test/images"):
            save(root / folder / f"0001{number}_3{number}.png", frame(number))
        save(root / "test/masks" / f"0001{number}_3{number}.png", vessel(number))
    return root


def test_two_sets(xcad, tmp_path):
    found = imported("xcad", xcad, tmp_path / "data")
    assert found["xcad"].splits == {"test": 6} and found["xcad_unlabelled"].splits == {"unlabelled": 6}
    np.testing.assert_array_equal(pixels(tmp_path / "data/xcad", "masks", "00012_32"), vessel(2))
    assert sorted(one.name for one in (tmp_path / "data/xcad_unlabelled").iterdir()) == [
        "about.json", "images", "left_out.csv", "table.csv"]  # fmt: skip
    assert table(tmp_path / "data/xcad_unlabelled").original[0] == "train/trainB/00010_30.png"
    assert check_set("xcad", xcad, Known(expected={"train": 6, "test": 6})) == []


def test_one_part_alone(xcad, tmp_path):
    assert set(imported("xcad", xcad, tmp_path / "data", "unlabelled")) == {"xcad_unlabelled"}
    with pytest.raises(UserError, match=r"no part 'labeled' in .*did you mean 'labelled'"):
        imported("xcad", xcad, tmp_path / "data", "labeled")


def test_images_and_masks_without_their_other_half(xcad, tmp_path):
    (xcad / "test/masks/00011_31.png").unlink()
    save(xcad / "test/masks/other.png", vessel())
    assert imported("xcad", xcad, tmp_path / "data")["xcad"].left_out == 2
    lost = table(tmp_path / "data/xcad", "left_out")
    assert list(lost.file) == ["test/images/00011_31.png", "test/masks/other.png"]


@pytest.mark.parametrize("renamed", ["", "images"])
def test_a_third_partys_split(tmp_path, renamed):
    root = spironet(tmp_path / "dataset/XCAD", ".png", train=["00018_33", "15613_15"], test=["15664_22", "18671_41"])
    for split in ("train", "test"):
        (root / split / "img").rename(root / split / (renamed or "img"))
    assert imported("xcad", root, tmp_path / "data")["xcad"].splits == {"train": 2, "test": 2}
    assert table(tmp_path / "data/xcad").cine.tolist() == ["00018", "15613", "15664", "18671"]


def test_names_that_begin_anew_in_each_part_have_it_in_their_ids(tmp_path):
    root = spironet(tmp_path / "XCAD", ".png", train=["00001_1", "00002_1"], test=["00001_1"])
    assert imported("xcad", root, tmp_path / "data")["xcad"].splits == {"train": 2, "test": 1}
    rows = table(tmp_path / "data/xcad")
    assert list(rows.id) == ["train-00001_1", "train-00002_1", "test-00001_1"]
    assert list(rows.cine) == ["00001", "00002", "00001"]


def test_splits_of_other_spellings_are_read_and_others_told(xcad, tmp_path, capsys):
    (xcad / "train").rename(xcad / "Training")
    (xcad / "test").rename(xcad / "TEST")
    save(xcad / "test-old/1.png", frame())
    for given in (xcad, xcad / "Training"):
        assert set(imported("xcad", given, tmp_path / f"data-{given.name}")) == {"xcad", "xcad_unlabelled"}
    assert list(table(tmp_path / "data-XCAD/xcad").id) == [
        f"0001{n}_3{n}" for n in range(6)
    ]  # as without any training part
    assert "xcad: the folder test-old looks like a split and is not read" in capsys.readouterr().out


def test_labels_that_would_be_lost_by_a_folders_name_are_told(xcad, tmp_path):
    (xcad / "test/masks").rename(xcad / "test/mask")
    with pytest.raises(UserError, match="test has images, mask, expected one folder images or img and one masks or"):
        imported("xcad", xcad, tmp_path / "data")


def test_another_folder_is_named(tmp_path):
    with pytest.raises(UserError, match=r"no folders train/trainB or test/images .*expected XCAD as published"):
        imported("xcad", tmp_path, tmp_path / "data")
