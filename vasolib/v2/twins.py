"""Synthetic twins of the extended paper's data: a corpus without labels, and a set for each task.

A twin is drawn in the style that params_v2.yaml gives it. Each has a range of indices of its own, so no anatomy is in
two of them, in the corpus, or in the first part's data.
"""

__all__ = ["corpus_frames", "twin_frames"]

import hashlib
from functools import partial

import numpy as np

from vasolib.data.building import Frames
from vasolib.data.sources import BENCHMARK_OFFSET, synthetic_frame
from vasolib.data.store import Frame
from vasolib.data.synthetic.frame import make_frame
from vasolib.data.synthetic.styles import CORPUS_STYLE, Style, named_style
from vasolib.data.synthetic.tree import OTHER
from vasolib.v2.labels import LabelledFrame
from vasolib.v2.settings import Sizes

APART = 10 * BENCHMARK_OFFSET  # first indices of twins lie so far from each other; none of the first part's gets there
CORPUS_FIRST = 1000 * APART


def corpus_frames(count: int, seed: int, side: int) -> Frames:
    """The pre-training corpus: frames (side, side) without labels."""
    items = [(CORPUS_FIRST + index, "train") for index in range(count)]
    return Frames(items, partial(synthetic_frame, "corpus", named_style(CORPUS_STYLE), seed, side, False))


def twin_frames(name: str, task: str, style: str, number: int, sizes: Sizes, seed: int, side: int) -> Frames:
    """A labelled set, its train part first: `Frame`s with masks for vessels, `LabelledFrame`s for other tasks.

    Args:
        number: of the twin, from 0, no other's; its range of indices.
        side: of images in pixels.

    Raises:
        UserError: unknown style.
    """
    items = list(enumerate(["train"] * sizes.train + ["test"] * sizes.test, start=APART * (1 + number)))
    if task == "vessels":
        return Frames(items, partial(synthetic_frame, name, named_style(style), seed, side, True))
    return Frames(items, partial(labelled_frame, name, task, named_style(style), seed, side))


def labelled_frame(name: str, task: str, style: Style, seed: int, side: int, item: tuple[int, str]) -> LabelledFrame:
    """The frame of an index for a part of a set, with the labels of a task."""
    index, split = item
    made = make_frame(seed, index, style, side)
    sha256 = hashlib.sha256(made.image.tobytes()).hexdigest()
    frame, labels = Frame(f"{name}/{index}", name, split, str(index), sha256, made.image, None), made.labels
    if task == "boxes":
        return LabelledFrame(frame, boxes=labels.boxes)
    return LabelledFrame(frame, numbered_segments(labels.segments) if task == "segments" else labels.stenosis)


def numbered_segments(segments: np.ndarray) -> np.ndarray:
    """SYNTAX codes (S, S) without the branches that SYNTAX does not number, which are background as in ARCADE."""
    return np.where(segments == OTHER, 0, segments)
