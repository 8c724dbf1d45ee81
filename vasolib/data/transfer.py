"""Bytes of one file from a link or from the Hugging Face hub to the disk, going on where they broke off."""

__all__ = ["Progress", "from_hub", "from_url"]

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vasolib.data.catalogue import Download
from vasolib.errors import UserError
from vasolib.files import remove, write_text

if TYPE_CHECKING:
    from typing import BinaryIO

CHUNK = 1 << 20  # bytes
EVERY = 10.0  # s between lines of progress
MISSING = "the package {} is missing, expected it for downloads: pip install -r requirements-v2.lock"


class Progress:
    """Lines about a download, in the form that pooch asks of a progress bar; `before` bytes were there already."""

    def __init__(self, file: str, before: int):
        """Of a file by its name."""
        self.file, self.before, self.done, self.total = file, before, 0, 0
        self.start = self.last = time.monotonic()

    def update(self, count: int) -> None:
        """So many bytes more."""
        self.done += count
        if time.monotonic() - self.last > EVERY:
            self.last = time.monotonic()
            print(self, flush=True)

    def reset(self) -> None:
        """Count anew; pooch does so at the end, to count exactly."""
        self.done = 0

    def close(self) -> None:
        """The last line."""
        print(self, flush=True)

    def __str__(self) -> str:
        rate = self.done / max(time.monotonic() - self.start, 1e-3) / 1e6
        whole = f"/{(self.before + self.total) / 1e6:.0f}" if self.total else ""
        return f"{self.file} {(self.before + self.done) / 1e6:.0f}{whole} MB | {rate:.1f} MB a second"


def from_url(url: str, part: Path) -> None:
    """Download a file, or what `part` lacks of it.

    It is gone on with only if the site marks its versions (a strong ETag), so that two are never mixed.

    Raises:
        OSError: it broke off, or was refused.
        UserError: pooch is not installed.
    """
    try:
        from pooch import HTTPDownloader
    except ImportError as error:
        raise UserError(MISSING.format("pooch")) from error
    mark = part.with_name(part.name + ".etag")
    before = part.stat().st_size if part.exists() and mark.exists() else 0
    headers = {"Accept-Encoding": "identity"}
    if before:
        headers |= {"Range": f"bytes={before}-", "If-Range": mark.read_text(encoding="utf-8")}
    progress = Progress(part.name, before)
    with open(part, "ab") as file:
        answered = {"response": lambda response, **_: _begin(response, file, mark, progress)}
        HTTPDownloader(progressbar=progress, chunk_size=CHUNK, headers=headers, hooks=answered)(url, file, None)


def _begin(response: Any, file: "BinaryIO", mark: Path, progress: Progress) -> None:
    """What to do when a site answers: with the whole file (200), or nothing behind what is there (416), begin anew."""
    if response.status_code in (200, 416):
        file.truncate(0)
        progress.before = 0
        remove(mark)
        tag = response.headers.get("ETag", "")
        if tag.startswith('"'):
            write_text(mark, tag)


def from_hub(wanted: Download, folder: Path) -> Download:
    """Download a file of a public Hugging Face data set into `folder`, or what it lacks; no account is used.

    Returns:
        What was wanted, with the hub's checksum where none was known.

    Raises:
        OSError: it broke off, or was refused.
        UserError: huggingface_hub is not installed.
    """
    try:
        import huggingface_hub as hub
    except ImportError as error:
        raise UserError(MISSING.format("huggingface_hub")) from error
    place = {"repo_id": wanted.repo, "filename": wanted.file, "repo_type": "dataset", "revision": wanted.revision}
    try:
        hub.hf_hub_download(**place, local_dir=folder, token=False)
        etag = hub.get_hf_file_metadata(hub.hf_hub_url(**place), token=False).etag or ""
    except Exception as error:  # the hub's errors, and those of what it sends with, have no other base in common
        raise OSError(f"{type(error).__name__}: {error}") from error
    digits = etag.strip('"')  # of a large file the sha256, of a small one git's sha1
    return wanted if wanted.checksum or len(digits) != 64 else replace(wanted, checksum=f"sha256:{digits}")
