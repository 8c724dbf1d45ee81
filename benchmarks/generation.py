"""`python -m benchmarks.generation`: synthetic frames, drawn on all cores beside one after another.

Bytes are compared: the number of workers changes nothing.
"""

__all__ = ["main", "row"]

import argparse
import hashlib

from joblib import cpu_count

from benchmarks.side_by_side import Row, compare, step_parser, told_rows
from vasolib.data.synthetic.frame import make_frames
from vasolib.data.synthetic.styles import named_style


def checksum(size: int, count: int, workers: int) -> str:
    """Of all images and masks of a series."""
    digest = hashlib.sha256()
    for frame in make_frames(0, range(count), named_style("a"), size, workers):
        digest.update(frame.image.tobytes() + frame.labels.mask.tobytes())
    return digest.hexdigest()


def row(size: int, count: int, turns: int) -> Row:
    """Time and compare drawing so many frames of a size."""
    workers = cpu_count()
    if checksum(size, count, 1) != checksum(size, count, workers):
        raise AssertionError(f"frames of {size} x {size} depend on the number of workers")
    return compare(
        f"{count} synthetic frames, {size} x {size}, {workers} workers",
        lambda: checksum(size, count, 1),
        lambda: checksum(size, count, workers),
        aim=3,
        same="images and masks equal byte by byte",
        turns=turns,
    )


def rows(given: argparse.Namespace) -> list[Row]:
    """A row per size."""
    return [row(size, given.frames, given.turns) for size in given.sizes]


def main(arguments: list[str] | None = None) -> int:
    """Command line, see --help."""
    options = step_parser("generation", "Synthetic frames on all cores, beside one after another.")
    options.add_argument("--sizes", type=int, nargs="+", default=[256, 512], help="pixels (default: 256 512)")
    options.add_argument("--frames", type=int, default=32, help="a turn (default: 32)")
    return told_rows(options.parse_args(arguments), "generation", rows)


if __name__ == "__main__":
    raise SystemExit(main())
