"""What a reader would have drawn: the vessels that can be seen, their segments, stenoses and centrelines.

Visible is what stands out of its own surroundings in the finished picture, by the centre's annotation rule.
"""

__all__ = ["Labels", "Rule", "annotate", "boxes_of", "visible"]

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import find_objects, gaussian_filter, label, uniform_filter1d

from vasolib.data.synthetic.projection import UNITS
from vasolib.data.synthetic.raster import STEP, Fragments, Pieces, owners

WORKING_SIDE = 256  # pixels: noise is judged at one resolution, whatever the picture's
BLUR = 2.0  # units by which imaging widens a vessel
FAINT = 0.3  # units of full-strength contrast agent: pixels with less count as surroundings
SPECK = 400.0  # square units
PRESENT = 0.25  # concentration of contrast agent from which a vessel on the way to others is drawn
CALM = 24.0  # units along a vessel over which the eye averages


@dataclass(frozen=True)
class Labels:
    """The annotation of a picture of S x S pixels."""

    mask: np.ndarray  # (S, S) uint8, 0 or 1
    segments: np.ndarray  # (S, S) uint8: 0 or the SYNTAX code; positive exactly in the mask
    stenosis: np.ndarray  # (S, S) uint8: 0, or 1 + index of the stenosis; inside the mask
    boxes: np.ndarray  # (k, 4) float: x0, y0, x1, y1, half-open, of the stenoses in `stenosis`, in their order
    centreline: np.ndarray  # (m, 5) float: x, y, radius in pixels, SYNTAX code, index of the stretch


@dataclass(frozen=True)
class Rule:
    """An annotation rule."""

    least_width: float  # units: thinner vessels are not outlined
    least_contrast: float  # in multiples of the noise and texture around, below which nothing is outlined
    widen: float  # units added to the radius


def annotate(
    image: np.ndarray,
    absorption: np.ndarray,
    field: np.ndarray,
    pieces: Pieces,
    fragments: Fragments,
    strength: float,
    spans: Sequence[tuple[int, int, int]],
    parents: Sequence[int],
    rule: Rule,
) -> Labels:
    """The labels of a finished picture.

    Args:
        image: (S, S) uint8.
        absorption: (S, S) by the vessels.
        field: (S, S) how open the shutter is, 0 to 1.
        pieces, fragments: of the vessels; the fragments reach at least `rule.widen` outside of them.
        strength: absorption per unit of path at full concentration.
        spans: tube, first and last point of each stenosis.
        parents: of the tubes, -1 for the root.
    """
    signal = contrast_to_noise(image, absorption, pieces, strength)
    drawn = visible(pieces, signal, rule, parents) & _open(field, pieces)
    if not drawn.any():  # thin all over: readers then outline what they would leave out beside thicker vessels
        thinner = replace(rule, least_width=rule.least_width / 2)
        drawn = visible(pieces, signal, thinner, parents) & _open(field, pieces)
    owner = owners(pieces, fragments, drawn, rule.widen * pieces.size / UNITS)
    owner[field <= 0.5] = -1
    owner[_specks(owner >= 0)] = -1
    code = np.append(pieces.code, 0).astype(np.uint8)  # the last one: owner -1
    ill = np.append(_stenosed(pieces, spans), 0).astype(np.uint8)
    segments, stenosis = code[owner], ill[owner]
    mask = (segments > 0).astype(np.uint8)
    centre = [pieces.middle, pieces.radius.mean(axis=1), code[:-1], pieces.tube]
    kept = drawn & (mask[_pixels(pieces, pieces.size)] == 1)
    return Labels(mask, segments, stenosis, boxes_of(stenosis), np.column_stack(centre)[kept])


def _specks(mask: np.ndarray) -> np.ndarray:
    """(S, S) bool: the parts of a mask that lie apart and are too small for a reader to bother."""
    parts, _ = label(mask, np.ones((3, 3)))
    return mask & (np.bincount(parts.ravel()) < SPECK * (len(mask) / UNITS) ** 2)[parts]


def boxes_of(stenosis: np.ndarray) -> np.ndarray:
    """Smallest boxes (k, 4) around the pixels of each number, rising, in an integer map: x0, y0, x1, y1, half-open."""
    found = [place for place in find_objects(stenosis) if place is not None]
    return np.array([(x.start, y.start, x.stop, y.stop) for y, x in found], float).reshape(-1, 4)


