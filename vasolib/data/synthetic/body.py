"""The shadow of the chest: everything in the beam that is neither a vessel nor a device.

Nothing in it is finer than about two units, so it is computed on a grid of 256 x 256 and enlarged or reduced:
pictures of any size show the same body.
"""

__all__ = ["GRID", "body", "clouds", "resized"]

import numpy as np
from PIL import Image
from scipy.ndimage import map_coordinates
from scipy.special import expit

from vasolib.data.synthetic.projection import UNITS, View, project
from vasolib.data.synthetic.styles import Style

GRID = 256
VERTEBRA = (27.0, 16.0)  # mm: height of a thoracic vertebra with its disc, half its width (Panjabi et al. 1991)
SPINE = (-25.0, 75.0, 0.0)  # mm: the spine seen from the heart's centre
RIB = (27.0, 6.0)  # mm, about: from rib to rib, half the width of one


def resized(field: np.ndarray, size: int) -> np.ndarray:
    """A square field on another grid: (n, n) -> (size, size) float32."""
    if field.shape[0] == size:
        return field.astype(np.float32, copy=False)
    return np.asarray(Image.fromarray(field.astype(np.float32)).resize((size, size), Image.Resampling.BICUBIC))


def clouds(rng: np.random.Generator, cells: tuple[int, ...], fall: float, size: int = GRID) -> np.ndarray:
    """Smooth noise (size, size): one octave per grid of `cells`, amplitudes falling as cells^-fall, variance 1."""
    weights = np.asarray(cells, float) ** -fall
    weights /= np.hypot.reduce(weights)
    return sum(resized(rng.normal(0, w, (n, n)), size) for n, w in zip(cells, weights, strict=True))


def _grid() -> tuple[np.ndarray, np.ndarray]:
    """x (1, n) and y (n, 1) of the pixels' centres, in units."""
    at = (np.arange(GRID, dtype=np.float32) + 0.5) * np.float32(UNITS / GRID)
    return at[None], at[:, None]


def _peak(distance: np.ndarray, width: float) -> np.ndarray:
    """A bump of height 1 at distance 0."""
    return np.exp(-((distance / width) ** 2))


def _ellipse(x, y, centre, axes, tilt: float) -> np.ndarray:
    """0 at the centre, 1 on the outline of an ellipse (radians), linear along rays."""
    u, v = x - centre[0], y - centre[1]
    cos, sin = np.cos(tilt).item(), np.sin(tilt).item()
    return np.hypot((cos * u + sin * v) / axes[0], (cos * v - sin * u) / axes[1])


def _middle(view: View) -> tuple[float, float]:
    """Where the heart's centre and the spine are across the picture, in units."""
    (heart, spine), _ = project(np.array([(0.0, 0.0, 0.0), SPINE]), view)
    return heart[0].item(), spine[0].item()


def _heart(rng, view: View) -> tuple[np.ndarray, np.ndarray]:
    """Where heart and mediastinum are, 0 to 1 (n, n), and the heart's thickness over its greatest (n, n)."""
    (x, y), (middle, spine) = _grid(), _middle(view)
    axes = rng.uniform(50, 78) * view.scale, rng.uniform(65, 105) * view.scale
    tilt = -np.radians(rng.uniform(25, 60) * np.cos(np.radians(view.lao))).item()  # its apex: to the left and down
    centre = (project(np.zeros((1, 3)), view)[0][0] + rng.uniform(-40, 40, 2)).tolist()
    radius = _ellipse(x, y, centre, axes, tilt) + 0.035 * clouds(rng, (3, 6), 1.0)
    inside = expit((1 - radius) * (axes[0] / rng.uniform(1.5, 10)))
    outwards = 1 if spine > middle else -1  # beyond the great vessels no border of the heart is seen
    beyond = expit(outwards * (x - middle - outwards * rng.uniform(-60, 150)) / rng.uniform(20, 60))
    return np.maximum(inside, beyond), np.sqrt(np.clip(1 - radius**2, 0, None))


def _diaphragm(rng, view: View) -> tuple[np.ndarray, np.ndarray]:
    """Where the abdomen is, 0 to 1, and its absorption, both (n, n): a dome and what lies below it."""
    x, y = _grid()
    top = 256 + rng.uniform(20, 260) - 1.5 * view.cranial  # cranial tilt projects it upwards
    flank = (x - rng.uniform(-50, 560)) ** 2 * rng.uniform(0.0004, 0.0022)
    depth = y - top - flank - 5 * clouds(rng, (4,), 0)
    inside = expit(depth / rng.uniform(1.2, 5))
    absorption = inside * (rng.uniform(0.08, 0.3) + rng.uniform(0.0, 0.35) * (1 - np.exp(-np.maximum(depth, 0) / 90)))
    if rng.random() < 0.2:  # gas in the stomach or the bowel
        centre, axes = (rng.uniform(60, 450), top + rng.uniform(60, 200)), rng.uniform(25, 90, 2).tolist()
        bubble = _ellipse(x, y, centre, axes, rng.uniform(0, 3)) + 0.08 * clouds(rng, (5,), 0)
        absorption -= rng.uniform(0.1, 0.3) * inside * expit((1 - bubble) * rng.uniform(6, 20))
    return inside, absorption


