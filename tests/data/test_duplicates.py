"""Copies, byte by byte: one of them is kept, and never a training image before a test image."""

from itertools import permutations

import pytest

from vasolib.data import duplicates
from vasolib.data.duplicates import copies
from vasolib.data.folder import ImageFile


def files(folder, contents):
    """Files a, b, ... of these contents."""
    made = []
    for name, content in zip("abcdef", contents, strict=False):
        (folder / name).write_bytes(content)
        made.append(ImageFile("x", folder / name, folder / "mask", "train"))
    return made


def test_the_first_of_equal_files_is_kept(tmp_path):
    a, b, c, d, e = files(tmp_path, [b"one", b"two", b"one", b"three", b"one"])
    assert copies([a, b, c, d, e]) == {c.path: a.path, e.path: a.path}
    assert copies([e, d, c]) == {c.path: e.path}
    assert copies([b, d]) == copies([]) == {}


def test_a_test_image_is_kept_and_then_one_with_a_mask(tmp_path):
    plain, train, test = (
        ImageFile("x", file.path, mask, split)
        for file, mask, split in zip(
            files(tmp_path, [b"same"] * 3), (None, "m", "m"), ("train", "train", "test"), strict=True
        )
    )
    for order in permutations([plain, train, test]):
        assert copies(order) == {plain.path: test.path, train.path: test.path}
    assert copies([plain, train]) == {plain.path: train.path}


def test_empty_and_unreadable_files_are_copies_of_none(tmp_path, monkeypatch):
    given = files(tmp_path, [b"", b"", b"same", b"same", b"gone"])
    given[-1].path.unlink()
    assert copies(given) == {given[3].path: given[2].path}
    monkeypatch.setattr(duplicates, "open", lambda *_: (_ for _ in ()).throw(PermissionError()), raising=False)
    assert copies(given) == {}


def test_only_files_of_one_length_are_read(tmp_path, monkeypatch):
    read = []
    monkeypatch.setattr(duplicates, "_sha256", lambda path: read.append(path.name) or path.name)
    copies(files(tmp_path, [b"1", b"22", b"33", b"4444"]))
    assert read == ["b", "c"]


@pytest.mark.parametrize("links", [1, 2])
def test_a_link_is_a_copy_of_what_it_leads_to(tmp_path, links):
    (file,) = files(tmp_path, [b"x"])
    linked = [ImageFile("x", tmp_path / f"link{n}", None, "train") for n in range(links)]
    for one in linked:
        one.path.symlink_to(file.path)
    assert copies([file, *linked]) == dict.fromkeys((one.path for one in linked), file.path)
