"""Finding a published folder near the one given, and names that are ids."""

import re

import pytest

from tests.data.importers.layouts import frame, save
from vasolib.data.importers.looking import files_below, holding, id_of, locate, pairs, plain
from vasolib.errors import UserError


def has_mark(folder):
    return (folder / "mark").is_dir()


@pytest.mark.parametrize("given", [".", "a", "a/b", "a/b/inner"])
def test_the_folder_itself_below_or_above(tmp_path, given):
    (tmp_path / "a/b/mark").mkdir(parents=True)
    (tmp_path / "a/b/inner").mkdir()
    (tmp_path / ".hidden/mark").mkdir(parents=True)
    assert locate(tmp_path / given, has_mark, "mark") == (tmp_path / "a/b").resolve()


def test_none_several_and_no_folder_are_told_apart(tmp_path):
    (tmp_path / "x/a").mkdir(parents=True)
    with pytest.raises(UserError, match="x has no mark: name the folder"):
        locate(tmp_path / "x", has_mark, "mark")
    for name in ("a", "b"):
        (tmp_path / "x" / name / "mark").mkdir(parents=True)
    with pytest.raises(UserError, match=r"several folders of this set \(a and b\)"):
        locate(tmp_path / "x", has_mark, "mark")
    with pytest.raises(UserError, match="does not exist"):
        locate(tmp_path / "y", has_mark, "mark")
    with pytest.raises(UserError, match="is a file"):
        holding(save(tmp_path / "z.png", frame()), {".png"}, "mark")


@pytest.mark.parametrize("find", [lambda folder: locate(folder, has_mark, "mark"),
                                  lambda folder: holding(folder, {".png"}, "mark")])  # fmt: skip
def test_an_archive_that_may_have_it_is_named(tmp_path, find):
    for name in ("a/b/set.zip", "__MACOSX/x.zip", ".y.zip", "notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(UserError, match=r"has no mark; it has a/b/set\.zip, which is not unpacked: unpack it first$"):
        find(tmp_path)
    (tmp_path / "a/more.7z").touch()
    with pytest.raises(UserError, match=r"it has a/b/set\.zip and a/more\.7z, not unpacked: unpack what has"):
        find(tmp_path)


def test_files_at_any_depth_without_hidden_ones(tmp_path):
    for name in ("b.PNG", "a/c.png", ".h.png", "__MACOSX/d.png", "a/.g/e.png", "a/f.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [path.name for path in files_below(tmp_path)] == ["c.png", "b.PNG"]
    assert [path.name for path in files_below(tmp_path, levels=1)] == ["b.PNG"]


@pytest.mark.parametrize(
    ("text", "expected"), [("a b", "a-b"), ("é_ü", "e-u"), ("../x", "x"), ("北", "x"), ("v1.2", "v1.2"), ("", "x")]
)
def test_plain_texts_are_parts_of_ids(text, expected):
    assert plain(text) == expected and re.fullmatch(r"[A-Za-z0-9.-]+", plain(text))


def test_underscores_stay_in_ids():
    assert id_of("p1_v 2_03") == "p1_v-2_03"


def test_an_image_whose_mask_is_there_twice_is_lost_once(tmp_path):
    for name in ("images/a.png", "masks/a.png", "masks/a.bmp", "masks/b.png", "masks/b.bmp"):
        save(tmp_path / name, frame())
    found = [(one.file, one.reason) for one in pairs("set", tmp_path, tmp_path / "images", tmp_path / "masks")]
    assert [file for file, _ in found] == ["masks/b.bmp", "masks/b.png", "images/a.png"]
    assert found[-1][1].startswith("its mask masks/a.png is one of a.bmp and a.png, expected one file per stem")
