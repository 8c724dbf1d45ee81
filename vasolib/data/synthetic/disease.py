"""Stenoses: short narrowings of the named coronary segments."""

__all__ = ["Stenosis", "narrow"]

from dataclasses import dataclass, replace

import numpy as np

from vasolib.data.synthetic.tree import Stretch, Tree

LEAST_RADIUS = 0.7  # mm: scored are vessels of 1.5 mm diameter or more (Sianos et al., EuroIntervention 2005)
LEAST_LENGTH = 4.0  # mm
# Where lesions lie, relative to their length of vessel: rather proximally and in the anterior descending
# (Wang et al., Circulation 2004).
LIKELY = {"5": 0.5, "6": 2.5, "7": 2.0, "1": 1.5, "2": 1.5, "11": 1.5}


@dataclass(frozen=True)
class Stenosis:
    """One narrowing.

    Args:
        segment: SYNTAX name.
        stretch: index of the stretch in its tree.
        first, last: the narrowed points of the stretch lie between these two, whose own radius is unchanged.
        severity: share of the diameter lost at the throat, 0 to 1.
        length: mm along the vessel from `first` to `last`.
    """

    segment: str
    stretch: int
    first: int
    last: int
    severity: float
    length: float


def narrow(rng: np.random.Generator, tree: Tree, count: int) -> tuple[Tree, tuple[Stenosis, ...]]:
    """Put `count` stenoses on different stretches of named segments; fewer where not so many are wide enough.

    Severities are 0.3 to 0.95 of the diameter and lengths about 4 to 20 mm, within one stretch.
    """
    places, likely = _places(tree)
    count = min(count, len(places))
    if count < 1:
        return tree, ()
    chosen = rng.choice(places, size=count, replace=False, p=likely / likely.sum())
    stretches, lesions = list(tree.stretches), []
    for index in sorted(int(place) for place in chosen):
        stretches[index], lesion = _narrowed(rng, stretches[index], index)
        lesions.append(lesion)
    return replace(tree, stretches=tuple(stretches)), tuple(lesions)


def _places(tree: Tree) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the stretches that can be diseased, and how likely each is."""
    places, likely = [], []
    for index, stretch in enumerate(tree.stretches):
        if not stretch.segment or stretch.radii[-1] < LEAST_RADIUS or len(stretch.radii) < 7:
            continue
        length = stretch.path[-1]
        if length > LEAST_LENGTH + 2:
            places.append(index)
            likely.append(length * LIKELY.get(stretch.segment, 1.0))
    return np.array(places, int), np.array(likely)


def _narrowed(rng: np.random.Generator, stretch: Stretch, index: int) -> tuple[Stretch, Stenosis]:
    path = stretch.path
    wanted = np.clip(LEAST_LENGTH + rng.gamma(2.5, 3.0), LEAST_LENGTH, path[-1] - 1)
    first = int(np.searchsorted(path, rng.uniform(0, path[-1] - wanted)))
    last = min(max(int(np.searchsorted(path, path[first] + wanted)), first + 4), len(path) - 1)
    first = min(first, last - 4)
    severity = float(rng.uniform(0.3, 0.95))
    radii = stretch.radii.copy()
    radii[first : last + 1] *= 1 - severity * _profile(rng, last - first + 1)
    lesion = Stenosis(stretch.segment, index, first, last, severity, float(path[last] - path[first]))
    return replace(stretch, radii=radii), lesion


def _profile(rng: np.random.Generator, count: int) -> np.ndarray:
    """(count,) share of the severity at each point: 0 at both ends, 1 at a throat off the middle."""
    throat = int(np.clip(round((count - 1) * rng.uniform(0.3, 0.7)), 1, count - 2))
    towards = np.interp(np.arange(count), [0, throat, count - 1], [0, 1, 0])
    return np.sin(np.pi / 2 * towards) ** rng.uniform(1.0, 3.0)
