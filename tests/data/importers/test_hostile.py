"""Archives of CoronaryDominance that are made to do harm are refused unread, and nothing of them is left."""

import io
import shutil
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from tests.data.importers.layouts import frame, imported
from vasolib.data.importers import dominance
from vasolib.data.importers.dominance import _unpacked
from vasolib.errors import UserError

py7zr = pytest.importorskip("py7zr")
GOOD = io.BytesIO()
np.savez_compressed(GOOD, pixel_array=frame(1, (3, 20, 24)))
OUT, LINK = "leads out of its folder", "is a link or a device"


def packed(path, member="a/LCA/x.npz", content=b"", change=None, **options):
    """An archive of a member that py7zr would not write by its public methods, or a good one, and a good one behind."""
    path.parent.mkdir()
    with py7zr.SevenZipFile(path, "w", **options) as archive:
        archive._writestr(content or GOOD.getvalue(), member)
        archive._writestr(GOOD.getvalue(), "b/LCA/y.npz")
        if change:
            change(archive)
    return path


def of_kind(mode):
    """Let the header say that the first member is no file."""

    def change(archive):
        archive.header.files_info.files[0]["attributes"] = 0x8000 | mode << 16

    return change


def claiming(size):
    """Let the header say that the first member has so many bytes."""

    def change(archive):
        write = archive._write_header

        def lying():
            sizes = archive.header.main_streams.substreamsinfo.unpacksizes
            archive.header.main_streams.unpackinfo.folders[0].unpacksizes[-1] += size - sizes[0]
            sizes[0] = size
            write()

        archive._write_header = lying

    return change


def check_refused(path, says, monkeypatch):
    """An import ends with one message that names the archive; nothing is unpacked, and nothing is left."""
    data = path.parent.parent / "data"
    data.mkdir()
    before = sorted(data.parent.rglob("*"))
    begun = []
    monkeypatch.setattr(py7zr.SevenZipFile, "extractall", lambda *given: begun.append(given))
    with pytest.raises(UserError) as caught:
        imported("coronary_dominance", path.parent, data)
    message = str(caught.value)
    assert message.startswith(f"the archive {path} ") and says in message and message.isprintable()
    assert not begun and sorted(data.parent.rglob("*")) == before


@pytest.mark.parametrize(
    ("member", "content", "change", "says"),
    [
        ("../x.npz", b"1", None, f"holds '../x.npz', which {OUT}"),
        ("a/../../x.npz", b"1", None, f"holds 'a/../../x.npz', which {OUT}"),
        ("/tmp/x.npz", b"1", None, f"holds '/tmp/x.npz', which {OUT}"),
        ("C:/x.npz", b"1", None, f"holds 'C:/x.npz', which {OUT}"),
        ("a\nb.npz", b"1", None, "which has a control character"),
        ("b/LCA/y.npz", b"1", None, "holds 'b/LCA/y.npz' and 'b/LCA/y.npz'"),
        ("a/x.npz", b"/etc/passwd", of_kind(0o120777), f"holds 'a/x.npz', which {LINK}"),
        ("a/x.npz", b"../../x.npz", of_kind(0o120777), f"holds 'a/x.npz', which {LINK}"),
        ("b/LCA/x.npz", b"y.npz", of_kind(0o120777), f"holds 'b/LCA/x.npz', which {LINK}"),
        ("a/x.npz", b"1", of_kind(0o010644), f"holds 'a/x.npz', which {LINK}"),
        ("a/x.npz", b"1", of_kind(0o020644), f"holds 'a/x.npz', which {LINK}"),
        ("a/x.npz", b"1", claiming(2**50), f"{2**50} of them 'a/x.npz', expected at most {2**26}: download"),
    ],
)
def test_an_archive_made_to_do_harm_is_refused_unread(tmp_path, monkeypatch, member, content, change, says):
    path = packed(tmp_path / "set" / "main_normal.7z", member, content, change)
    check_refused(path, says, monkeypatch)


def test_an_archive_that_shrank_beyond_belief_is_refused_unread(tmp_path, monkeypatch):
    path = packed(tmp_path / "set" / "main_normal.7z", "a/x.npz", bytes(2**20))
    monkeypatch.setattr(dominance, "FREE", 2**12)
    check_refused(path, f"{2**20} of them 'a/x.npz', expected at most {100 * path.stat().st_size}: ", monkeypatch)


def test_an_archive_that_the_disk_has_no_room_for_is_refused(tmp_path, monkeypatch):
    path = packed(tmp_path / "set" / "main_normal.7z")
    monkeypatch.setattr(dominance.shutil, "disk_usage", lambda folder: SimpleNamespace(free=2000))
    check_refused(path, "has 2000 free: make room", monkeypatch)


def test_an_encrypted_archive_is_named(tmp_path, monkeypatch):
    path = packed(tmp_path / "set" / "main_normal.7z", password="secret", header_encryption=True)
    check_refused(path, "is encrypted, expected one without password: unpack it", monkeypatch)


def test_what_a_killed_import_left_goes_with_the_next_one_of_that_archive(tmp_path):
    path = packed(tmp_path / "set" / "main_normal.7z")
    other = shutil.copy(path, path.with_name("main_others.7z"))
    code = """
import os, pathlib, signal, sys
from vasolib.data.importers.dominance import _unpacked
with _unpacked(pathlib.Path(sys.argv[1])):
    os.kill(os.getpid(), signal.SIGKILL)
"""
    for one in (path, other):
        subprocess.run([sys.executable, "-c", code, str(one)], check=False)
    left = set(path.parent.iterdir()) - {path, other}
    assert len(left) == 2
    with _unpacked(path) as first, _unpacked(path) as second:  # of one archive in two processes, so to say
        assert len(left & set(path.parent.iterdir())) == 1
        assert all(len([*folder.rglob("*.npz")]) == 2 for folder in (first, second))
    imported("coronary_dominance", path.parent, tmp_path / "data")
    assert set(path.parent.iterdir()) == {path, other}
