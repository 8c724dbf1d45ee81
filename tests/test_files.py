"""Files are whole or absent, and fingerprints tell their contents apart."""

import json
import os
from pathlib import Path

import pandas as pd
import pytest

from vasolib.files import atomic, digest, remove, write_csv, write_json, write_text


def test_a_file_appears_when_its_block_has_succeeded(tmp_path: Path):
    target = tmp_path / "new" / "x.txt"
    with atomic(target) as temporary:
        temporary.write_text("half")
        assert not target.exists()
    assert target.read_text() == "half" and [p.name for p in target.parent.iterdir()] == ["x.txt"]


def test_a_failed_block_leaves_the_older_file_and_the_next_one_clears_up(tmp_path: Path):
    write_text(tmp_path / "x", "old")
    with pytest.raises(FileNotFoundError), atomic(tmp_path / "x") as temporary:
        temporary.with_name("absent").rename(temporary.write_text("half") and temporary)
    assert (tmp_path / "x").read_text() == "old"
    write_text(tmp_path / "x", "new")
    assert [p.name for p in tmp_path.iterdir()] == ["x"] and (tmp_path / "x").read_text() == "new"


def test_a_failed_block_leaves_nothing_of_its_own_unless_it_is_to_go_on(tmp_path: Path):
    for keep in (False, True):
        with pytest.raises(TypeError), atomic(tmp_path / "x", keep=keep) as temporary:
            temporary.write_text(temporary.write_text("half"))  # the second time, no text
        assert [p.name for p in tmp_path.iterdir()] == [".x.tmp"] * keep


def test_bytes_are_on_the_disk_before_the_name_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    done = []
    monkeypatch.setattr(os, "fsync", lambda handle: done.append(Path(os.readlink(f"/proc/self/fd/{handle}")).name))
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda *names: done.append("named") or replace(*names))
    with atomic(tmp_path / "d") as folder:
        (folder / "inner").mkdir(parents=True)
        (folder / "inner" / "file").write_text("x")
    assert done == [".d.tmp", "inner", "file", "named", tmp_path.name]


def test_removing_takes_files_folders_and_links_alone(tmp_path: Path):
    (tmp_path / "folder" / "inner").mkdir(parents=True)
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    for name in ("link", "file", "absent"):
        remove(tmp_path / name)
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]
    remove(tmp_path / "folder")
    assert list(tmp_path.iterdir()) == []


def test_folders_are_replaced_as_a_whole_and_leftovers_removed(tmp_path: Path):
    for attempt, fails in (("a", False), ("b", True), ("c", False)):
        try:
            with atomic(tmp_path / "d") as temporary:
                temporary.mkdir()
                (temporary / attempt).write_text(attempt)
                if fails:
                    raise RuntimeError
        except RuntimeError:
            assert [p.name for p in (tmp_path / "d").iterdir()] == ["a"]
    assert [p.name for p in (tmp_path / "d").iterdir()] == ["c"]
    assert [p.name for p in tmp_path.iterdir()] == ["d"]


def test_texts_and_tables_are_the_same_bytes_everywhere(tmp_path: Path):
    write_text(tmp_path / "t", "ä\nb\n")
    assert (tmp_path / "t").read_bytes() == "ä\nb\n".encode()
    write_csv(tmp_path / "c.csv", pd.DataFrame({"a": [1 / 3, None], "b": ["x", "y,z"]}))
    assert (tmp_path / "c.csv").read_bytes() == b'a,b\n0.33333333,x\n,"y,z"\n'
    write_json(tmp_path / "j", {"b": 1, "a": [2]})
    text = (tmp_path / "j").read_text()
    assert json.loads(text) == {"a": [2], "b": 1} and text.index("a") < text.index("b") and text.endswith("\n")


def test_digest_covers_contents_order_and_borders(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "b").write_bytes(b"1")
    assert digest(tmp_path / "a") == digest(tmp_path / "b") != digest("1")
    different = [("ab", "c"), ("a", "bc"), ("abc",), ("c", "ab"), (1,), (1.0,), (True,), ("1",), (), ("",)]
    assert len({digest(*parts) for parts in different}) == len(different)
