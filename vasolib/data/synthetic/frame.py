"""Seeded synthetic coronary angiograms with everything that is known about them."""

__all__ = ["Frame", "make_frame", "make_frames", "take"]

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from vasolib.data.synthetic.contrast import filled_share
from vasolib.data.synthetic.disease import Stenosis
from vasolib.data.synthetic.exposure import Exposure
from vasolib.data.synthetic.labels import Labels
from vasolib.data.synthetic.projection import View
from vasolib.data.synthetic.scene import Scene, draw_scene
from vasolib.data.synthetic.steps import Moment, annotated, exposed, layers, snapshot
from vasolib.data.synthetic.styles import Style
from vasolib.parallel import spread
from vasolib.progress import reported


@dataclass(frozen=True)
class Frame:
    """One angiogram of S x S pixels."""

    image: np.ndarray  # (S, S) uint8, vessels dark
    labels: Labels
    style: str
    side: str
    dominance: str
    view: View
    stenoses: tuple[Stenosis, ...]
    cardiac: float
    respiratory: float
    contrast: float  # mean concentration of contrast agent along all vessels, 0 to 1
    exposure: Exposure
    key: tuple[int, int, int]  # seed, style number, index: `draw_scene` makes everything else again from it


def make_frame(seed: int, index: int, style: Style, size: int = 512) -> Frame:
    """Still frame `index` of the series (seed, style)."""
    scene = draw_scene(seed, index, style)
    return take(scene, snapshot(scene), size)


def take(scene: Scene, moment: Moment, size: int, still: np.ndarray | None = None) -> Frame:
    """The frame of a scene at a moment; `still` is its body (size, size) where it is known already."""
    parts = layers(scene, moment, size, still)
    image = exposed(scene, moment, parts)
    labels = annotated(scene, parts, image)
    tree = parts.tree
    about = (scene.style.name, tree.side, tree.dominance, scene.view, scene.stenoses)
    share = filled_share(tree.distances(), parts.washed)
    phases = (moment.cardiac, moment.respiratory)
    return Frame(image, labels, *about, *phases, share, scene.exposure, scene.key)


def make_frames(seed: int, indices: Iterable[int], style: Style, size: int = 512, workers: int = 1) -> Iterator[Frame]:
    """The frames of a series in the order of their indices, made by `workers` processes.

    The frames do not depend on the number of workers. Now and then a line says how far it is.
    """
    indices = list(indices)
    draw = partial(make_frame, seed, style=style, size=size)
    return reported(spread(draw, indices, workers), len(indices), "frames")
