"""Bytes from a site of this machine and from a made-up hub: whole, gone on with, and never two versions mixed."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import huggingface_hub
import pytest

from vasolib.data import transfer
from vasolib.data.catalogue import Download
from vasolib.data.transfer import Progress, from_hub, from_url

pytest.importorskip("pooch")
BYTES = bytes(range(256)) * 400


class Site:
    """What a site serves at any address, and the ranges that were asked for."""

    def __init__(self, server: ThreadingHTTPServer):
        self.content, self.tag, self.ranges = BYTES, '"one"', True
        self.stop_after: int | None = None  # bytes, behind which it breaks off
        self.asked: list[str | None] = []
        self.url = f"http://127.0.0.1:{server.server_port}/set.zip"


class Handler(BaseHTTPRequestHandler):
    """Ranges and ETags as far as a `Site` has them."""

    def do_GET(self) -> None:
        site: Site = self.server.site
        wanted, condition = self.headers.get("Range"), self.headers.get("If-Range")
        site.asked.append(wanted)
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and site.ranges else 0
        if wanted and condition != site.tag:
            start = 0
        if start >= len(site.content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        body = site.content[start:]
        self.send_header("Content-Length", str(len(body)))
        if site.tag:
            self.send_header("ETag", site.tag)
        self.end_headers()
        self.wfile.write(body if site.stop_after is None else body[: site.stop_after])

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(transfer, "CHUNK", 1000)  # what is written at a time
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.site = Site(server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.site
    server.shutdown()
    thread.join()
    server.server_close()


def broken_off(site: Site, part: Path) -> None:
    """A download that ended early."""
    site.stop_after = 30_000
    with pytest.raises(OSError, match=r"broken|Incomplete"):
        from_url(site.url, part)
    site.stop_after = None
    assert part.read_bytes() == BYTES[:30_000]


def test_a_file_comes_whole_with_a_line(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture):
    part = tmp_path / "set.zip"
    from_url(site.url, part)
    assert part.read_bytes() == BYTES and site.asked == [None]
    assert capsys.readouterr().out.startswith("set.zip 0/0 MB")


def test_what_broke_off_is_gone_on_with(site: Site, tmp_path: Path):
    part = tmp_path / "set.zip"
    broken_off(site, part)
    from_url(site.url, part)
    assert part.read_bytes() == BYTES and site.asked == [None, "bytes=30000-"]


@pytest.mark.parametrize("change", [{"tag": '"two"'}, {"ranges": False}])
def test_another_version_or_a_site_without_ranges_begins_anew(site: Site, tmp_path: Path, change: dict):
    part = tmp_path / "set.zip"
    broken_off(site, part)
    vars(site).update(change, content=BYTES[::-1])
    from_url(site.url, part)
    assert part.read_bytes() == BYTES[::-1] and site.asked[1] == "bytes=30000-"


@pytest.mark.parametrize("tag", ["", 'W/"weak"'])
def test_versions_without_a_strong_mark_are_not_gone_on_with(site: Site, tmp_path: Path, tag: str):
    site.tag = tag
    part = tmp_path / "set.zip"
    broken_off(site, part)
    from_url(site.url, part)
    assert part.read_bytes() == BYTES and site.asked == [None, None]


def test_a_part_longer_than_the_file_is_thrown_away(site: Site, tmp_path: Path):
    part = tmp_path / "set.zip"
    from_url(site.url, part)
    with pytest.raises(OSError, match="416"):
        from_url(site.url, part)
    from_url(site.url, part)
    assert part.read_bytes() == BYTES


def test_the_line_counts_what_was_there_before():
    progress = Progress("set.zip", 3_000_000)
    progress.total = 5_000_000
    progress.update(1_000_000)
    assert str(progress).startswith("set.zip 4/8 MB")


class Metadata:
    """What the hub says of a file."""

    def __init__(self, etag: str):
        self.etag = etag


@pytest.mark.parametrize(
    ("etag", "known", "expected"),
    [
        ("a" * 64, "", "sha256:" + "a" * 64),
        ("a" * 40, "", ""),  # git's own name of a small file
        ("a" * 64, "md5:" + "b" * 32, "md5:" + "b" * 32),
    ],
)
def test_the_hubs_own_checksum_is_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path, etag: str, known: str, expected: str
):
    asked = []
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", lambda **place: asked.append(place))
    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", lambda url, token: Metadata(etag))
    wanted = Download("set.7z", repo="me/set", revision="abc", checksum=known)
    assert from_hub(wanted, tmp_path).checksum == expected
    assert asked[0] | {"token": False} == asked[0]  # no account
    assert (asked[0]["repo_type"], asked[0]["revision"], asked[0]["local_dir"]) == ("dataset", "abc", tmp_path)


def test_errors_of_the_hub_are_those_of_a_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    def fail(**_: object) -> None:
        raise RuntimeError("no such set")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fail)
    with pytest.raises(OSError, match="RuntimeError: no such set"):
        from_hub(Download("set.7z", repo="me/set", revision="main"), tmp_path)
