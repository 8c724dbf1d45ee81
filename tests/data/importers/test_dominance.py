"""CoronaryDominance: npz videos, unpacked or in 7z archives, whole or cut short."""

import shutil
import sys
import zipfile

import numpy as np
import pytest

from tests.data.importers.layouts import frame, imported, pixels, save, table, write
from vasolib.data.importers.dominance import frames_of_npz
from vasolib.data.left_out import BadFile
from vasolib.errors import UserError

VIDEO = frame(1, (3, 20, 24))


def npz(path, **arrays):
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **(arrays or {"pixel_array": VIDEO}))
    return path


@pytest.fixture
def videos(tmp_path):
    for study in ("7", "8"):
        npz(tmp_path / "all/main_normal/Left_Dominance" / study / "LCA/a_1.npz")
    npz(tmp_path / "all/main_normal/Right_Dominance/7/RCA/b.npz", pixel_array=VIDEO[0])
    return tmp_path / "all"


def test_frames_of_unpacked_videos(videos, tmp_path):
    summary = imported("coronary_dominance", videos, tmp_path / "data")["coronary_dominance"]
    assert (summary.images, summary.patients, summary.splits) == (7, 3, {"unlabelled": 7})
    folder = tmp_path / "data/coronary_dominance"
    row = table(folder).iloc[1]
    patient = "main-normal-Left-Dominance-7"
    assert row.tolist() == [f"{patient}_LCA-a-1_0001", "unlabelled", patient, f"{patient}_LCA-a-1",
                            "main_normal/Left_Dominance/7/LCA/a_1.npz"]  # fmt: skip
    np.testing.assert_array_equal(pixels(folder, "images", row.id), VIDEO[1])


def test_the_packed_set_is_the_unpacked_one(videos, tmp_path):
    py7zr = pytest.importorskip("py7zr")
    imported("coronary_dominance", videos, tmp_path / "one")
    with py7zr.SevenZipFile(videos / "main_normal.7z", "w") as archive:
        for path in sorted(videos.glob("main_normal/**/*.npz")):
            archive.write(path, path.relative_to(videos / "main_normal").as_posix())
    imported("coronary_dominance", videos, tmp_path / "both")  # what it unpacks to is read instead
    assert table(tmp_path / "both/coronary_dominance", "left_out").file.tolist() == ["main_normal.7z"]
    shutil.rmtree(videos / "main_normal")
    imported("coronary_dominance", videos, tmp_path / "packed")
    tables = [(tmp_path / one / "coronary_dominance/table.csv").read_text() for one in ("one", "both", "packed")]
    assert len(set(tables)) == 1 and [one.name for one in videos.iterdir()] == ["main_normal.7z"]


@pytest.mark.parametrize("folder", ["main_normal", "."])
def test_an_archive_that_is_unpacked_in_part_is_refused(videos, tmp_path, folder):
    py7zr = pytest.importorskip("py7zr")
    (tmp_path / "set").mkdir()
    with py7zr.SevenZipFile(tmp_path / "set/main_normal.7z", "w") as archive:
        archive.writeall(videos / "main_normal", "main_dataset/normal")
    (tmp_path / "set/main_normal").mkdir()  # says nothing
    assert imported("coronary_dominance", tmp_path / "set", tmp_path / "a")["coronary_dominance"].images == 7
    shutil.copytree(videos / "main_normal", tmp_path / "set" / folder / "main_dataset/normal")
    found = imported("coronary_dominance", tmp_path / "set", tmp_path / "b")["coronary_dominance"]
    assert (found.images, found.left_out) == (7, 1)
    path = tmp_path / "set" / folder / "main_dataset/normal/Left_Dominance/7/LCA/a_1.npz"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(UserError, match=r"main_normal\.7z has 3 videos and 2 of them are unpacked .*keep either"):
        imported("coronary_dominance", tmp_path / "set", tmp_path / "c")


