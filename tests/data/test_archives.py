"""Archives: good ones are unpacked as they are, bad ones refused with nothing left of them."""

import gzip
import io
import lzma
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from vasolib.data import archives
from vasolib.data.archives import is_archive, stem_of_archive, unpacked
from vasolib.errors import UserError

GOOD = {"a/images/p1_0.png": b"one", "a/masks/p1_0.png": b"two", "b/images/ü 1.png": b""}
TAR_MODES = {"tar": "w", "tar.gz": "w:gz", "tar.xz": "w:xz"}


def make_zip(path: Path, files: dict[str, bytes], change=lambda info: None) -> Path:
    with zipfile.ZipFile(path, "w") as opened:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            change(info)
            opened.writestr(info, content)
    return path


def make_tar(path: Path, files: dict[str, bytes], mode: str = "w", **attributes: object) -> Path:
    with tarfile.open(path, mode) as opened:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            for key, value in attributes.items():
                setattr(info, key, value)
            opened.addfile(info, io.BytesIO(content))
    return path


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def make(path: Path, files: dict[str, bytes]) -> Path:
    kind = path.name.partition(".")[2]
    return make_zip(path, files) if kind == "zip" else make_tar(path, files, TAR_MODES[kind])


@pytest.mark.parametrize("suffix", ["zip", *TAR_MODES])
def test_a_good_archive_comes_out_as_it_is(tmp_path: Path, suffix: str):
    folder = unpacked(make(tmp_path / f"data.{suffix}", GOOD), tmp_path / "into")
    assert content(folder) == GOOD and folder.name == "data"
    assert {path.stat().st_mtime for path in folder.rglob("*.png")} == {0}


def test_the_content_decides_what_is_an_archive(tmp_path: Path):
    for suffix in ("zip", *TAR_MODES):
        path = make(tmp_path / f"x.{suffix}", GOOD)
        path.rename(tmp_path / "without_suffix")
        assert is_archive(tmp_path / "without_suffix")
        assert content(unpacked(tmp_path / "without_suffix", tmp_path / "into")) == GOOD
    (tmp_path / "text.zip").write_text("not a zip")
    assert not any(map(is_archive, (tmp_path / "text.zip", tmp_path, tmp_path / "absent")))


@pytest.mark.parametrize("name", ["x.zip", "x.tar", "x.tar.gz", "x.tar.xz", "x.tgz", "x", ".x.zip"])
def test_names_lose_their_suffixes(name: str):
    assert stem_of_archive(name) == "x"


def test_an_unchanged_archive_is_not_unpacked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = make(tmp_path / "x.zip", GOOD)
    first = unpacked(path, tmp_path / "into")
    path.touch()
    with monkeypatch.context() as patched:
        patched.setattr(archives, "_unpack", None)
        assert unpacked(path, tmp_path / "into") == first
    other = unpacked(make(tmp_path / "x.zip", {"a/images/x.png": b"1"}), tmp_path / "into")
    assert other != first and not first.exists() and content(other) == {"a/images/x.png": b"1"}


def test_one_folder_around_all_sets_is_stepped_into(tmp_path: Path):
    files = {"top/a/images/x.png": b"1", "top/b/images/x.png": b"2", "__MACOSX/top/._a": b"", ".hidden": b""}
    assert unpacked(make_zip(tmp_path / "x.zip", files), tmp_path / "into").name == "top"
    one = make_tar(tmp_path / "y.tar", {"a/images/x.png": b"1"})
    assert unpacked(one, tmp_path / "into").name == "y"


def test_folders_are_made_and_the_archives_own_is_no_harm(tmp_path: Path):
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w") as opened:
        for name in (".", "./a", "./a/images"):
            info = tarfile.TarInfo(name)
            info.type = tarfile.DIRTYPE
            opened.addfile(info)
    assert (unpacked(path, tmp_path / "into") / "a" / "images").is_dir()


BAD_NAMES = {
    "/etc/x.png": "leads out of its folder",
    "//x.png": "leads out of its folder",
    "../x.png": "leads out of its folder",
    "a/../../x.png": "leads out of its folder",
    "a/..": "leads out of its folder",
    "C:/x.png": "leads out of its folder",
    "..\\x.png": "a backslash",
    "a\nb.png": "a control character",
}
LINKS = {
    "a symbolic link": tarfile.SYMTYPE,
    "a hard link": tarfile.LNKTYPE,
    "a character device": tarfile.CHRTYPE,
    "a block device": tarfile.BLKTYPE,
    "a pipe": tarfile.FIFOTYPE,
}


def check_refused(path: Path, says: str) -> None:
    """The whole archive is refused by name, and nothing of it is left, in the folder or beside it."""
    before = sorted(path.parent.rglob("*"))
    with pytest.raises(UserError) as caught:
        unpacked(path, path.parent / "into")
    message = str(caught.value)
    assert message.startswith(f"the archive {path} ") and says in message and "\n" not in message
    assert sorted(path.parent.rglob("*")) == before


@pytest.mark.parametrize("name", BAD_NAMES)
@pytest.mark.parametrize("pack", [make_zip, make_tar])
def test_names_that_lead_astray_are_refused(tmp_path: Path, name: str, pack):
    check_refused(pack(tmp_path / "x", GOOD | {name: b"evil"}), BAD_NAMES[name])


def test_a_folder_that_leads_astray_is_refused(tmp_path: Path):
    check_refused(make_zip(tmp_path / "x.zip", GOOD | {"../out/": b""}), "leads out of its folder")


