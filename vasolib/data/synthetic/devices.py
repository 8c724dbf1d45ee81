"""What else absorbs: catheter, wires, leads, clips, and contrast agent that flows back into the aorta."""

__all__ = ["catheter_path", "devices"]

from itertools import pairwise

import numpy as np
from scipy.special import expit

from vasolib.data.synthetic.body import clouds, resized
from vasolib.data.synthetic.projection import UNITS, Tube
from vasolib.data.synthetic.raster import cut, scatter, thickness
from vasolib.data.synthetic.styles import Style

FRENCH = 1 / 3  # mm of outer diameter
WALL = 0.28  # share of a catheter's outer radius: 6 French are 2 mm outside, about 1.4 mm inside


def _drawn(paths: list[np.ndarray], radii: list[np.ndarray], size: int) -> np.ndarray:
    """Path length (size, size) in units through tubes: paths (n, 2) and radii (n,) or scalars in units."""
    tubes = [
        Tube(p, np.zeros(len(p)), np.broadcast_to(r, len(p)), np.ones(len(p)))
        for p, r in zip(paths, radii, strict=True)
    ]
    pieces = cut(tubes, size)
    return thickness(pieces, scatter(pieces, 0.5))


def _curve(points: list, count: int = 80) -> np.ndarray:
    """Bézier curve (count, 2) through the first and the last of its control points."""
    curves, t = [np.asarray(point, float) for point in points], np.linspace(0, 1, count)[:, None]
    while len(curves) > 1:  # de Casteljau
        curves = [(1 - t) * one + t * other for one, other in pairwise(curves)]
    return curves[0]


def _wander(rng, start, heading: float, length: float, bend: float) -> np.ndarray:
    """A smooth path (n, 2) in units; bend: radians that the heading may turn on the way."""
    steps = max(int(length / 4), 2)
    turning = np.interp(np.linspace(0, 1, steps), np.linspace(0, 1, 6), rng.uniform(-bend, bend, 6))
    angles = heading + turning
    return np.vstack([start, start + 4 * np.cumsum(np.stack([np.cos(angles), np.sin(angles)], axis=1), axis=0)])


def catheter_path(rng: np.random.Generator, ostium: np.ndarray) -> np.ndarray:
    """A catheter's course (80, 2) in units: from above, or round the arch from the left, its tip at the ostium."""
    x, y = np.asarray(ostium, float)
    if rng.random() < 0.2:
        start = [-20.0, rng.uniform(-0.2, 1.0) * y]
        rise = [0.5 * x, start[1] + rng.uniform(-40, 60)]
        bend = [x - rng.uniform(20, 90), y + rng.uniform(0, 50)]
        return _curve([start, rise, bend, [x, y]])
    side = rng.choice([-1.0, 1.0], p=[0.75, 0.25])
    start = [x + side * rng.uniform(-20, 130), min(y - 60, 0) - 20.0]
    hang = [start[0] + rng.uniform(-40, 40), y * rng.uniform(0.4, 1.0)]
    hook = [x + side * rng.uniform(0, 90), y + rng.uniform(-20, 110)]  # the bend against the aortic wall
    return _curve([start, hang, hook, [x, y]])


def _catheter(rng, style: Style, path: np.ndarray, scale: float, size: int) -> np.ndarray:
    """Absorption (size, size): the filled lumen, and the wall, with barium or steel in it, that is always seen."""
    outer = rng.uniform(5, 8) * FRENCH / 2 * scale
    tube, lumen = (_drawn([path], [outer * share], size) for share in (1.0, 1 - WALL))
    filled = rng.uniform(*style.contrast) * rng.uniform(0.5, 1.8)
    return (filled * lumen + rng.uniform(0.05, 0.35) * (tube - lumen) + rng.uniform(0, 0.04) * tube) / scale


def _reflux(rng, style: Style, ostium, size: int) -> np.ndarray:
    """Absorption (size, size) of contrast agent that swirls in the aortic root."""
    at = ((np.arange(128) + 0.5) * (UNITS / 128)).astype(np.float32)
    centre = np.asarray(ostium) + rng.uniform((-45, -40), (15, 25))
    distance = np.hypot((at - centre[0]) / rng.uniform(12, 40), (at[:, None] - centre[1]) / rng.uniform(12, 40))
    cloud = expit(4 * (1 - distance) + 1.5 * clouds(rng, (12, 24), 0.5, 128)) * (distance < 3)
    return resized(rng.uniform(0.3, 2.0) * rng.uniform(*style.contrast) * cloud, size)


