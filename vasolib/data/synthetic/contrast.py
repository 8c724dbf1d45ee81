"""The contrast agent on its way: it comes in at the ostium, fills the tree within a second, and is washed out again."""

__all__ = ["Injection", "draw_injection", "filled_share", "snapshot_time"]

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

RESIDUE = 0.2  # share of the agent that lingers in the blood behind the bolus
FADE = 1.5  # s in which that falls to a third


@dataclass(frozen=True)
class Injection:
    """One bolus; times in s from the beginning of the recording."""

    start: float
    duration: float
    velocity: float  # mm/s of the front; a filled left tree takes about 1 s (TIMI frame count: Gibson 1996)
    mixing: float  # s: how blurred front and tail are at the ostium

    def concentration(self, distance: np.ndarray, time: float) -> np.ndarray:
        """Share of the full strength, 0 to 1, at `distance` mm along the vessels from the ostium."""
        delay = time - self.start - np.asarray(distance, float) / self.velocity
        width = self.mixing * (1 + np.asarray(distance, float) / 150)  # the bolus spreads as it runs
        front, tail = expit(delay / width), expit((delay - self.duration) / (2 * width))
        residue = RESIDUE * np.exp(-np.maximum(delay - self.duration, 0) / FADE)
        return front * (1 - (1 - residue) * tail)

    def filled(self, distance: float) -> float:
        """When the front has passed `distance` mm altogether."""
        width = self.mixing * (1 + distance / 150)
        return self.start + distance / self.velocity + 4 * width


def draw_injection(rng: np.random.Generator) -> Injection:
    """A hand injection of two to four seconds that starts soon after the recording."""
    return Injection(rng.uniform(0.5, 0.8), rng.uniform(2.0, 3.5), rng.uniform(110, 220), rng.uniform(0.03, 0.08))


def snapshot_time(rng: np.random.Generator, injection: Injection, farthest: float, incomplete: float) -> float:
    """When to take a still frame, in s.

    Args:
        farthest: mm from the ostium to the end of the longest vessel.
        incomplete: probability of a frame while the tree fills or is washed out; otherwise it is full.
    """
    full, end = injection.filled(farthest), injection.start + injection.duration
    early, late = rng.uniform(0.3, 0.9), rng.uniform(0.1, 0.5)
    plateau, chance, which = rng.random(3)
    if chance >= incomplete:
        return full + plateau * max(end - full, 0.0)
    if which < 0.7:
        return injection.start + early * farthest / injection.velocity
    return end + late * farthest / injection.velocity


def filled_share(lengths: Sequence[np.ndarray], washed: Sequence[np.ndarray]) -> float:
    """Mean concentration along all vessels, from the distances and concentrations at their points."""
    total = sum(float(np.trapezoid(agent, path)) for path, agent in zip(lengths, washed, strict=True))
    return total / sum(float(path[-1] - path[0]) for path in lengths)
