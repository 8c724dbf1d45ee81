"""What limits the field: lead blades and the round shutter of an image intensifier."""

__all__ = ["collimator"]

import numpy as np
from scipy.special import expit

from vasolib.data.synthetic.projection import UNITS
from vasolib.data.synthetic.styles import Style


def _at(size: int) -> np.ndarray:
    """Positions (size,) of the pixels' centres, in units."""
    return ((np.arange(size) + 0.5) * (UNITS / size)).astype(np.float32)


def _blades(rng, style: Style, size: int) -> np.ndarray:
    """Openness (size, size), 0 to 1, between four blades, each drawn in or not."""
    at, edge = _at(size), rng.uniform(1.5, 8)
    margins = np.where(rng.random(4) < 0.75, rng.uniform(*style.margin, 4), -50)
    left, right, top, bottom = margins.tolist()
    across = expit((at - left) / edge) * expit((UNITS - right - at) / edge)
    down = expit((at - top) / edge) * expit((UNITS - bottom - at) / edge)
    return down[:, None] * across


def _circle(rng, style: Style, size: int) -> np.ndarray:
    """Openness (size, size), 0 to 1, of a round shutter: a large one is seen in part, so it may be off centre."""
    at, reach = _at(size), rng.uniform(*style.reach)
    play = max(reach - 230, 6)
    x, y = 256 + rng.uniform(-play, play, 2)
    distance = np.hypot(at - np.float32(x), at[:, None] - np.float32(y))
    return expit((reach - distance) / rng.uniform(0.4, 1.5))


def collimator(rng: np.random.Generator, style: Style, size: int) -> np.ndarray:
    """Share (size, size) float32 of the light that blades and shutter let through; all 1 where there are none."""
    leak = rng.uniform(*style.leak)
    field = np.ones((size, size), np.float32)
    if rng.random() < style.circle:
        field = field * _circle(rng, style, size)
    if rng.random() < style.blades:
        field = field * _blades(rng, style, size)
    return (leak + (1 - leak) * field).astype(np.float32)
