"""Downloads: only when agreed to, checked, recorded, unpacked, and refused with the way by hand. No network."""

import hashlib
import io
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from vasolib.data import fetch as module
from vasolib.data.catalogue import Download, Entry, entry_of
from vasolib.data.fetch import RECORD, fetch, fetched, recorded
from vasolib.errors import UserError


def zipped(files: dict[str, bytes]) -> bytes:
    """A zip file."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return stream.getvalue()


ARCHIVE = zipped({"set/images/1.png": b"one", "set/images/2.png": b"two"})
DIGITS = hashlib.sha256(ARCHIVE).hexdigest()


def entry(*downloads: Download) -> Entry:
    return replace(entry_of("dca1"), downloads=downloads)


ONE = Download("a.zip", url="https://a.org/a.zip")


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> dict:
    """What the site sends, and how often it was asked."""
    sent = {"bytes": ARCHIVE, "asked": 0}

    def from_url(url: str, part: Path) -> None:
        sent["asked"] += 1
        if isinstance(sent["bytes"], OSError):
            part.write_bytes(b"PK")
            raise sent["bytes"]
        part.write_bytes(sent["bytes"])

    monkeypatch.setattr(module, "from_url", from_url)
    return sent


def yes(files: list[Download]) -> bool:
    return True


def test_a_set_is_downloaded_recorded_and_unpacked_once(sent: dict, tmp_path: Path, capsys: pytest.CaptureFixture):
    folder = fetch(entry(ONE), tmp_path, yes)
    assert (folder / "set" / "images" / "2.png").read_bytes() == b"two" and fetched(entry(ONE), tmp_path) == folder
    assert (tmp_path / "dca1" / "a.zip.sha256").read_text() == f"{DIGITS}  a.zip\n"
    assert f"sha256:{DIGITS}, which nothing is known to compare with" in capsys.readouterr().out
    assert fetch(entry(ONE), tmp_path, lambda _: pytest.fail("nothing to ask")) == folder and sent["asked"] == 1
    assert {path.name for path in (tmp_path / "dca1").iterdir()} == {"a.zip", "a.zip.sha256", "unpacked"}


def test_nothing_is_downloaded_unasked(sent: dict, tmp_path: Path):
    asked = []
    with pytest.raises(UserError, match="was not downloaded: agree"):
        fetch(entry(ONE), tmp_path, lambda files: bool(asked.extend(files)))
    assert asked == [ONE] and not sent["asked"] and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("content", "found"),
    [(b"\n<!DOCTYPE html><html>Google Drive", "a web page"), (b"%PDF-1.7", "begins with b'%PDF-1.7'"), (b"", "b''")],
)
def test_what_is_no_archive_is_refused_and_not_gone_on_with(sent: dict, tmp_path: Path, content: bytes, found: str):
    sent["bytes"] = content
    with pytest.raises(UserError, match=f"{found}.* expected an archive .* by hand from http.*data show dca1"):
        fetch(entry(ONE), tmp_path, yes)
    assert not list((tmp_path / "dca1").iterdir())


@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
def test_checksums_are_compared_by_their_algorithm(sent: dict, tmp_path: Path, algorithm: str):
    digits = hashlib.new(algorithm, ARCHIVE).hexdigest()
    wrong = replace(ONE, checksum=f"{algorithm}:{digits[::-1]}")
    with pytest.raises(UserError, match=f"{algorithm}:{digits}, expected {algorithm}:{digits[::-1]}"):
        fetch(entry(wrong), tmp_path, yes)
    assert not list((tmp_path / "dca1").iterdir())
    fetch(entry(replace(ONE, checksum=f"{algorithm}:{digits}")), tmp_path, yes)


def test_what_broke_off_is_kept_to_go_on_with(sent: dict, tmp_path: Path):
    sent["bytes"] = OSError("connection reset")
    with pytest.raises(UserError, match=r"broke off or was refused \(connection reset\): the same command goes on"):
        fetch(entry(ONE), tmp_path, yes)
    assert (tmp_path / "dca1" / ".a.zip.unfinished" / "a.zip").read_bytes() == b"PK"
    assert not (tmp_path / "dca1" / "a.zip").exists()


def test_a_file_changed_since_is_told(sent: dict, tmp_path: Path):
    fetch(entry(ONE), tmp_path, yes)
    path = tmp_path / "dca1" / "a.zip"
    path.write_bytes(ARCHIVE + b"\0")
    with pytest.raises(UserError, match=f"expected sha256:{DIGITS}: it is damaged or another version; remove it"):
        fetch(entry(ONE), tmp_path, yes)
    assert path.exists() and sent["asked"] == 1  # the user's to remove


def test_a_file_put_there_by_hand_is_used_and_recorded(sent: dict, tmp_path: Path):
    path = tmp_path / "dca1" / "a.zip"
    path.parent.mkdir()
    path.write_bytes(ARCHIVE)
    assert (fetch(entry(ONE), tmp_path, yes) / "set").is_dir() and not sent["asked"]
    assert recorded(path) == f"sha256:{DIGITS}" and path.with_name("a.zip" + RECORD).is_file()


@pytest.mark.parametrize("beside", ["Readme.txt", "readme/README.md", "__MACOSX/._dataset.zip"])
def test_one_archive_inside_another_is_unpacked_too(sent: dict, tmp_path: Path, beside: str):
    sent["bytes"] = zipped({beside: b"see", "dataset.zip": ARCHIVE})
    folder = fetch(entry(ONE), tmp_path, yes)
    assert (folder / "set" / "images" / "1.png").read_bytes() == b"one" and fetched(entry(ONE), tmp_path) == folder


def test_what_was_fetched_and_is_gone_is_looked_for_beside_the_archive(sent: dict, tmp_path: Path):
    shutil.rmtree(fetch(entry(ONE), tmp_path, yes))
    assert fetched(entry(ONE), tmp_path) == tmp_path / "dca1" == fetched(entry_of("dca1"), tmp_path)


def test_what_is_not_unpacked_is_said(sent: dict, tmp_path: Path, capsys: pytest.CaptureFixture):
    sent["bytes"] = zipped({"a/part1.rar": b"Rar!", "a/readme/x.txt": b""})
    fetch(entry(ONE), tmp_path, yes)
    assert "part1.rar stays packed" in capsys.readouterr().out


def test_several_files_stay_as_they_are_and_only_missing_ones_come(
    sent: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    seven = b"7z\xbc\xaf\x27\x1c" + bytes(20)

    def from_hub(wanted: Download, folder: Path) -> Download:
        (folder / wanted.file).write_bytes(seven)
        return replace(wanted, checksum=f"sha256:{hashlib.sha256(seven).hexdigest()}")

    monkeypatch.setattr(module, "from_hub", from_hub)
    both = entry(*(Download(f"{name}.7z", repo="me/set", revision="main") for name in "ab"))
    (tmp_path / "dca1").mkdir()
    (tmp_path / "dca1" / "a.7z").write_bytes(seven)
    asked = []
    folder = fetch(both, tmp_path, lambda files: asked.append(files) or True)
    assert folder == tmp_path / "dca1" and [one.file for one in asked[0]] == ["b.7z"]


def test_room_is_looked_at_before_asking(sent: dict, tmp_path: Path):
    with pytest.raises(UserError, match=r"GB free, expected at least 1000000000\.0 GB for a\.zip"):
        fetch(entry(replace(ONE, megabytes=10**12)), tmp_path / "not" / "there", lambda _: pytest.fail("asked"))


def test_a_set_without_a_link_says_how_to_get_it(tmp_path: Path):
    with pytest.raises(UserError, match="caxf has no file that a program can download: by hand from https"):
        fetch(entry_of("caxf"), tmp_path, yes)