def test_another_archive_beside_unpacked_videos_is_read(videos, tmp_path):
    py7zr = pytest.importorskip("py7zr")
    with py7zr.SevenZipFile(videos / "main_others.7z", "w") as archive:
        archive.write(npz(tmp_path / "c.npz", pixel_array=VIDEO[:2]), "Left_Dominance/9/LCA/c.npz")
    (summary,) = imported("coronary_dominance", videos, tmp_path / "data").values()
    assert (summary.images, summary.left_out) == (9, 0)


def test_an_archive_cut_short_is_named_and_leaves_nothing(videos, tmp_path):
    py7zr = pytest.importorskip("py7zr")
    path = tmp_path / "cut" / "main_normal.7z"
    path.parent.mkdir()
    with py7zr.SevenZipFile(path, "w") as archive:
        archive.writeall(videos, "all")
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(UserError, match=r"main_normal\.7z cannot be unpacked .*download it again"):
        imported("coronary_dominance", path.parent, tmp_path / "data")
    assert list((tmp_path / "data").iterdir()) == [] and list(path.parent.iterdir()) == [path]


def test_without_py7zr_the_remedy_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "py7zr", None)
    write(tmp_path / "set" / "a.7z", "7z")
    with pytest.raises(UserError, match=r"needs the package py7zr: pip install 'vasolib\[archives\]'"):
        imported("coronary_dominance", tmp_path / "set", tmp_path / "data")


def test_a_damaged_video_costs_itself_only(videos, tmp_path):
    path = videos / "main_normal/Left_Dominance/8/LCA/a_1.npz"
    path.write_bytes(path.read_bytes()[:-400])
    for study in ("9", "10"):
        npz(videos / "main_normal/Left_Dominance" / study / "LCA/c.npz")
    summary = imported("coronary_dominance", videos, tmp_path / "data")["coronary_dominance"]
    assert (summary.images, summary.left_out) == (10, 1)
    lost = table(tmp_path / "data/coronary_dominance", "left_out")
    assert lost.file[0] == "main_normal/Left_Dominance/8/LCA/a_1.npz" and "download it again" in lost.reason[0]


def test_the_only_array_of_frames_is_taken_and_deep_values_are_stretched(tmp_path):
    deep = np.linspace(100, 1100, VIDEO.size).reshape(VIDEO.shape).astype(np.uint16)
    found = frames_of_npz(npz(tmp_path / "a.npz", frames=deep, label=np.array(1)))
    assert found.dtype == np.uint8 and (found.min(), found.max()) == (0, 255) and found.shape == VIDEO.shape
    assert np.all(np.diff(found.ravel().astype(int)) >= 0)


@pytest.mark.parametrize(
    "arrays",
    [
        {"label": np.array(1)},
        {"a": VIDEO, "b": VIDEO},
        {"pixel_array": np.array([None, 1], object)},
        {"pixel_array": np.full((2, 20, 24), np.nan)},
        {"pixel_array": np.full((2, 20, 24), 700, np.uint16)},
        {"pixel_array": np.array([[[-1e308, 1e308]]])},
        {"pixel_array": np.array([[[0, 5e-324]]])},
    ],
)
def test_other_arrays_are_refused(tmp_path, arrays):
    with pytest.raises(BadFile):
        frames_of_npz(npz(tmp_path / "a.npz", **arrays))


def test_what_is_no_array_and_what_is_encrypted_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("pixel_array.npy", b"text")
    with pytest.raises(BadFile, match="holds 0 arrays of frames"):
        frames_of_npz(tmp_path / "a.npz")
    data = bytearray(npz(tmp_path / "b.npz").read_bytes())
    for place in (6, data.index(b"PK\x01\x02") + 8):
        data[place] |= 1
    (tmp_path / "b.npz").write_bytes(data)
    with pytest.raises(BadFile, match="is encrypted"):
        frames_of_npz(tmp_path / "b.npz")


def test_a_folder_without_videos_is_named(tmp_path):
    save(tmp_path / "set/a.png", frame())
    with pytest.raises(UserError, match=r"no file \.7z or \.npz, expected CoronaryDominance as published"):
        imported("coronary_dominance", tmp_path / "set", tmp_path / "data")
