"""From projected vessels to pictures: how much contrast agent each ray meets, and which vessel owns each pixel.

A vessel is a chain of short pieces. Each piece leaves in the pixels around it a fragment: the interval of depth that
the ray passes inside the vessel. The path length is the length of the union of a pixel's intervals, as in the body:
pieces that overlap, at joints and bifurcations too, count once; vessels that cross, one behind the other, add up.
"""

__all__ = ["OUTLINE", "Fragments", "Pieces", "cut", "owners", "scatter", "thickness"]

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from vasolib.data.synthetic.projection import UNITS, Tube

STEP = 4.0  # pixels: length of a piece
STEEP = 2.2  # slant from which a ray meets all of a piece rather than one place of it
OUTLINE = 0.55  # pixels: least radius of an outline, so that none falls apart
FAR = 1 << 14  # pixels: more than any depth, so that intervals of different pixels never meet


@dataclass(frozen=True)
class Pieces:
    """Straight pieces of vessels in pixels; a row each, in the order of the tubes."""

    ends: np.ndarray  # (n, 2, 2): first and last point, x and y
    depth: np.ndarray  # (n, 2)
    radius: np.ndarray  # (n, 2)
    concentration: np.ndarray  # (n,)
    tube: np.ndarray  # (n,) which tube
    code: np.ndarray  # (n,) its SYNTAX code
    position: np.ndarray  # (n, 2) first and last point, counted in points of that tube
    size: int  # pixels along the picture's side

    def __len__(self) -> int:
        return len(self.tube)

    def chosen(self, which: np.ndarray) -> "Pieces":
        """The pieces where `which` (n,) is true."""
        arrays = {name: value[which] for name, value in vars(self).items() if name != "size"}
        return replace(self, **arrays)

    @property
    def middle(self) -> np.ndarray:
        """(n, 2)"""
        return self.ends.mean(axis=1)

    @property
    def rise(self) -> np.ndarray:
        """(n,) length along the beam."""
        return np.abs(np.diff(self.depth, axis=1)[:, 0])

    @property
    def slant(self) -> np.ndarray:
        """(n,) length in space over length in the picture: how much longer a ray's path is than across the vessel."""
        across = np.maximum(np.linalg.norm(np.diff(self.ends, axis=1)[:, 0], axis=1), 1e-6)
        return np.hypot(self.rise, across) / across


@dataclass(frozen=True)
class Fragments:
    """Pixels near pieces; a row each. Lengths in pixels, float32 but for the indices."""

    pixel: np.ndarray  # (m,) row * size + column
    piece: np.ndarray  # (m,)
    distance: np.ndarray  # (m,) from the pixel's centre to the piece
    radius: np.ndarray  # (m,) of the vessel there
    depth: np.ndarray  # (m,) of the vessel's middle there
    beside: np.ndarray  # (m,) bool: at the piece's side, not beyond its ends; of a piece along the beam all are


def cut(tubes: Sequence[Tube], size: int) -> Pieces:
    """The tubes in pieces of about STEP pixels of length in space, those far outside the picture left out."""
    columns = [np.concatenate([getattr(t, name) for t in tubes]) for name in ("xy", "depth", "radii", "concentration")]
    table = np.column_stack(columns) * ([size / UNITS] * 4 + [1.0])  # x, y, depth, radius, concentration
    counts = np.array([len(tube.xy) for tube in tubes])
    path = _path(table[:, :3], counts)
    at, tube = _stops(path, counts)
    x, y, depth, radius, agent = (np.interp(at, path, column) for column in table.T)
    position = np.interp(at, path, np.arange(len(path))) - (np.cumsum(counts) - counts)[tube, None]
    code = np.array([t.code for t in tubes])[tube]
    whole = Pieces(np.stack([x, y], axis=2), depth, radius, agent.mean(axis=1), tube, code, position, size)
    margin = radius.max(axis=1, keepdims=True) + STEP
    near = np.all(np.abs(whole.middle - size / 2) < size / 2 + margin, axis=1)
    return whole.chosen(near)


