"""DCA1: images and masks side by side."""

import numpy as np
import pytest

from tests.data.importers.layouts import frame, imported, pixels, save, spironet, table, vessel
from vasolib.errors import UserError


@pytest.fixture
def dca1(tmp_path):
    root = tmp_path / "Database_134_Angiograms"
    for number in (1, 2, 10, 99, 100, 101, 134):
        save(root / f"{number}.pgm", frame(number))
        save(root / f"{number}_gt.pgm", vessel())
    return root


def test_pairs_and_the_published_split(dca1, tmp_path):
    summary = imported("dca1", tmp_path, tmp_path / "data")["dca1"]
    assert summary.splits == {"train": 5, "test": 2} and summary.left_out == 0
    rows = table(tmp_path / "data/dca1")
    assert list(rows.id) == ["1", "2", "10", "99", "100", "101", "134"] and list(rows.split[4:6]) == ["train", "test"]
    np.testing.assert_array_equal(pixels(tmp_path / "data/dca1", "masks", "10"), vessel())


def test_the_copy_of_spironet_is_split_as_it_says(tmp_path):
    root = spironet(tmp_path / "dataset/DCA1", ".pgm", train=["2", "10", "100"], test=["101", "134"])
    spironet(root.with_name("XCAD"), ".png", train=["00018_33"], test=["15664_22"])
    save(root / "test/img/102.pgm", frame())
    summary = imported("dca1", root.parent, tmp_path / "data")["dca1"]
    assert summary.splits == {"train": 3, "test": 2} and summary.left_out == 1
    assert list(table(tmp_path / "data/dca1").id) == ["2", "10", "100", "101", "134"]
    np.testing.assert_array_equal(pixels(tmp_path / "data/dca1", "masks", "10"), vessel())


def test_numbers_that_begin_anew_in_each_part_have_it_in_their_ids(tmp_path):
    root = spironet(tmp_path / "DCA1", ".pgm", train=["1", "2", "3"], test=["1", "2"])
    summary = imported("dca1", root, tmp_path / "data")["dca1"]
    assert (summary.splits, summary.left_out) == ({"train": 3, "test": 2}, 0)
    assert list(table(tmp_path / "data/dca1").id) == ["train-1", "train-2", "train-3", "test-1", "test-2"]


def test_parts_of_other_spellings_are_read_and_others_told(dca1, tmp_path, capsys):
    root = spironet(tmp_path / "DCA1", ".pgm", Training=["1", "2"], TESTING=["3"])
    assert imported("dca1", root, tmp_path / "data")["dca1"].splits == {"train": 2, "test": 1}
    save(dca1 / "test_more/135.pgm", frame())
    imported("dca1", dca1, tmp_path / "more")
    assert "dca1: the folder test_more looks like a split and is not read" in capsys.readouterr().out


def test_names_in_capitals_are_known(dca1, tmp_path):
    for path in list(dca1.glob("*_gt.pgm")):
        path.rename(path.with_name(path.name.upper()))
    save(dca1 / "1_gt.pgm", vessel())  # a second mask of one frame
    summary = imported("dca1", dca1, tmp_path / "data")["dca1"]
    assert (summary.images, summary.left_out) == (7, 1)


def test_what_has_no_mask_or_another_name_is_told(dca1, tmp_path):
    (dca1 / "2_gt.pgm").unlink()
    save(dca1 / "notes.png", frame())
    assert imported("dca1", dca1, tmp_path / "data")["dca1"].left_out == 2
    assert list(table(tmp_path / "data/dca1", "left_out").file) == ["2.pgm", "notes.png"]


def test_another_folder_is_named(tmp_path):
    with pytest.raises(UserError, match=r"no file <number>_gt\.pgm .*expected DCA1 as published"):
        imported("dca1", tmp_path, tmp_path / "data")
