"""Seeded synthetic coronary angiograms with the vessel mask that made them.

A two-dimensional model: lengths are in units of 1/512 of the picture's side, whatever its pixel count.
Within one tree the thickest chord counts; thickness adds only where two different trees cross.
"""

__all__ = ["CORPUS_STYLE", "STYLES", "Branch", "Style", "draw_frame", "grow_tree", "make_frame", "murray"]

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter
from scipy.special import expit

from vasolib.errors import UserError, nearest

UNITS = 512.0
STEP = 4.0  # units between the points of a centreline
SEGMENTS = (6, 3, 2, 1)  # stretches per vessel, by generation; between them are the bifurcations


@dataclass(frozen=True)
class Style:
    """One way of acquiring angiograms; pairs are the ends of uniform ranges."""

    number: int  # part of the seed: never reuse or change one
    contrast: tuple[float, float]  # absorption per unit of vessel thickness
    noise: float  # standard deviation relative to the mean signal, at 512 pixels
    blur: float  # standard deviation in units
    background: float  # strength of everything that is not a vessel
    clutter: int  # how many dark and how many bright faint tubes that are not vessels
    trees: tuple[int, int]  # fewest, most
    radius: tuple[float, float]  # of a single tree's root, in units
    shutter: tuple[float, float]  # power (2: a disc, large: nearly a square) and mean reach in units
    window: tuple[float, float]  # mean grey level over 255, gamma


STYLES = {
    "a": Style(0, (0.024, 0.044), 0.060, 0.9, 1.1, 12, (1, 2), (5.8, 8.0), (2, 9999), (0.36, 0.9)),
    "b": Style(1, (0.022, 0.040), 0.080, 1.3, 0.8, 6, (1, 2), (6.6, 8.6), (2, 300), (0.52, 0.9)),
    "c": Style(2, (0.040, 0.062), 0.030, 0.6, 1.3, 12, (2, 3), (5.0, 6.4), (12, 250), (0.42, 1.1)),
}
CORPUS_STYLE = "a"


@dataclass(frozen=True)
class Branch:
    """A stretch of vessel without bifurcation: points (n, 2) as x, y and radii (n,), both in units."""

    points: np.ndarray
    radii: np.ndarray
    children: tuple["Branch", ...]

    def __iter__(self) -> Iterator["Branch"]:
        """This branch and all below it."""
        yield self
        for child in self.children:
            yield from child


def murray(radius: float, ratio: float) -> tuple[float, float]:
    """The radii of two children, `ratio` being the smaller over the larger: r0^3 = r1^3 + r2^3."""
    larger = radius / (1 + ratio**3) ** (1 / 3)
    return larger, ratio * larger


def _path(rng, start, heading: float, length: float, bend: float):
    """A smooth random walk: points (n, 2) in units and the heading (radians) at its end."""
    n = max(int(length / STEP), 3)
    curvature = np.convolve(rng.normal(size=n + 8), np.ones(9) / 3, "valid")
    angles = heading + np.cumsum(bend / n + 0.04 * curvature)
    steps = STEP * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return np.vstack([start, start + np.cumsum(steps, axis=0)]), float(angles[-1])


def grow_tree(rng, start, heading: float, radius: float, generation: int = 0, left: int = 6) -> Branch:
    """A vessel, `left` stretches long, with its twigs: start (2,) and radius in units, heading in radians."""
    inwards = np.arctan2(290 - start[1], 256 - start[0]) - heading
    inwards = np.clip((inwards + np.pi) % (2 * np.pi) - np.pi, -1, 1)  # vessels wrap around the heart
    last = left == 1 or radius < 0.9
    length = rng.uniform(0.6, 1.3) * (36 + 8 * radius) * (1.8 if last else 1)
    points, end = _path(rng, start, heading, length, inwards * rng.uniform(0.05, 0.55))
    radii = radius * np.linspace(1, 0.45 if last else 0.93, len(points))
    if last:
        return Branch(points, radii, ())
    larger, smaller = murray(radii[-1], rng.uniform(0.3, 0.75))
    side, after = rng.choice([-1.0, 1.0]), generation + 1
    trunk = grow_tree(rng, points[-1], end - side * rng.uniform(0.0, 0.25), larger, generation, left - 1)
    twig = grow_tree(rng, points[-1], end + side * rng.uniform(0.5, 1.1), smaller, after, SEGMENTS[after])
    return Branch(points, radii, (trunk, twig))


