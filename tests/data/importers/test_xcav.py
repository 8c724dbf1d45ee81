"""XACV: the labelled frames of cines, masks with the catheter aside, no patient on both sides."""

import numpy as np
import pytest

from tests.data.importers.layouts import Known, frame, imported, pixels, save, table, vessel
from vasolib.data.importers import check_set
from vasolib.errors import UserError


def xacv(root, patients=5):
    for patient in range(patients):
        folder = root / "xca_dataset" / f"CVAI-{1200 + patient}"
        for view in ("LAO44_CRA29", "RAO2_CAU30"):
            cine = f"{folder.name}{view}"
            for number in range(4):
                save(folder / "images" / cine / f"{number:05}.png", frame(number))
            save(folder / "ground_truth" / cine / "00002.png", vessel(patient))
            save(folder / "ground_truth" / f"{cine}CATH" / "00002.png", vessel(10))
            save(folder / "ground_truth" / f"{cine}CATH" / "00003.png", vessel(10))
    return root / "xca_dataset"


def test_labelled_frames_without_masks_of_the_catheter(tmp_path):
    summary = imported("xcav", xacv(tmp_path), tmp_path / "data")["xcav"]
    assert (summary.images, summary.patients, summary.left_out) == (10, 5, 20)
    rows = table(tmp_path / "data/xcav")
    assert rows.groupby("patient").split.nunique().eq(1).all() and set(rows.split) == {"train", "test"}
    assert rows.iloc[2].drop("split").tolist() == [
        "CVAI-1201_LAO44-CRA29_00002",
        "CVAI-1201",
        "CVAI-1201_LAO44-CRA29",
        "CVAI-1201/images/CVAI-1201LAO44_CRA29/00002.png",
    ]
    mask = pixels(tmp_path / "data/xcav", "masks", "CVAI-1201_LAO44-CRA29_00002")
    np.testing.assert_array_equal(mask, vessel(1))
    assert table(tmp_path / "data/xcav", "left_out").file.str.contains("CATH").all()


@pytest.mark.parametrize("given", ["xca_dataset", "xca_dataset/Testing"])
def test_given_splits_are_kept_and_their_counts_compared(tmp_path, given, capsys):
    root = xacv(tmp_path)
    for patient in list(root.iterdir()):
        split = root / ("Testing" if patient.name == "CVAI-1201" else "training")
        split.mkdir(exist_ok=True)
        patient.rename(split / patient.name)
    summary = imported("xcav", tmp_path / given, tmp_path / "data")["xcav"]
    assert (summary.splits, summary.patients) == ({"test": 2, "train": 8}, 5)
    rows = table(tmp_path / "data/xcav").set_index("id")
    assert set(rows.patient[rows.split == "test"]) == {"CVAI-1201"} and "drawn" not in capsys.readouterr().out
    known = Known(expected={"train": 175, "test": 2})
    assert [line for line in check_set("xcav", root, known) if "usable" in line] == [
        "train: 8 usable images, expected 175"]  # fmt: skip
    xacv(tmp_path, patients=1)
    with pytest.raises(UserError, match=r"has patients in train, val or test and beside them, expected either: move"):
        imported("xcav", root, tmp_path / "more")


def test_a_drawn_split_and_a_folder_that_looks_like_one_are_told(tmp_path, capsys):
    root = xacv(tmp_path)
    save(root / "test_old/1.png", frame())
    imported("xcav", root, tmp_path / "data")
    out = capsys.readouterr().out
    assert "xcav: train and test are drawn here, by patient: the folder gives no split, and that of the papers" in out
    assert "xcav: the folder test_old looks like a split and is not read" in out


def test_a_mask_without_its_frame_is_told(tmp_path):
    root = xacv(tmp_path)
    (root / "CVAI-1200/images/CVAI-1200LAO44_CRA29/00002.png").unlink()
    assert imported("xcav", root, tmp_path / "data")["xcav"].images == 9
    reasons = table(tmp_path / "data/xcav", "left_out").reason
    assert reasons.str.contains("has no image, expected images/CVAI-1200LAO44_CRA29/00002").sum() == 1


def test_the_folder_above_and_one_patients_folder(tmp_path):
    root = xacv(tmp_path)
    for given in (tmp_path, root / "CVAI-1203"):
        assert imported("xcav", given, tmp_path / "data" / given.name)["xcav"].images == 10
    with pytest.raises(UserError, match="no folder with `images` and `ground_truth`"):
        imported("xcav", root / "CVAI-1203/images/CVAI-1203LAO44_CRA29", tmp_path / "more")