def _path(points: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Length along all tubes on end, strictly rising; the jumps between them take nearly none."""
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    steps[np.cumsum(counts)[:-1] - 1] = 0.0
    return np.concatenate([[0.0], np.cumsum(np.maximum(steps, 1e-6))])


def _stops(path: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each piece starts and ends (n, 2) on the path, and its tube (n,)."""
    last = np.cumsum(counts) - 1
    start, length = path[last - counts + 1], path[last] - path[last - counts + 1]
    parts = np.maximum(np.ceil(length / STEP).astype(int), 1)
    tube = np.repeat(np.arange(len(counts)), parts)
    nth = np.arange(parts.sum()) - np.repeat(np.cumsum(parts) - parts, parts)
    share = (nth[:, None] + [0.0, 1.0]) / parts[tube, None]
    return start[tube, None] + length[tube, None] * share, tube


def scatter(pieces: Pieces, reach: float) -> Fragments:
    """All pixels of the picture at most `reach` pixels outside of a piece's outline."""
    across = np.diff(pieces.ends, axis=1)[:, 0]
    half = np.ceil(pieces.radius.max(axis=1) + reach + 0.5 * np.abs(across).max(axis=1) + 0.5).astype(int)
    groups = [_stamped(pieces, np.flatnonzero(half == size), size, reach) for size in np.unique(half)]
    if not groups:
        groups = [_stamped(pieces, np.arange(0), 1, reach)]
    return Fragments(*(np.concatenate(column) for column in zip(*groups, strict=True)))


def _stamped(pieces: Pieces, chosen: np.ndarray, half: int, reach: float) -> tuple[np.ndarray, ...]:
    """The columns of Fragments for the chosen pieces, each looked for in a square of 2 half + 1 pixels."""
    start = pieces.ends[chosen, 0]
    along = pieces.ends[chosen, 1] - start
    corner = np.floor(pieces.middle[chosen]).astype(int)
    offsets = np.arange(-half, half + 1)
    x, y = ((corner + 0.5 - start).T[:, :, None] + offsets).astype(np.float32)  # of pixel centres, from the start
    u, v = (along / np.maximum((along**2).sum(axis=1, keepdims=True), 1e-9)).T[:, :, None].astype(np.float32)
    share = np.clip((x * u)[:, None, :] + (y * v)[:, :, None], 0, 1)
    dx, dy = along.T[:, :, None, None].astype(np.float32)
    square = (x[:, None, :] - share * dx) ** 2 + (y[:, :, None] - share * dy) ** 2
    radius = pieces.radius[chosen].astype(np.float32)[:, :, None, None]
    inside = (corner[:, :, None] + offsets >= 0) & (corner[:, :, None] + offsets < pieces.size)
    keep = square < (radius.max(axis=1) + np.float32(reach)) ** 2
    keep &= inside[:, 0][:, None, :] & inside[:, 1][:, :, None]
    which, row, column = np.nonzero(keep)
    pixel = (corner[which, 1] + row - half) * pieces.size + corner[which, 0] + column - half
    share, radius, depth = share[keep], radius[:, :, 0, 0], pieces.depth[chosen].astype(np.float32)
    steep = (pieces.slant[chosen] > STEEP)[which]
    level = np.where(steep, np.float32(0.5), share)
    return (
        pixel,
        chosen[which],
        np.sqrt(square[keep]),
        radius[which, 0] + share * (radius[which, 1] - radius[which, 0]),
        depth[which, 0] + level * (depth[which, 1] - depth[which, 0]),
        steep | ((share > 0) & (share < 1)),
    )


def _area(x: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Area of a disc to one side of a line at x from its centre, less that of the half disc."""
    x = np.clip(x / radius, -1, 1)
    return radius**2 * (x * np.sqrt(1 - x**2) + np.arcsin(x))


def thickness(pieces: Pieces, fragments: Fragments) -> np.ndarray:
    """Path length through vessels, times the concentration there: (size, size) float32 in units.

    Each value is the mean over the pixel, so that a vessel thinner than a pixel is as wide as it, but fainter.
    """
    chord = _area(fragments.distance + 0.5, fragments.radius) - _area(fragments.distance - 0.5, fragments.radius)
    chord *= pieces.concentration.astype(np.float32)[fragments.piece]
    met = np.flatnonzero(chord > 0)
    pixel, piece, depth = fragments.pixel[met], fragments.piece[met], fragments.depth[met]
    half = 0.5 * np.where(fragments.beside[met], _lengthened(pieces, chord[met], piece), chord[met])
    middle = pixel * float(FAR) + depth
    order = np.argsort(middle - half)
    start, end, pixel = (middle - half)[order], (middle + half)[order], pixel[order]
    covered = np.concatenate([[-np.inf], np.maximum.accumulate(end)[:-1]])
    new = np.maximum(end - np.maximum(start, covered), 0)
    total = np.bincount(pixel, new, pieces.size**2) * (UNITS / pieces.size)
    return total.reshape(pieces.size, pieces.size).astype(np.float32)


def _lengthened(pieces: Pieces, chord: np.ndarray, piece: np.ndarray) -> np.ndarray:
    """Chords of vessels that are not parallel to the detector: longer, but by no more than the piece's own depth."""
    slant, rise = pieces.slant.astype(np.float32)[piece], pieces.rise.astype(np.float32)[piece]
    return np.minimum(chord * slant, chord + rise)


def owners(pieces: Pieces, fragments: Fragments, drawn: np.ndarray, widen: float) -> np.ndarray:
    """Which piece a reader's outline gives each pixel to: (size, size) int, -1 for none.

    Where outlines overlap, the pixel goes to the piece inside of whose outline it lies deepest.

    Args:
        drawn: (n,) bool: the pieces that are outlined at all.
        widen: pixels added to the radii.
    """
    radius = np.maximum(fragments.radius + widen, OUTLINE)
    inner = radius**2 - fragments.distance**2
    chosen = np.flatnonzero((inner >= 0) & drawn[fragments.piece])
    chosen = chosen[np.argsort(inner[chosen], kind="stable")]  # the last one written stays
    owner = np.full(pieces.size**2, -1)
    owner[fragments.pixel[chosen]] = fragments.piece[chosen]
    return owner.reshape(pieces.size, pieces.size)
