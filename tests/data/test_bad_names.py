"""Bad names, and other things than files: each row is used, or left out with a message, beside good ones."""

import os
import socket
import unicodedata
from pathlib import Path

import pytest

from tests.data.damaged import STEMS, VICTIM, Bad, check_row, encoded, frames_in, grey, make_set

NAME_FAULT = "has a control character, a backslash or broken UTF-8 in its name"
NFD = unicodedata.normalize("NFD", "p3_Ängström")
NFC = unicodedata.normalize("NFC", NFD)


def called(image: str, mask: str | None = None) -> object:
    """Other stems for the victim's files."""

    def make(folder: Path) -> None:
        for kind, stem in (("images", image), ("masks", mask or image)):
            (folder / kind / f"{VICTIM}.png").rename(folder / kind / f"{stem}.png")

    return make


def instead(make: object) -> object:
    """Put something else where the victim's image was."""

    def made(folder: Path) -> None:
        path = folder / "images" / f"{VICTIM}.png"
        path.rename(folder / "kept.png")
        make(path)

    return made


def twins(folder: Path) -> None:
    """Two images whose names differ in how their accents are written."""
    called(NFC)(folder)
    (folder / "images" / f"{NFD}.png").write_bytes(encoded(grey("other")))


def listening(path: Path) -> None:
    """A socket with a name. It is bound by a short path, as sockets must be."""
    here = os.open(path.parent, os.O_RDONLY)
    try:
        with socket.socket(socket.AF_UNIX) as opened:
            opened.bind(f"/proc/self/fd/{here}/{path.name}")
    finally:
        os.close(here)


ROWS = [
    Bad("spaces", called("p3 0 frame 1")),
    Bad("spaces at both ends", called(" p3_0 ")),
    Bad("unicode", called("患者3_血管")),
    Bad("an emoji of several parts", called("p3_👩‍⚕️")),
    Bad("a leading dash", called("-rf_0")),
    Bad("two leading dashes", called("--help")),
    Bad("quotes and commas", called('p3_"0", \'1\'')),
    Bad("what a shell would run", called("p3_$(touch x);`y`|z&")),
    Bad("what a pattern would match", called("p3_[0-9]*?")),
    Bad("a formula", called("=1+1")),
    Bad("a percent sign", called("p3_%2e%2e%2f")),
    Bad("dots", called("p3_0.1..2")),
    Bad("a name that Windows keeps for itself", called("con")),
    Bad("NA", called("NA")),
    Bad("a long name", called("p3_" + "x" * 240)),
    Bad("accents, composed", called(NFC)),
    Bad("accents, decomposed", called(NFD)),
    Bad("accents, composed in the image's and decomposed in the mask's", called(NFC, NFD)),
    Bad("capitals in its suffix",
        lambda folder: (folder / "images" / "p3_0.png").rename(folder / "images" / "p3_0.PnG")),
    Bad("a new line", called("p3\n0"), NAME_FAULT),
    Bad("a tab", called("p3\t0"), NAME_FAULT),
    Bad("a carriage return", called("p3\r0"), NAME_FAULT),
    Bad("an escape sequence", called("p3\x1b[2J"), NAME_FAULT),
    Bad("a delete character", called("p3\x7f0"), NAME_FAULT),
    Bad("a line separator", called("p3\u20280"), NAME_FAULT),
    Bad("a backslash", called("p3\\0"), NAME_FAULT),
    Bad("broken UTF-8", called(os.fsdecode(b"p3\xff0")), NAME_FAULT),
    Bad("twins by their accents", twins, "expected one file per stem", files=2),
    Bad("twins by their suffix", lambda folder: (folder / "images" / "p3_0.jpg").write_bytes(encoded(grey(), "jpg")),
        "is one of p3_0.jpg and p3_0.png, expected one file per stem", files=2),
    # other things than files
    Bad("a link", instead(lambda path: path.symlink_to(Path("..") / "kept.png"))),
    Bad("a folder", instead(Path.mkdir), "is a folder, expected a file"),
    Bad("a link to a folder", instead(lambda path: path.symlink_to("..")), "is a folder, expected a file"),
    Bad("a pipe", instead(os.mkfifo), "is a pipe, socket or device, expected a file"),
    Bad("a socket", instead(listening), "is a pipe, socket or device, expected a file"),
    Bad("a link to a device", instead(lambda path: path.symlink_to(os.devnull)), "is a pipe, socket or device"),
    Bad("a dangling link", instead(lambda path: path.symlink_to("nowhere.png")), "is a link that leads to no file"),
    Bad("a looping link", instead(lambda path: path.symlink_to(path.name)), "is a link that leads to no file"),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_bad_name_is_used_or_left_out_beside_good_ones(row: Bad, tmp_path: Path):
    check_row(tmp_path, row)


def test_names_are_the_same_however_their_accents_are_written(tmp_path: Path):
    for number, stem in enumerate((NFC, NFD)):
        called(stem)(make_set(tmp_path / str(number)))
    assert frames_in(tmp_path / "0")[0].keys() == frames_in(tmp_path / "1")[0].keys()


def test_files_that_may_not_be_read_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    make_set(tmp_path)

    def guarded(path, *arguments, **options):
        if Path(path).name == "p3_0.png":
            raise PermissionError(13, "Permission denied", str(path))
        return open(path, *arguments, **options)

    monkeypatch.setattr("vasolib.data.reading.open", guarded, raising=False)
    used, left_out = frames_in(tmp_path)
    assert len(used) == len(STEMS) - 1
    assert [str(one) for one in left_out] == [
        "real/images/p3_0.png cannot be read (Permission denied), expected a file open to this user: change its rights "
        "or remove it"
    ]


def test_hidden_files_are_passed_over_and_other_suffixes_listed(tmp_path: Path):
    folder = make_set(tmp_path)
    for name in (".DS_Store", "._p3_0.png", "notes.txt", "Thumbs.db", "p3_0.dcm"):
        (folder / "images" / name).write_bytes(b"x")
    used, left_out = frames_in(tmp_path)
    assert len(used) == len(STEMS) and {one.kind for one in left_out} == {"ignored"}
    assert [Path(one.file).name for one in left_out] == ["Thumbs.db", "notes.txt", "p3_0.dcm"]