def _resampled(points: np.ndarray, radii: np.ndarray, scale: float) -> np.ndarray:
    """Centreline points close enough for a chain of balls to look like a tube: (m, 3) x, y, r in pixels."""
    spacing = max(0.5, 0.3 * scale * float(radii.min()))
    at = np.linspace(0, len(points) - 1, int(scale * STEP * (len(points) - 1) / spacing) + 2)
    return scale * np.stack([np.interp(at, range(len(points)), c) for c in (*points.T, radii)], axis=1)


def _thickness(tubes: list[tuple[np.ndarray, np.ndarray]], size: int, thinnest: float = 0.0) -> np.ndarray:
    """Chord lengths (2 size, 2 size) in units, of tubes (n, 2), (n,); thinnest: least radius in pixels."""
    scale = 2 * size / UNITS
    x, y, r = np.concatenate([_resampled(*tube, scale) for tube in tubes]).astype(np.float32).T
    wide = np.maximum(r, max(0.75, 2 * thinnest))  # a tube thinner than the grid: as wide as it, but fainter
    margin = int(np.ceil(wide.max())) + 1
    side = 2 * size + 2 * margin
    canvas = np.zeros(side**2, np.float32)
    inside = (np.abs(x - size) < size) & (np.abs(y - size) < size)
    for reach in np.unique(np.ceil(wide[inside])).astype(int):
        chosen = inside & (np.ceil(wide) == reach)
        offsets = np.arange(-reach, reach + 1)
        column, row = np.rint(x[chosen]).astype(int), np.rint(y[chosen]).astype(int)
        across = (column - x[chosen])[:, None, None] + offsets
        down = (row - y[chosen])[:, None, None] + offsets[:, None]
        chord = 2 / scale * np.sqrt(np.maximum(wide[chosen, None, None] ** 2 - across**2 - down**2, 0))
        chord *= ((r / wide)[chosen] ** 2)[:, None, None]
        corner = ((row + margin) * side + column + margin)[:, None, None]
        index = corner + offsets[:, None] * side + offsets
        np.maximum.at(canvas, index.ravel(), chord.ravel().astype(np.float32))
    return canvas.reshape(side, side)[margin:-margin, margin:-margin]