@pytest.mark.parametrize("kind", LINKS)
def test_links_and_devices_are_refused(tmp_path: Path, kind: str):
    path = make_tar(tmp_path / "x.tar", {"a": b""}, type=LINKS[kind], linkname="../../outside")
    check_refused(path, "is a link or a device")


def test_a_link_in_a_zip_is_refused(tmp_path: Path):
    def link(info):
        info.external_attr = (stat.S_IFLNK | 0o777) << 16

    check_refused(make_zip(tmp_path / "x.zip", {"a": b"../../outside"}, link), "is a link or a device")


def test_an_encrypted_member_is_refused(tmp_path: Path):
    path = make_zip(tmp_path / "x.zip", {"a": b"1"})
    data = bytearray(path.read_bytes())
    for place in (6, data.index(b"PK\x01\x02") + 8):
        data[place] |= 1
    path.write_bytes(data)
    check_refused(path, "is encrypted")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_rare_compressions_are_refused(tmp_path: Path, method: int):
    def rare(info):
        info.compress_type = method

    check_refused(make_zip(tmp_path / "x.zip", {"a": b"1"}, rare), "another way than deflate")


@pytest.mark.parametrize(
    "names", [("a/x.png", "a/X.png"), ("a/x.png", "A/y.png"), ("x", "x/y"), ("e\u0301", "\u00e9"), ("ss", "ß")]
)
@pytest.mark.parametrize("pack", [make_zip, make_tar])
def test_names_that_clash_are_refused(tmp_path: Path, names: tuple[str, str], pack):
    for order in (names, names[::-1]):
        check_refused(pack(tmp_path / "x", dict.fromkeys(order, b"1")), "which are one name on some disks")


def test_a_name_given_twice_is_refused(tmp_path: Path):
    with tarfile.open(tmp_path / "x.tar", "w") as opened:
        for _ in range(2):
            opened.addfile(tarfile.TarInfo("a/x.png"))
    check_refused(tmp_path / "x.tar", "holds 'a/x.png' and 'a/x.png'")


@pytest.mark.parametrize("suffix", ["zip", "tar.gz", "tar.xz"])
def test_a_bomb_is_refused_before_it_grows(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(archives, "FREE", 2**16)
    written = []
    monkeypatch.setattr(archives.shutil, "copyfileobj", lambda *_: written.append(1))
    check_refused(make(tmp_path / f"x.{suffix}", {"bomb": bytes(2**22)}), "unpacks to more than")
    assert not written


def test_total_size_and_number_are_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = make(tmp_path / "x.tar", GOOD)
    monkeypatch.setattr(archives, "MAX_FILES", 2)
    check_refused(path, "unpacks to more than")
    monkeypatch.setattr(archives, "MAX_FILES", 3)
    monkeypatch.setattr(archives, "MAX_UNPACKED", 5)
    check_refused(path, "unpacks to more than")
    monkeypatch.setattr(archives, "MAX_UNPACKED", 6)
    assert content(unpacked(path, tmp_path / "into")) == GOOD


def test_a_bomb_in_a_header_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    # The size of an extended header is what its own header claims; tarfile reads it into memory.
    monkeypatch.setattr(archives, "FREE", 2**16)
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, 2**30
    with gzip.open(tmp_path / "x.tar.gz", "wb") as file:
        file.write(info.tobuf())
        file.write(bytes(2**22))
    check_refused(tmp_path / "x.tar.gz", "unpacks to more than")


@pytest.mark.parametrize("suffix", ["zip", *TAR_MODES])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.8])
def test_half_an_archive_is_refused(tmp_path: Path, suffix: str, share: float):
    path = make(tmp_path / f"x.{suffix}", {f"a/images/{n}.png": bytes([n]) * 700 for n in range(40)})
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    check_refused(path, "cannot be unpacked")


def test_a_damaged_header_is_not_taken_for_the_end(tmp_path: Path):
    path = make(tmp_path / "x.tar", {"a": b"1", "b": b"2"})
    data = bytearray(path.read_bytes())
    data[1024 + 20] ^= 0xFF  # in the second header
    path.write_bytes(data)
    check_refused(path, "its end is missing")


def test_a_damaged_member_is_refused(tmp_path: Path):
    path = make_zip(tmp_path / "x.zip", {"a": bytes(range(256))})
    data = bytearray(path.read_bytes())
    data[100] ^= 0xFF
    path.write_bytes(data)
    check_refused(path, "cannot be unpacked")


@pytest.mark.parametrize("suffix", ["tar.gz", "tar.xz"])
def test_the_checksum_behind_a_compressed_archive_is_read(tmp_path: Path, suffix: str):
    path = make(tmp_path / f"x.{suffix}", GOOD)
    data = bytearray(path.read_bytes())
    data[-6 if suffix == "tar.gz" else -14] ^= 0xFF
    path.write_bytes(data)
    check_refused(path, "cannot be unpacked")


def test_what_is_compressed_but_no_tar_is_refused(tmp_path: Path):
    (tmp_path / "x.gz").write_bytes(gzip.compress(b"text"))
    check_refused(tmp_path / "x.gz", "cannot be unpacked")
    (tmp_path / "y.xz").write_bytes(lzma.compress(b""))
    check_refused(tmp_path / "y.xz", "cannot be unpacked")


def test_a_kill_half_way_leaves_nothing_that_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = make(tmp_path / "x.zip", GOOD)

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(archives.shutil, "copyfileobj", killed)
        with pytest.raises(KeyboardInterrupt):
            unpacked(path, tmp_path / "into")
    folder = unpacked(path, tmp_path / "into")
    assert content(tmp_path / "into") == {(folder / name).relative_to(tmp_path / "into").as_posix(): data
                                         for name, data in GOOD.items()}  # fmt: skip
