"""Which sets a data folder has, of which task, and which of their files can be used."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from tests.v2.miniature import bar, data_folder, grey, labelled_set, table, write
from vasolib.errors import UserError
from vasolib.v2.real_sets import find_real_sets


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return data_folder(tmp_path / "data")


def test_what_is_there_tells_the_task(root: Path):
    sets, left_out = find_real_sets(root)
    tasks = {"b": "boxes", "l": "stenoses", "s": "segments", "u": "", "v": "vessels"}
    assert {name: one.task for name, one in sets.items()} == tasks and left_out == []
    assert [file.split for file in sets["s"].files] == ["train"] * 5 + ["test"] * 3
    assert sets["s"].parts == "parts of table.csv" and {file.split for file in sets["u"].files} == {"train"}
    assert [len(file.boxes) for file in sets["b"].files] == [1, 0] * 4
    assert all((file.label is None) == (name in "bu") for name, one in sets.items() for file in one.files)


def test_a_folder_of_images_and_masks_alone_is_a_vessel_set(root: Path):
    (root / "v" / "table.csv").unlink()
    one = find_real_sets(root)[0]["v"]
    assert one.task == "vessels" and one.parts == "split by patient"
    assert {file.split for file in one.files} == {"train", "test"}
    assert [file.patient for file in one.files] == [f"p{number}" for number in range(8)]


def test_unlabelled_images_of_a_labelled_set_need_no_label(root: Path):
    (root / "v" / "masks" / "p0_0.png").unlink()
    parts = {f"p{number}_0": "test" if number > 5 else "train" for number in range(8)} | {"p0_0": "unlabelled"}
    table(root / "v", parts)
    sets, left_out = find_real_sets(root)
    assert left_out == [] and sets["v"].files[0].split == "unlabelled"


def test_a_test_part_without_labels_is_not_learned_from(root: Path):
    table(root / "u", {f"q_{number}": "test" if number else "unlabelled" for number in range(5)})
    sets, left_out = find_real_sets(root)
    assert len(sets["u"].files) == 1 and {one.kind for one in left_out} == {"ignored"} and len(left_out) == 4


def test_of_one_patients_frames_some_between_the_parts_are_not_used(root: Path):
    ids = [f"p{number}_0" for number in range(8)]
    table(root / "b", dict.fromkeys(ids, "train"), dict.fromkeys(ids, "ann"))
    sets, left_out = find_real_sets(root)
    assert [file.split for file in sets["b"].files] == ["train"] * 5 + ["test"] * 2
    assert [(one.kind, one.file) for one in left_out] == [("ignored", "b/images/p5_0.png")]


@pytest.mark.parametrize(
    ("change", "kind", "file", "reason"),
    [
        (lambda r: (r / "s/segments/p1_0.png").unlink(), "unusable", "s/images/p1_0.png",
         "has no label, expected s/segments/p1_0.*: add it, or remove the image"),
        (lambda r: shutil.copy(r / "s/segments/p1_0.png", r / "s/segments/p1_0.bmp"), "unusable", "s/images/p1_0.png",
         "has a label that cannot be used: it is one of p1_0.bmp and p1_0.png"),
        (lambda r: write(r / "l/stenoses/x.png", bar(1)), "ignored", "l/stenoses/x.png", "has no image of its name"),
        (lambda r: (r / "b/images/p2_0.png").unlink(), "unusable", "b/images/p2_0.*", "is not there, though table.csv"),
        (lambda r: write(r / "v/images/n.png", grey("n")), "unusable", "v/images/n.png", "has no row in table.csv"),
        (lambda r: (r / "u/images/list.txt").write_text("x"), "ignored", "u/images/list.txt", "has another suffix"),
        (lambda r: (r / "b/boxes.csv").open("a").write("zz,1,1,2,2\n"), "ignored", "data/b/boxes.csv",
         "has boxes of 1 image(s) that are not there, such as zz"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_named(root: Path, change, kind: str, file: str, reason: str):
    change(root)
    sets, left_out = find_real_sets(root)
    told = [one for one in left_out if one.file == file]
    assert [one.kind for one in told] == [kind] and told[0].reason.startswith(reason)
    assert not any(str(one.path).endswith(file) for one in sets[told[0].source].files)


def test_a_label_that_is_lost_moves_no_other_image(root: Path):
    (root / "v" / "table.csv").unlink()
    before = {file.path: file.split for file in find_real_sets(root)[0]["v"].files}
    (root / "v" / "masks" / "p3_0.png").unlink()
    after = {file.path: file.split for file in find_real_sets(root)[0]["v"].files}
    assert len(after) == 7 and after.items() <= before.items()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: labelled_set(r / "s", "boxes.csv"), "has segments and boxes.csv, expected one kind of labels"),
        (lambda r: [(r / f"l/stenoses/p{n}_0.png").unlink() for n in range(3)], "the set l has 3 unusable images of 8"),
        (lambda r: pd.DataFrame({"id": ["a"]}).to_csv(r / "v/table.csv"), "add split"),
        (lambda r: shutil.rmtree(r), "does not exist"),
        (lambda r: [shutil.rmtree(p) for p in r.iterdir()], "no set in the data folder"),
    ],
)
def test_a_folder_that_cannot_be_used_is_refused(root: Path, change, message: str):
    change(root)
    with pytest.raises(UserError, match=message):
        find_real_sets(root)


def test_what_is_no_set_is_left_out_whole(root: Path):
    shutil.rmtree(root / "s" / "segments")
    (root / "s" / "segments").write_text("")
    (root / "empty").mkdir()
    sets, left_out = find_real_sets(root)
    assert set(sets) == {"b", "l", "u", "v"}
    assert [(one.kind, one.source) for one in left_out] == [("set", "empty"), ("set", "s")]
