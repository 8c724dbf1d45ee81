"""A small labelled set to damage, and what becomes of it: shared by the tables of bad images, masks and names."""

import hashlib
import re
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from vasolib.data.folder import find_sets, frames_of
from vasolib.data.left_out import LeftOut
from vasolib.data.store import Frame

STEMS = [f"p{number}_0" for number in range(12)]
VICTIM = "p3_0"
SHAPE = (20, 16)
# What was found, what was expected and what to do. One advice is a question, for only the user knows its answer.
REASON = re.compile(
    r"\S.*, (?:expected \S.*|its image \d+ x \d+): "
    r"(?:(?:add|change|give|invert|mend|move|reduce|remove|rename|replace|save) \S.*|is it an image\?)"
)


def grey(stem: str = VICTIM, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    """Pixels that are drawn from the name."""
    seed = int(hashlib.sha256(stem.encode()).hexdigest()[:8], 16)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def vessel(shape: tuple[int, int] = SHAPE) -> np.ndarray:
    """A mask of 0 and 255: a bar."""
    mask = np.zeros(shape, np.uint8)
    mask[shape[0] // 3 : shape[0] // 2, 2:-2] = 255
    return mask


def encoded(image: Image.Image | np.ndarray, suffix: str = "png", **options: object) -> bytes:
    """An image's bytes in a format of Pillow's."""
    image = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    buffer = BytesIO()
    image.save(buffer, {"jpg": "JPEG", "tif": "TIFF", "pgm": "PPM"}.get(suffix, suffix.upper()), **options)
    return buffer.getvalue()


def png_header(width: int, height: int, data: bytes = b"x") -> bytes:
    """A PNG file that claims a size; the pixels are not there."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def make_set(root: Path) -> Path:
    """The set `real` of twelve patients, good throughout."""
    for kind in ("images", "masks"):
        (root / "real" / kind).mkdir(parents=True)
        for stem in STEMS:
            Image.fromarray(grey(stem) if kind == "images" else vessel()).save(root / "real" / kind / f"{stem}.png")
    return root / "real"


@dataclass(frozen=True)
class Bad:
    """A row: what is done to the set's folder, and what the message must contain; `says` empty: repaired, and kept.

    files: that become unusable, each of which has one message.
    """

    name: str
    make: Callable[[Path], object]
    says: str = ""
    files: int = 1


def frames_in(root: Path) -> tuple[dict[str, Frame], list[LeftOut]]:
    """The frames that the set `real` gives, by stem, and what is left out."""
    sets, left_out = find_sets(root)
    frames = frames_of(sets["real"])
    made = [frames.make(frames.fetch(item)) for item in frames.items]
    lost = [one for one in made if isinstance(one, LeftOut)]
    return {one.id.removeprefix("real/"): one for one in made if isinstance(one, Frame)}, left_out + lost


def check_row(root: Path, row: Bad, monkeypatch=None) -> list[LeftOut]:
    """The others are as they were; the victim is used, or lost with one line that says all that a user needs."""
    folder = make_set(root)
    good, _ = frames_in(root)
    row.make(folder)
    used, left_out = frames_in(root)
    for stem in set(STEMS) - {VICTIM}:
        assert np.array_equal(used[stem].image, good[stem].image) and np.array_equal(used[stem].mask, good[stem].mask)
    unusable = [one for one in left_out if one.kind == "unusable"]
    if not row.says:
        assert not unusable and len(used) == len(STEMS)
        return left_out
    assert len(used) == len(STEMS) - 1 and len(unusable) == row.files
    named = [one.file for one in left_out]
    for one in unusable:
        message = str(one)
        assert row.says in message and message.isprintable() and str(root) not in message
        assert one.file.startswith(("real/images/", "real/masks/")) and message == f"{one.file} {one.reason}"
        assert REASON.fullmatch(one.reason), one.reason
        assert named.count(one.file) == 1
    return left_out
