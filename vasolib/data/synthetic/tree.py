"""Coronary arterial trees in three dimensions: stretches of vessel with SYNTAX names and radii."""

__all__ = ["CODES", "OTHER", "SYNTAX", "Stretch", "Tree", "grow_tree", "numbered"]

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import exp
from typing import NamedTuple

import numpy as np

from vasolib.data.synthetic.arteries import lay_left, lay_right
from vasolib.data.synthetic.courses import STEP, Course, Layout
from vasolib.data.synthetic.heart import Heart, draw_heart
from vasolib.data.synthetic.twigs import grow_twigs
from vasolib.errors import UserError, nearest

# The 25 segments of the SYNTAX score (Sianos et al., EuroIntervention 2005) in the order of ARCADE's categories.
# fmt: off
SYNTAX = (
    "1", "2", "3", "4", "5", "6", "7", "8", "9", "9a", "10", "10a", "11", "12", "12a", "13", "14", "14a", "15", "16",
    "16a", "16b", "16c", "12b", "14b",
)
# fmt: on
OTHER = 26  # branches that SYNTAX does not number: conus, sinus node, right ventricular, septal, atrial, twigs
CODES = {name: code for code, name in enumerate(SYNTAX, start=1)} | {"": OTHER}


@dataclass(frozen=True)
class Stretch:
    """A piece of vessel without a bifurcation inside.

    Args:
        segment: SYNTAX name, or "" for a branch that SYNTAX does not number.
        points: (n, 3) mm, n >= 2, about 1 mm apart or less; the first is the parent's last.
        radii: (n,) mm.
        parent: index of the parent in the tree, -1 for the root.
    """

    segment: str
    points: np.ndarray
    radii: np.ndarray
    parent: int

    @property
    def path(self) -> np.ndarray:
        """(n,) mm along the stretch."""
        return np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(self.points, axis=0), axis=1))])


@dataclass(frozen=True)
class Tree:
    """One coronary artery with all its branches.

    Args:
        side: "left" or "right".
        dominance: "left" or "right": the artery that feeds the posterior descending artery.
        stretches: parents before children, the root first.
        heart: what the vessels lie on.
    """

    side: str
    dominance: str
    stretches: tuple[Stretch, ...]
    heart: Heart = field(default_factory=Heart)

    def distances(self) -> list[np.ndarray]:
        """Path length in mm from the ostium to each point, one (n,) array per stretch."""
        lengths: list[np.ndarray] = []
        for stretch in self.stretches:
            start = lengths[stretch.parent][-1] if stretch.parent >= 0 else 0.0
            lengths.append(start + stretch.path)
        return lengths


# Radius in mm at the ostium (Dodge et al., Circulation 1992): mean, standard deviation, least, most.
OSTIUM = {
    ("left", "right"): (2.25, 0.17, 1.9, 2.7),
    ("left", "left"): (2.35, 0.17, 2.0, 2.8),
    ("right", "right"): (1.95, 0.2, 1.5, 2.4),
    ("right", "left"): (1.4, 0.17, 1.0, 1.8),
}
# Share of the radius lost per mm between bifurcations: the right artery keeps its calibre to the crux (Dodge et al.).
TAPER, TRUNK_TAPER = 0.0045, {"1": 0.001, "2": 0.001, "3": 0.001, "5": 0.0, "11": 0.002, "16": 0.002}
THINNEST = 0.12  # mm: radius below which a branch would not show and is not grown


def grow_tree(rng: np.random.Generator, side: str, dominance: str) -> Tree:
    """A new patient's coronary artery of one side.

    Args:
        side: "left" or "right".
        dominance: "left" or "right".

    Raises:
        UserError: an unknown side or dominance.
    """
    for value in (side, dominance):
        if value not in ("left", "right"):
            raise UserError(f"unknown side {value!r}: {nearest(value, ('left', 'right'))}")
    layout = Layout(rng, draw_heart(rng), tortuosity=float(np.clip(rng.lognormal(np.log(0.39), 0.3), 0.18, 0.7)))
    (lay_left if side == "left" else lay_right)(layout, dominance)
    grow_twigs(layout)
    pieces = _cut(layout.courses)
    mean, spread, least, most = OSTIUM[side, dominance]
    radii = _calibres(rng, pieces, float(np.clip(rng.normal(mean, spread), least, most)))
    return Tree(side, dominance, tuple(_assembled(pieces, radii)), layout.heart)


class Piece(NamedTuple):
    """A stretch before its calibre is known; `share` is its flow relative to its siblings'."""

    segment: str
    points: np.ndarray
    parent: int
    share: float


def _cut(courses: list[Course]) -> list[Piece]:
    """Cut the courses where others leave and where the name changes."""
    cuts = [{0, len(course.points) - 1, *(first for first, _ in course.names)} for course in courses]
    for course in courses[1:]:
        cuts[course.parent].add(course.origin)
    pieces, ends = [], {(-1, 0): -1}
    for number, course in enumerate(courses):
        parent = ends[course.parent, course.origin]
        for first, last in pairwise(sorted(cuts[number])):
            share = 1.0 if first else course.ratio**3
            pieces.append(Piece(course.segment(first), course.points[first : last + 1], parent, share))
            parent = ends[number, last] = len(pieces) - 1
    return pieces


def _calibres(rng: np.random.Generator, pieces: list[Piece], ostium: float) -> list[np.ndarray | None]:
    """Radii in mm: a slow taper along each stretch and at each bifurcation the cubes conserved (Murray, 1926).

    None for what would be thinner than THINNEST: its siblings share its flow.
    """
    children = [[] for _ in pieces]
    for index, piece in enumerate(pieces[1:], start=1):
        children[piece.parent].append(index)
    pace, tips = rng.uniform(0.7, 1.3) * STEP, rng.uniform(0.15, 0.3, len(pieces))
    starts, radii = {0: ostium}, [None] * len(pieces)
    for index, piece in enumerate(pieces):
        if index in starts:
            start, gaps = starts[index], len(piece.points) - 1
            end = start * exp(-pace * gaps * TRUNK_TAPER.get(piece.segment, TAPER))
            below = _split(end, {child: pieces[child].share for child in children[index]})
            end = end if below else min(start, tips[index])
            starts |= below
            radii[index] = start + (end - start) * (np.arange(gaps + 1) / gaps)
    return radii


def _split(radius: float, shares: dict[int, float]) -> dict[int, float]:
    """The radii in which a vessel goes on, by index; branches thinner than THINNEST are left out."""
    whole = sum(shares.values())
    wide = {index: share for index, share in shares.items() if radius * (share / whole) ** (1 / 3) >= THINNEST}
    whole = sum(wide.values())
    return {index: radius * (share / whole) ** (1 / 3) for index, share in wide.items()}


def _assembled(pieces: list[Piece], radii: list[np.ndarray | None]) -> Iterator[Stretch]:
    """The stretches of the pieces that have a calibre, renumbered."""
    numbers = {-1: -1}
    for index, (piece, values) in enumerate(zip(pieces, radii, strict=True)):
        if values is not None:
            numbers[index] = len(numbers) - 1
            yield Stretch(piece.segment, piece.points, values, numbers[piece.parent])


def numbered(tree: Tree) -> Tree:
    """The tree without the branches that SYNTAX does not number."""
    numbers, kept = {-1: -1}, []
    for index, stretch in enumerate(tree.stretches):
        if stretch.segment and stretch.parent in numbers:
            numbers[index] = len(kept)
            kept.append(replace(stretch, parent=numbers[stretch.parent]))
    return replace(tree, stretches=tuple(kept))
