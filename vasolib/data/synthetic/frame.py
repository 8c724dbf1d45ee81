"""Seeded synthetic coronary angiograms with everything that is known about them."""

__all__ = ["Frame", "make_frame", "make_frames", "take"]

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from joblib import Parallel, delayed

from vasolib.data.synthetic.contrast import filled_share
from vasolib.data.synthetic.disease import Stenosis
from vasolib.data.synthetic.exposure import Exposure
from vasolib.data.synthetic.labels import Labels
from vasolib.data.synthetic.projection import View
from vasolib.data.synthetic.scene import Scene, draw_scene
from vasolib.data.synthetic.steps import Moment, annotated, exposed, layers, snapshot
from vasolib.data.synthetic.styles import Style

EVERY = 10.0  # s between lines of progress
BLOCK = 96  # frames: at most so many are held at a time


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
    return _reported(_made(seed, indices, style, size, workers), len(indices))


def _made(seed: int, indices: Sequence[int], style: Style, size: int, workers: int) -> Iterator[Frame]:
    """The frames, block by block: a pool left to itself runs ahead of who takes its frames, and fills the memory."""
    with Parallel(n_jobs=workers, return_as="generator", batch_size=4) as pool:
        for start in range(0, len(indices), BLOCK):
            block = indices[start : start + BLOCK]
            yield from pool(delayed(make_frame)(seed, index, style, size) for index in block)


def _reported(frames: Iterable[Frame], total: int) -> Iterator[Frame]:
    """The same frames, with a line every now and then."""
    start = last = time.monotonic()
    for done, frame in enumerate(frames, start=1):
        yield frame
        now = time.monotonic()
        if now - last > EVERY or (done == total and now - start > EVERY):
            rate, last = done / (now - start), now
            print(f"frames {done}/{total} | {rate:.1f} a second, {(total - done) / rate:.0f} s left", flush=True)
