"""The C-arm: which way clinics look at the heart, and the pin-hole camera that does.

Space is in mm: x to the patient's left, y to the back, z to the head, the isocentre at the origin. Pictures are seen
from the detector, so the patient's left is on the right; x goes to the right and y down, in units of 1/512 of the side.
"""

__all__ = ["UNITS", "VIEWS", "Tube", "View", "aimed", "draw_view", "project", "tubes"]

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from vasolib.data.synthetic.tree import CODES, Tree
from vasolib.errors import UserError, nearest

UNITS = 512.0

# LAO (negative: RAO) and cranial (negative: caudal) angles in degrees: Di Mario and Sutaria, Heart 91:968 (2005).
VIEWS = {
    "LAO cranial": (40.0, 25.0),
    "RAO cranial": (-25.0, 25.0),
    "RAO caudal": (-20.0, -20.0),
    "LAO caudal": (45.0, -25.0),  # the "spider"
    "AP cranial": (0.0, 35.0),
    "AP caudal": (0.0, -30.0),
    "lateral": (90.0, 0.0),
    "LAO": (45.0, 0.0),
    "RAO": (-30.0, 0.0),
}
USED = {
    "left": ("LAO cranial", "RAO cranial", "RAO caudal", "LAO caudal", "AP cranial", "AP caudal", "lateral", "RAO"),
    "right": ("LAO cranial", "AP cranial", "lateral", "LAO", "RAO"),
}


@dataclass(frozen=True)
class View:
    """Where source and detector stand and which part of the detector is shown."""

    lao: float  # degrees; negative: RAO
    cranial: float  # degrees; negative: caudal
    source: float  # mm from the source to the isocentre
    detector: float  # mm from the source to the detector
    field: float  # mm of the detector along the picture's side
    shift: tuple[float, float] = (0.0, 0.0)  # mm on the detector, x and y: the picture's centre
    roll: float = 0.0  # degrees, clockwise in the picture

    @property
    def scale(self) -> float:
        """Units per mm at the isocentre."""
        return self.detector / self.source * UNITS / self.field


@dataclass(frozen=True)
class Tube:
    """A projected stretch of vessel: n points, all lengths in units."""

    xy: np.ndarray  # (n, 2)
    depth: np.ndarray  # (n,) towards the detector
    radii: np.ndarray  # (n,)
    concentration: np.ndarray  # (n,) of contrast agent, 0 to 1
    code: int = 26  # of the SYNTAX segment, 1 to 26


def draw_view(rng: np.random.Generator, side: str, habits: Mapping[str, float], field: tuple[float, float]) -> View:
    """One of the views that clinics use, with the scatter of daily practice around it, aimed at the isocentre.

    Args:
        side: coronary tree, "left" or "right".
        habits: name of a view -> relative weight; views of no use for the side count only where no other is left.
        field: range of the detector's shown side in mm.

    Raises:
        UserError: for an unknown side or view, or where all weights are zero.
    """
    names, weights = _weights(side, habits)
    name = names[rng.choice(len(names), p=weights)]
    lao, cranial = VIEWS[name] + rng.normal(0.0, (6.0, 4.0))
    source = rng.uniform(720.0, 800.0)
    detector = source + rng.uniform(240.0, 400.0)
    return View(lao, cranial, source, detector, rng.uniform(*field), roll=rng.normal(0.0, 1.5))


def _weights(side: str, habits: Mapping[str, float]) -> tuple[list[str], np.ndarray]:
    """Names and probabilities."""
    if side not in USED:
        raise UserError(f"unknown side {side!r} of the coronary tree: {nearest(side, USED)}")
    for name in habits:
        if name not in VIEWS:
            raise UserError(f"unknown view {name!r}: {nearest(name, VIEWS)}")
    names = [name for name in habits if name in USED[side]] or list(habits)
    weights = np.array([habits[name] for name in names])
    if not weights.sum() > 0:
        raise UserError(f"no view of the {side} coronary tree has a positive weight: give at least one of {names} one")
    return names, weights / weights.sum()


def _axes(view: View) -> np.ndarray:
    """(3, 3): rows are the picture's right, its down, and the direction of the detector."""
    lao, cranial, roll = np.deg2rad([view.lao, view.cranial, view.roll])
    detector = np.array([np.sin(lao) * np.cos(cranial), -np.cos(lao) * np.cos(cranial), np.sin(cranial)])
    right = np.array([np.cos(lao), np.sin(lao), 0.0])
    down = np.cross(right, detector)
    turned = np.cos(roll) * right - np.sin(roll) * down, np.sin(roll) * right + np.cos(roll) * down
    return np.stack([*turned, detector])


def _projected(points: np.ndarray, view: View) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """xy (n, 2) in units, scale (n,) in units per mm, distance towards the detector (n,) in mm."""
    right, down, forth = (np.asarray(points, float) @ _axes(view).T).T
    magnification = view.detector / (view.source + forth)
    across = np.stack([right, down], axis=1) * magnification[:, None]
    xy = UNITS / 2 + UNITS / view.field * (across - view.shift)
    return xy, magnification * UNITS / view.field, forth


def project(points: np.ndarray, view: View) -> tuple[np.ndarray, np.ndarray]:
    """Points (n, 3) in mm -> their picture (n, 2) in units and the scale there (n,) in units per mm."""
    return _projected(points, view)[:2]


def aimed(rng: np.random.Generator, view: View, points: np.ndarray) -> View:
    """The table panned until the points (n, 3) in mm, however far they reach, lie about the middle of the picture.

    Where the picture cannot hold them all, another part is left out each time.
    """
    across = (project(points, replace(view, shift=(0.0, 0.0)))[0] - UNITS / 2) * view.field / UNITS
    low, high = np.quantile(across, (0.02, 0.98), axis=0)
    slack = np.abs(view.field - (high - low)) / 2
    shift = (low + high) / 2 + rng.uniform(-0.6, 0.6, 2) * np.minimum(slack, 0.2 * view.field)
    return replace(view, shift=(float(shift[0]), float(shift[1])))


def tubes(tree: Tree, view: View, washed: Sequence[np.ndarray]) -> list[Tube]:
    """The stretches of a tree as the detector sees them, in their order.

    Args:
        washed: concentration (n,) of contrast agent along each stretch.
    """
    stretches = tree.stretches
    bounds = np.cumsum([len(stretch.points) for stretch in stretches])[:-1]
    xy, scale, forth = _projected(np.concatenate([stretch.points for stretch in stretches]), view)
    radii = scale * np.concatenate([stretch.radii for stretch in stretches])
    parts = (np.split(array, bounds) for array in (xy, forth * view.scale, radii))
    return [
        Tube(*part, np.asarray(agent, float), CODES[stretch.segment])
        for *part, agent, stretch in zip(*parts, washed, stretches, strict=True)
    ]