def _spine(rng, view: View) -> np.ndarray:
    """Absorption (n, n) over its strength: vertebrae, discs between end plates, pedicles, mediastinum."""
    (x, y), scale = _grid(), view.scale
    middle = _middle(view)[1] + rng.normal(0, 10) * scale
    across = x - middle - rng.uniform(-0.12, 0.12) * (y - 256) - rng.uniform(-2, 2) * 1e-4 * (y - 256) ** 2
    half, period = VERTEBRA[1] * scale, VERTEBRA[0] * scale * rng.uniform(0.9, 1.1)
    side = np.abs(across)
    band = expit((half * (1 + 0.1 * np.cos(2 * np.pi * y / period)) - side) / rng.uniform(2, 6))
    level = y + rng.uniform(-6, 6) * (side / half) ** 2 + rng.uniform(0, 100) + 3 * clouds(rng, (9,), 0)
    along = level % period - period / 2  # 0 in the middle of a disc
    plates = _peak(np.abs(along) - 0.07 * period, rng.uniform(1.5, 3)) * rng.uniform(0.1, 0.5)
    disc = _peak(along, 0.05 * period) * rng.uniform(0, 0.3)
    pedicle = np.hypot((side - 0.55 * half) / 0.16, (np.abs(along) - 0.32 * period) / 0.24) / (VERTEBRA[1] * scale)
    bone = 1 + plates - disc + rng.uniform(0.05, 0.3) * _peak(pedicle - 1, 0.35) + 0.12 * clouds(rng, (24, 48), 0.5)
    return band * bone + rng.uniform(0, 1) * expit((half * rng.uniform(1.1, 2) - side) / rng.uniform(8, 25))


def _ribs(rng, scale: float) -> np.ndarray:
    """Absorption (n, n) over its strength: curved parallel bands with denser edges."""
    x, y = _grid()
    centre = rng.choice([rng.uniform(-700, -100), rng.uniform(612, 1200)]), rng.uniform(400, 1300)
    period = RIB[0] * scale * rng.uniform(0.7, 1.2)
    ring = _ellipse(x, y, centre, (1, rng.uniform(0.6, 1.2)), rng.uniform(-0.5, 0.5)) + 5 * clouds(rng, (4,), 0)
    side = np.abs(ring % period - period / 2)
    half = RIB[1] * scale * rng.uniform(0.6, 1.3)
    profile = expit((half - side) / rng.uniform(1.5, 4)) * (0.6 + rng.uniform(0, 1) * _peak(side - half, 4))
    return profile * np.clip(0.6 + 0.6 * clouds(rng, (3,), 0), 0, 1.3)


def _mottle(rng) -> np.ndarray:
    """Cloudy texture (n, n) of standard deviation about 1, here and there drawn out to strands: lung, muscle, fat."""
    coarse, fine = rng.uniform(0.3, 1.0), rng.uniform(0.2, 0.5)
    texture = clouds(rng, (10, 18, 32, 58), coarse) + fine * clouds(rng, (64, 110), 1.0)
    creases = _peak(clouds(rng, (8, 15, 28), 0.6), rng.uniform(0.35, 0.9))  # bronchi and vessels of the lung
    texture += rng.uniform(0, 1.4) * creases * np.clip(clouds(rng, (5, 11), 0.3), 0, None)  # pieces of them: no web
    bent = np.mgrid[:GRID, :GRID] + rng.uniform(1, 5) * np.stack([clouds(rng, (6, 13), 0.6) for _ in range(2)])
    return map_coordinates(texture, bent, order=1, mode="mirror")


def _nodules(rng) -> np.ndarray:
    """Absorption (n, n) of a few round shadows: calcified nodes, vessels end on."""
    x, y = _grid()
    total = np.zeros((GRID, GRID), np.float32)
    for _ in range(rng.poisson(0.7)):
        radius = _ellipse(x, y, rng.uniform(0, UNITS, 2).tolist(), rng.uniform(4, 16, 2).tolist(), 0)
        total += rng.uniform(0.03, 0.15) * expit((1 - radius) * rng.uniform(3, 10))
    return total


def body(rng: np.random.Generator, style: Style, view: View, size: int) -> np.ndarray:
    """Absorption (size, size) float32, at least 0, of chest wall, heart, lungs, diaphragm, spine and ribs.

    Args:
        view: turns the spine out of the middle (to the right of the picture in LAO views) and lifts the diaphragm.
    """
    heart, depth = _heart(rng, view)
    total = rng.uniform(*style.thickness) * clouds(rng, (2, 3), 0.5)
    total += rng.uniform(*style.heart) * (0.5 * heart + 0.5 * depth)
    lung = 1 - heart
    if rng.random() < style.diaphragm:
        for _ in range(rng.integers(1, 3)):
            abdomen, absorption = _diaphragm(rng, view)
            total += absorption
            lung *= 1 - abdomen
    if rng.random() < style.spine:
        total += rng.uniform(0.06, 0.4) * _spine(rng, view)
    for _ in range(rng.integers(1, 3) if rng.random() < style.ribs else 0):
        total += rng.uniform(0.04, 0.2) * _ribs(rng, view.scale)
    total += (rng.uniform(0.3, 0.9) + lung) * rng.uniform(*style.mottle) * _mottle(rng) + _nodules(rng)
    return resized(total - total.min(), size)