def _guide_wire(rng, ostium, scale: float, size: int) -> np.ndarray:
    """Absorption (size, size) of a steel wire of 0.014 inch beyond the ostium, its last 25 mm of platinum."""
    path = _wander(rng, np.asarray(ostium, float), rng.uniform(0, 1.6), rng.uniform(150, 330), 0.9)
    tip = path[-int(25 * scale / 4) :]
    return _drawn([path], [0.18 * scale], size) * 0.5 / scale + _drawn([tip], [0.2 * scale], size) * 1.5 / scale


def _leads(rng, scale: float, size: int) -> np.ndarray:
    """Absorption (size, size) of an ECG electrode's clip at the side of the picture, and its cable."""
    at = np.array([rng.choice([rng.uniform(5, 110), rng.uniform(400, 507)]), rng.uniform(120, 480)])
    turn = rng.uniform(0.2, 1.5) if at[0] > 256 else np.pi - rng.uniform(0.2, 1.5)
    along, around = np.array([np.cos(turn), np.sin(turn)]) * scale, np.linspace(0, 2 * np.pi, 24)
    ring = np.stack([np.cos(around) * rng.uniform(1, 2.5), np.sin(around) * rng.uniform(1.5, 2.5)], axis=1) * scale
    jaws = [at + np.outer([0, 3, 7], along) + rng.normal(0, 0.8 * scale, (3, 2)) for _ in range(rng.integers(1, 4))]
    cable = _wander(rng, jaws[0][-1], turn, 400, 0.5)
    metal = _drawn([ring + at - 2 * along, *jaws], [0.45 * scale] * (len(jaws) + 1), size)
    return (_drawn([cable], [0.5 * scale], size) * 0.12 + metal * rng.uniform(0.3, 0.7)) / scale


def _pacemaker(rng, scale: float, size: int) -> np.ndarray:
    """Absorption (size, size) of one or two pacing leads from above, their tips in the right heart."""
    total = np.zeros((size, size), np.float32)
    for _ in range(rng.integers(1, 3)):
        top, tip = [rng.uniform(20, 300), -20.0], [rng.uniform(120, 420), rng.uniform(230, 440)]
        atrium, floor = [rng.uniform(0, 250), rng.uniform(100, 350)], [rng.uniform(50, 300), tip[1] + 30]
        path = _curve([top, atrium, floor, tip])
        total += _drawn([path], [0.9 * scale], size) * rng.uniform(0.15, 0.4) / scale
        total += _drawn([path[-6:-3], path[-2:]], [1.1 * scale] * 2, size) * 0.6 / scale
    return total


def _sternal(rng, scale: float, size: int) -> np.ndarray:
    """Absorption (size, size) of the wires that close the breastbone, and of clips beside a bypass graft."""
    x, angle = rng.uniform(60, 450), np.linspace(0, 2 * np.pi, 30)
    paths = []
    for y in np.arange(rng.uniform(-40, 40), UNITS, rng.uniform(22, 30) * scale):
        width, height, turn = scale * rng.uniform((2.0, 0.5, -0.4), (5, 1.6, 0.4))
        ring = np.stack([np.cos(angle) * width, np.sin(angle) * height + np.cos(angle) * turn * width], axis=1)
        twist = ring[-1] + rng.normal(0, 1.5 * scale, (3, 2))
        paths.append(np.vstack([ring, twist]) + np.array([x + rng.normal(0, 8), y]))
    for at in _wander(rng, rng.uniform(100, 400, 2), rng.uniform(0, 3), 200, 0.5)[:: rng.integers(9, 16)]:
        paths.append(at + np.outer([-1, 1], rng.normal(0, 0.6 * scale, 2)))
    return _drawn(paths, [0.3 * scale] * len(paths), size) * rng.uniform(0.5, 1.3) / scale


def devices(rng: np.random.Generator, style: Style, ostium: np.ndarray, size: int, scale: float) -> np.ndarray:
    """Absorption (size, size) float32 of the catheter and other things, each with the style's probability.

    Args:
        ostium: (2,) in units, where the catheter ends.
        scale: units per mm.
    """
    total = np.zeros((size, size), np.float32)
    if rng.random() < style.catheter:
        total += _catheter(rng, style, catheter_path(rng, ostium), scale, size)
    if rng.random() < style.reflux:
        total += _reflux(rng, style, ostium, size)
    if rng.random() < style.wire:
        total += _guide_wire(rng, ostium, scale, size)
    for chance, draw in ((style.leads, _leads), (style.pacemaker, _pacemaker), (style.sternal, _sternal)):
        if rng.random() < chance:
            total += draw(rng, scale, size)
    return total.astype(np.float32, copy=False)
