"""`python -m benchmarks.anatomy`: the reference recipe at 512 x 512, ours beside scikit-image and a Python flood fill.

Masks are compared pixel by pixel on every frame.
"""

__all__ = ["main", "plain_anatomy", "row"]

import argparse

import numpy as np
from skimage.filters import sato

from benchmarks.side_by_side import Row, compare, step_parser, told_rows
from vasolib.anatomy import SIGMAS, reference_anatomy
from vasolib.data.synthetic.frame import make_frames
from vasolib.data.synthetic.styles import named_style

SIDE = 512
PERCENTILE, BORDER = 92, 20


def plain_anatomy(image: np.ndarray) -> np.ndarray:
    """The recipe as its authors' code calls it: filter, threshold, a stack that grows from the strongest pixel."""
    strength = sato(image, sigmas=SIGMAS, black_ridges=True, mode="reflect", cval=0).astype(np.uint8)
    strength[:BORDER] = strength[-BORDER:] = strength[:, :BORDER] = strength[:, -BORDER:] = 0
    threshold = np.percentile(strength, PERCENTILE)
    mask, stack = np.zeros_like(strength), [np.unravel_index(np.argmax(strength), strength.shape)]
    while stack:
        y, x = stack.pop()
        inside = 0 <= y < len(strength) and 0 <= x < strength.shape[1]
        if inside and not mask[y, x] and strength[y, x] >= threshold and strength[y, x] > 0:
            mask[y, x] = 1
            stack += [(y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)]
    return mask


def row(frames: int, turns: int) -> Row:
    """Time and compare on so many synthetic frames."""
    images = [frame.image for frame in make_frames(0, range(frames), named_style("a"), SIDE, 1)]
    equal = sum(np.array_equal(plain_anatomy(image), reference_anatomy(image)) for image in images)
    if equal < len(images):
        raise AssertionError(f"masks of {len(images) - equal} of {len(images)} frames differ")
    return compare(
        f"anatomy, {SIDE} x {SIDE}",
        lambda: [plain_anatomy(image) for image in images],
        lambda: [reference_anatomy(image) for image in images],
        aim=25,
        same=f"masks of {equal} of {len(images)} frames pixel-equal",
        turns=turns,
    )


def rows(given: argparse.Namespace) -> list[Row]:
    """The benchmark's one row."""
    return [row(given.frames, given.turns)]


def main(arguments: list[str] | None = None) -> int:
    """Command line, see --help."""
    options = step_parser("anatomy", "Vessel masks, ours beside the plain way.", turns=41)
    options.add_argument("--frames", type=int, default=4, help="synthetic frames a turn (default: 4)")
    return told_rows(options.parse_args(arguments), "anatomy", rows)


if __name__ == "__main__":
    raise SystemExit(main())
