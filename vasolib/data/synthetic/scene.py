"""A patient on the table: everything that stays the same while a recording runs, drawn from one seed."""

__all__ = ["Scene", "draw_scene", "stream"]

from dataclasses import dataclass

import numpy as np

from vasolib.data.synthetic.contrast import Injection, draw_injection
from vasolib.data.synthetic.disease import Stenosis, narrow
from vasolib.data.synthetic.exposure import Exposure, draw_exposure
from vasolib.data.synthetic.projection import View, aimed, draw_view
from vasolib.data.synthetic.styles import Style
from vasolib.data.synthetic.tree import Tree, grow_tree, numbered

# One random stream each, so that a change to one part leaves the others as they were. Append only.
STREAMS = (
    "patient",
    "tree",
    "disease",
    "view",
    "phase",
    "contrast",
    "body",
    "devices",
    "collimator",
    "exposure",
    "noise",
)
LEFT = 0.65  # share of recordings that show the left tree
RIGHT_DOMINANT = 0.85  # of hearts; the rest is taken as left dominant
UNFILLED = 0.15  # mm: thinner vessels end below what any detector resolves and do not count for the aim


@dataclass(frozen=True)
class Scene:
    """What a recording shows."""

    key: tuple[int, int, int]  # seed, style number, index
    style: Style
    tree: Tree  # at end diastole
    stenoses: tuple[Stenosis, ...]
    view: View
    injection: Injection
    strength: float  # absorption per mm of full-strength contrast agent
    exposure: Exposure

    @property
    def farthest(self) -> float:
        """Path length in mm from the ostium to the most distant twig."""
        return max(float(path[-1]) for path in self.tree.distances())


def stream(key: tuple[int, int, int], name: str, frame: int = 0) -> np.random.Generator:
    """The random stream of one part of a scene, for things that change by frame one per frame."""
    return np.random.default_rng(np.random.SeedSequence(key, spawn_key=(STREAMS.index(name), frame)))


def draw_scene(seed: int, index: int, style: Style) -> Scene:
    """Scene `index` of the series (seed, style)."""
    key = (seed, style.number, index)
    patient = stream(key, "patient")
    side = "left" if patient.random() < LEFT else "right"
    dominance = "right" if patient.random() < RIGHT_DOMINANT else "left"
    healthy = grow_tree(stream(key, "tree"), side, dominance)
    if not style.side_branches:
        healthy = numbered(healthy)
    disease = stream(key, "disease")
    tree, stenoses = narrow(disease, healthy, int(disease.poisson(style.disease)))
    view = _placed(stream(key, "view"), side, style, tree)
    contrast = stream(key, "contrast")
    strength = contrast.uniform(*style.contrast)
    exposure = draw_exposure(stream(key, "exposure"), style)
    return Scene(key, style, tree, stenoses, view, draw_injection(contrast), strength, exposure)


def _placed(rng: np.random.Generator, side: str, style: Style, tree: Tree) -> View:
    """A view that shows the tree."""
    view = draw_view(rng, side, style.views, style.field)
    seen = [stretch.points for stretch in tree.stretches if stretch.radii[0] > UNFILLED]
    return aimed(rng, view, np.concatenate(seen))