def _halved(fine: np.ndarray) -> np.ndarray:
    """Means over 2 x 2 pixels."""
    return fine.reshape(fine.shape[0] // 2, 2, -1, 2).mean(axis=(1, 3), dtype=np.float32)


def _texture(rng, size: int, cells: tuple[int, ...], fall: float) -> np.ndarray:
    """Smooth noise (size, size): one octave per grid of `cells`, amplitudes falling as cells^-fall."""
    grids = [Image.fromarray(rng.normal(size=(n, n)).astype(np.float32) * float(n) ** -fall) for n in cells]
    return sum(np.asarray(grid.resize((size, size), Image.Resampling.BICUBIC)) for grid in grids)


def _body(rng, size: int) -> np.ndarray:
    """Absorption (size, size) by heart, lungs, diaphragm, spine and ribs."""
    y, x = np.mgrid[:size, :size].astype(np.float32) * (UNITS / size)
    border = rng.uniform(340, 560) - 0.0015 * (y - rng.uniform(150, 450)) ** 2
    lung = expit((x - border) / rng.uniform(12, 50))  # beside the heart
    body = 0.35 * _texture(rng, size, (3, 5, 9, 18), 0.8) - rng.uniform(0.1, 0.45) * lung
    body += (0.2 + lung) * rng.uniform(0.1, 0.45) * _texture(rng, size, (20, 34, 55), 0.5)
    dome = rng.uniform(330, 520) + (x - rng.uniform(100, 500)) ** 2 * rng.uniform(0.0003, 0.0015)
    body += rng.uniform(0.1, 0.35) * expit((y - dome) / rng.uniform(2, 9))
    spine = np.exp(-(((x - rng.uniform(-40, 180) - 0.1 * y) / rng.uniform(40, 60)) ** 4))
    body += rng.uniform(0, 0.2) * spine * (1 + 0.3 * np.sin(y / rng.uniform(11, 15)))
    ring = np.hypot(x - rng.uniform(-300, 812), y - rng.uniform(500, 900)) / rng.uniform(75, 110)
    return body + rng.uniform(0.02, 0.1) * np.clip(4 * np.cos(2 * np.pi * ring) - 2.4, 0, 1)


def _clutter(rng, size: int, count: int) -> np.ndarray:
    """Absorption (size, size) of faint blurred tubes, dark and bright, that are not vessels."""
    starts = rng.uniform(0, UNITS, (2 * count, 2))
    paths = [_path(rng, start, rng.uniform(0, 6.3), rng.uniform(60, 260), 0.5)[0] for start in starts]
    tubes = [(path, np.full(len(path), rng.uniform(1.2, 4.5))) for path in paths]
    difference = _halved(_thickness(tubes[:count], size) - _thickness(tubes[count:], size))
    return gaussian_filter(rng.uniform(0.006, 0.014) * difference, 1.5 * size / UNITS)


def _catheter(rng, ostium: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A tube from the upper edge to the root of the tree: evenly thick, and no vessel."""
    top = np.array([ostium[0] + rng.uniform(-170, 60), -10.0])
    knee = np.array([rng.uniform(*sorted((top[0], ostium[0]))), ostium[1] + rng.uniform(0, 40)])
    t = np.linspace(0, 1, 60)[:, None]
    return (1 - t) ** 2 * top + 2 * t * (1 - t) * knee + t**2 * ostium, np.full(60, rng.uniform(2.6, 3.8))


def _field(rng, size: int, power: float, reach: float) -> np.ndarray:
    """How open the shutter is, (size, size) from 0 to 1: the unit ball of the p-norm, `power` being p."""
    y, x = np.abs(np.mgrid[:size, :size] * (UNITS / size) - 256 - rng.uniform(-12, 12, (2, 1, 1)))
    return expit((reach * rng.uniform(0.92, 1.08) - (x**power + y**power) ** (1 / power)) / rng.uniform(3, 6))


def draw_frame(rng: np.random.Generator, style: Style, size: int) -> tuple[np.ndarray, np.ndarray]:
    """One angiogram: image (size, size) uint8, vessels dark, and mask (size, size) uint8 of 0 and 1."""
    ostium = np.array([rng.uniform(130, 270), rng.uniform(70, 170)])
    count = rng.integers(style.trees[0], style.trees[1] + 1)
    headings = rng.uniform(-0.6, 0.2) + np.arange(count) * rng.uniform(0.8, 1.3) + (count == 1) * 0.6
    trees = [grow_tree(rng, ostium, h, rng.uniform(*style.radius) * count**-0.2) for h in headings]
    tubes = [[(branch.points, branch.radii) for branch in tree] for tree in trees]
    labelled = [(p, r) for tree in tubes for p, r in tree if r.mean() >= 0.6]  # nobody labels the rest
    mask = _halved(_thickness(labelled, size, thinnest=0.75) > 0) >= 0.5
    vessels = rng.uniform(*style.contrast) * sum(_thickness(tree, size) for tree in tubes)
    catheter = rng.uniform(0.02, 0.045) * _thickness([_catheter(rng, ostium)], size)
    body = np.exp(-style.background * (_body(rng, size) + _clutter(rng, size, style.clutter)))
    signal = body / body.mean() * _halved(np.exp(-vessels - catheter))  # Beer-Lambert, exposure controlled
    signal = gaussian_filter(signal, style.blur * size / UNITS)
    quanta = style.noise * size / UNITS * rng.normal(size=(size, size))  # larger pixels count more photons
    field = _field(rng, size, *style.shutter)
    signal = np.maximum(signal + np.sqrt(signal) * quanta, 0) * (0.03 + 0.97 * field)
    image = np.rint(np.clip(255 * style.window[0] * signal ** style.window[1], 0, 255)).astype(np.uint8)
    mask = (mask & (field > 0.5)).astype(np.uint8)
    return (image[:, ::-1].copy(), mask[:, ::-1].copy()) if rng.random() < 0.4 else (image, mask)


def make_frame(seed: int, index: int, style: str, size: int = 256) -> tuple[np.ndarray, np.ndarray]:
    """Frame `index` of the series (seed, style), as `draw_frame` has it; UserError for another style."""
    if style not in STYLES:
        raise UserError(f"unknown style {style!r} of synthetic angiogram: {nearest(style, STYLES)}")
    return draw_frame(np.random.default_rng([seed, STYLES[style].number, index]), STYLES[style], size)
