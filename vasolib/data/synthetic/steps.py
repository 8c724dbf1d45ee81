"""One frame step by step: what lies in the beam at a moment, what the detector makes of it, what a reader draws."""

__all__ = ["Layers", "Moment", "annotated", "exposed", "layers", "snapshot"]

from dataclasses import dataclass, replace

import numpy as np

from vasolib.data.synthetic.body import body
from vasolib.data.synthetic.collimator import collimator
from vasolib.data.synthetic.contrast import snapshot_time
from vasolib.data.synthetic.devices import devices
from vasolib.data.synthetic.exposure import expose
from vasolib.data.synthetic.labels import Labels, Rule, annotate
from vasolib.data.synthetic.motion import moved
from vasolib.data.synthetic.projection import UNITS, project, tubes
from vasolib.data.synthetic.raster import OUTLINE, Fragments, Pieces, cut, scatter, thickness
from vasolib.data.synthetic.scene import Scene, stream
from vasolib.data.synthetic.tree import Tree


@dataclass(frozen=True)
class Moment:
    """When a frame is taken."""

    number: int  # of the frame in its recording
    time: float  # s from the beginning of the recording
    cardiac: float  # phases, 0 to 1
    respiratory: float


@dataclass(frozen=True)
class Layers:
    """What weakens the beam at a moment; absorptions (S, S) are logarithms of the weakening, at least 0."""

    tree: Tree  # as the heart beat and the breath have moved it
    washed: tuple[np.ndarray, ...]  # concentration of contrast agent along each stretch, 0 to 1
    pieces: Pieces
    fragments: Fragments
    vessels: np.ndarray  # absorption
    body: np.ndarray  # absorption
    devices: np.ndarray  # absorption
    field: np.ndarray  # (S, S) share of the light that the collimator lets through


def snapshot(scene: Scene) -> Moment:
    """When the still frame of a scene is taken."""
    cardiac, respiratory = stream(scene.key, "phase").random(2)
    contrast = stream(scene.key, "contrast", frame=1)
    when = snapshot_time(contrast, scene.injection, scene.farthest, scene.style.filling)
    return Moment(0, when, cardiac, respiratory)


def layers(scene: Scene, moment: Moment, size: int, still: np.ndarray | None = None) -> Layers:
    """All that is in the beam, as maps of `size` pixels; `still` is the body (size, size) where it is known already."""
    style = scene.style
    tree = moved(scene.tree, moment.cardiac, moment.respiratory)
    washed = tuple(scene.injection.concentration(path, moment.time) for path in tree.distances())
    pieces = cut(tubes(tree, scene.view, washed), size)
    fragments = scatter(pieces, max(style.widen * size / UNITS, OUTLINE))
    vessels = _strength(scene) * thickness(pieces, fragments)
    if still is None:
        still = body(stream(scene.key, "body"), style, scene.view, size)
    ostium = project(tree.stretches[0].points[:1], scene.view)[0][0]
    metal = devices(stream(scene.key, "devices"), style, ostium, size, scene.view.scale)
    field = collimator(stream(scene.key, "collimator"), style, size)
    return Layers(tree, washed, pieces, fragments, vessels, still, metal, field)


def _strength(scene: Scene) -> float:
    """Absorption per unit of full-strength contrast agent."""
    return scene.strength / scene.view.scale


def exposed(scene: Scene, moment: Moment, parts: Layers, noise: bool = True) -> np.ndarray:
    """The image (S, S) uint8; without noise as light without end and no compression would show it."""
    setting = scene.exposure
    if not noise:
        setting = replace(setting, dose=np.inf, electronic=0.0, quality=None)
    rng = stream(scene.key, "noise", moment.number)
    return expose(rng, setting, parts.vessels, parts.body, parts.devices, parts.field)


def annotated(scene: Scene, parts: Layers, image: np.ndarray) -> Labels:
    """What a reader at the scene's centre outlines in the image (S, S)."""
    style, strength = scene.style, _strength(scene)
    spans = [(s.stretch, s.first, s.last) for s in scene.stenoses]
    parents = [stretch.parent for stretch in parts.tree.stretches]
    rule = Rule(style.least_width, style.least_contrast, style.widen)
    drawn = (parts.vessels, parts.field, parts.pieces, parts.fragments)
    return annotate(image, *drawn, strength, spans, parents, rule)