def _stenosed(pieces: Pieces, spans: Sequence[tuple[int, int, int]]) -> np.ndarray:
    """(n,): 1 + index of the stenosis that a piece belongs to, or 0."""
    ill = np.zeros(len(pieces), int)
    for number, (tube, first, last) in enumerate(spans, start=1):
        ill[(pieces.tube == tube) & (pieces.position[:, 0] < last) & (pieces.position[:, 1] > first)] = number
    return ill


def _pixels(pieces: Pieces, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the pieces' middles in a picture of `size` pixels, moved into it where they lie outside."""
    column, row = np.clip((pieces.middle * (size / pieces.size)).astype(int), 0, size - 1).T
    return row, column


def _open(field: np.ndarray, pieces: Pieces) -> np.ndarray:
    """(n,) bool: in the picture and not behind the shutter."""
    inside = (pieces.middle >= 0) & (pieces.middle < pieces.size)
    return inside.all(axis=1) & (field[_pixels(pieces, pieces.size)] > 0.5)


def contrast_to_noise(image: np.ndarray, absorption: np.ndarray, pieces: Pieces, strength: float) -> np.ndarray:
    """How far each piece (n,) would stand out alone, in multiples of the local noise and texture.

    The grey levels per absorption are those of this picture: whatever window and scatter made of it, vessels tell.
    """
    grey, shade = _reduced(image), _reduced(absorption)
    side = grey.shape[0]
    free = (shade < FAINT * strength).astype(np.float32) + 1e-3
    around = _mean(grey, free, 12 * side / UNITS)
    gain = np.sum((around - grey) * shade) / max(float(np.sum(shade**2)), 1e-9)
    noise = np.sqrt(_mean((grey - around) ** 2, free, 20 * side / UNITS)) + 0.3  # grey levels are whole numbers
    radius = pieces.radius.mean(axis=1) * UNITS / pieces.size
    path = np.pi * radius**2 / (2 * radius + BLUR) * np.minimum(pieces.slant, 3.0)
    return max(float(gain), 0.0) * strength * pieces.concentration * path / noise[_pixels(pieces, side)]


def _reduced(picture: np.ndarray) -> np.ndarray:
    """Means over blocks, float32, so that about WORKING_SIDE pixels are left; smaller pictures stay."""
    n = max(picture.shape[0] // WORKING_SIDE, 1)
    side = picture.shape[0] // n
    blocks = picture[: side * n, : side * n].reshape(side, n, side, n)
    return blocks.mean(axis=(1, 3), dtype=np.float32)


def _mean(values: np.ndarray, weight: np.ndarray, sigma: float) -> np.ndarray:
    """Local weighted mean."""
    return gaussian_filter(values * weight, sigma, truncate=2) / gaussian_filter(weight, sigma, truncate=2)


def visible(pieces: Pieces, signal: np.ndarray, rule: Rule, parents: Sequence[int]) -> np.ndarray:
    """(n,) bool: the pieces that a reader outlines.

    In each vessel that is from its beginning to the last place that can be seen, and all of the vessels that lead to
    it, as far as there is contrast agent in them.

    Args:
        signal: (n,), see `contrast_to_noise`.
        parents: of the tubes, parents before children; -1 for the root.
    """
    width = 2 * pieces.radius.mean(axis=1) * UNITS / pieces.size
    seen = np.minimum(width / rule.least_width, signal / rule.least_contrast)
    window = max(round(CALM / STEP * pieces.size / UNITS), 1)
    shown, leads = np.zeros(len(pieces), bool), set()
    bounds = np.searchsorted(pieces.tube, np.arange(len(parents) + 1))
    for tube in reversed(range(len(parents))):
        start, stop = bounds[tube : tube + 2]
        clear = np.flatnonzero(uniform_filter1d(seen[start:stop], window, mode="nearest") >= 1) if stop > start else []
        if tube in leads:
            shown[start:stop] = True
        elif 2 * len(clear) >= min(window, stop - start) > 0:
            shown[start : start + clear[-1] + 1] = True
        if tube in leads or shown[start:stop].any():
            leads.add(parents[tube])
    return shown & (pieces.concentration > PRESENT)
