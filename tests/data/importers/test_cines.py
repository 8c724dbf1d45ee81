"""CADICA: the listed frames of the selected videos, and no other."""

import pytest

from tests.data.importers.layouts import frame, imported, save, table, write
from vasolib.errors import UserError

VIDEOS = (("p1", "v2"), ("p10", "v1"), ("p2", "v1"))


def cadica(root, listed=("p1_v2_00003", "p1_v2_00004"), videos=VIDEOS):
    for patient, video in videos:
        folder = root / "CADICA/selectedVideos" / patient / video
        for number in range(1, 6):
            save(folder / "input" / f"{patient}_{video}_{number:05}.png", frame(number))
        names = [name.replace("p1_v2", f"{patient}_{video}") for name in listed]
        write(folder / f"{patient}_{video}_selectedFrames.txt", "\r\n".join(names) + "\r\n")
        write(folder / "groundtruth" / f"{patient}_{video}_00003.txt", "1 2 3 4 p20_50")
        write(folder.parent / "lesionVideos.txt", video)
    save(root / "CADICA/nonselectedVideos/p1/v9/input/p1_v9_00001.png", frame())
    return root / "CADICA"


@pytest.mark.parametrize("listed", [("p1_v2_00003", "p1_v2_00004"), ("00003.png", "00004"), ("p1_v2_00003.png",) * 2])
def test_listed_frames_with_patient_and_cine(tmp_path, listed):
    summary = imported("cadica", cadica(tmp_path, listed), tmp_path / "data")["cadica"]
    count = len(set(listed))
    assert (summary.images, summary.patients, summary.kind) == (3 * count, 3, "")
    rows = table(tmp_path / "data/cadica")
    assert list(rows.id[:: max(count, 1)]) == ["p1_v2_00003", "p2_v1_00003", "p10_v1_00003"]
    assert (rows.patient[0], rows.cine[0], rows.split[0]) == ("p1", "p1_v2", "unlabelled")
    assert rows.original[0] == "selectedVideos/p1/v2/input/p1_v2_00003.png"


def test_a_listed_frame_that_is_missing_and_a_missing_list_are_told(tmp_path):
    names = [f"p1_v2_{number:05}" for number in range(1, 6)]
    root = cadica(tmp_path, names, [*VIDEOS, *((f"p{patient}", "v1") for patient in range(3, 9))])
    (root / "selectedVideos/p1/v2/input/p1_v2_00003.png").unlink()
    (root / "selectedVideos/p2/v1/p2_v1_selectedFrames.txt").unlink()
    summary = imported("cadica", root, tmp_path / "data")["cadica"]
    assert (summary.images, summary.left_out) == (39, 2)
    lost = table(tmp_path / "data/cadica", "left_out")
    assert list(lost.file) == [
        "selectedVideos/p1/v2/input/p1_v2_00003.png",
        "selectedVideos/p2/v1/p2_v1_selectedFrames.txt",
    ]


def test_a_list_with_a_mark_in_front_loses_no_frame(tmp_path):
    root = cadica(tmp_path)
    for path in root.rglob("*_selectedFrames.txt"):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    (summary,) = imported("cadica", root, tmp_path / "data").values()
    assert (summary.images, summary.left_out) == (6, 0)


def test_another_folder_is_named(tmp_path):
    with pytest.raises(UserError, match="no folder `selectedVideos`, expected CADICA as published"):
        imported("cadica", tmp_path, tmp_path / "data")
