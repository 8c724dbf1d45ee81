"""The beating heart and the breathing patient: where a tree lies at a phase of either."""

__all__ = ["moved", "squeeze"]

from dataclasses import replace

import numpy as np

from vasolib.data.synthetic.tree import Tree

SYSTOLE = 0.35  # of the cycle, at end systole
DESCENT = 13.0  # mm by which the AV plane moves towards the apex (Carlhäll et al., 2004: 10 to 16 mm)
INWARDS = 0.10  # share of the epicardial half-width lost
TWIST = (-4.0, 10.0)  # degrees about the long axis, at the base and at the apex (Buchalter et al., Circulation 1990)
BUCKLE = 0.9  # mm: amplitude of the waves which the shortened heart folds its arteries into
BREATH = (-13.0, -2.0)  # mm along z and y from end expiration to inspiration (Shechter et al., IEEE TMI 2006)


def moved(tree: Tree, cardiac: float, respiratory: float) -> Tree:
    """The tree at a phase of the heart beat and of breathing.

    Args:
        cardiac: 0 end diastole, 0.35 end systole, 1 end diastole again.
        respiratory: 0 end expiration, 0.5 inspiration, 1 end expiration again.

    Returns:
        A tree with the same radii. At phases 0 or 1 of both it is where it was grown. Where a point goes depends on
        its position alone, so that what is connected stays so.
    """
    points = np.concatenate([stretch.points for stretch in tree.stretches])
    points = points + _beat(tree, points, squeeze(cardiac)) + _breath(respiratory)
    ends = np.cumsum([len(stretch.points) for stretch in tree.stretches])[:-1]
    parts = np.split(points, ends)
    return replace(tree, stretches=tuple(replace(s, points=p) for s, p in zip(tree.stretches, parts, strict=True)))


def squeeze(cardiac: float) -> float:
    """Contraction between 0 and 1 at a phase of the beat.

    It rises over systole, falls fast in early filling and stays near 0 in late diastole.
    """
    phase = cardiac % 1.0
    if phase < SYSTOLE:
        return float(np.sin(np.pi / 2 * phase / SYSTOLE) ** 2)
    return float(np.cos(np.pi / 2 * min((phase - SYSTOLE) / 0.4, 1.0)) ** 2)


def _beat(tree: Tree, points: np.ndarray, amount: float) -> np.ndarray:
    """(n, 3) mm by which the points move at a contraction `amount` of 0 to 1."""
    heart = tree.heart
    sphere = heart.to_sphere(points)
    height = sphere[:, 2]
    angle = amount * np.radians(np.interp(height, [0, 1], TWIST))
    # The twist turns millimetres, not sphere coordinates, or the oval heart would shear.
    x, y = sphere[:, 0] * heart.width, sphere[:, 1] * heart.depth
    shrink = 1 - INWARDS * amount
    target = np.stack(
        [
            shrink * (np.cos(angle) * x - np.sin(angle) * y) / heart.width,
            shrink * (np.sin(angle) * x + np.cos(angle) * y) / heart.depth,
            height + amount * DESCENT / heart.length * np.clip(1 - height, 0, 1.3),
        ],
        axis=1,
    )
    return (target - sphere) @ heart.axes.T + amount * BUCKLE * _waves(points)


def _waves(points: np.ndarray) -> np.ndarray:
    """(n, 3) displacements of about unit size that vary along any direction over 15 to 25 mm."""
    x, y, z = points.T * 2 * np.pi
    return np.stack([np.sin(z / 19 + y / 31), np.sin(x / 17 + z / 29), np.sin(y / 21 + x / 27)], axis=1)


def _breath(respiratory: float) -> np.ndarray:
    """(3,) mm by which breathing shifts the heart."""
    return np.array([0.0, BREATH[1], BREATH[0]]) * (1 - np.cos(2 * np.pi * respiratory)) / 2
