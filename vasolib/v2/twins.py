"""Synthetic twins of the extended paper's data: a corpus without labels, and a set for each task.

A twin is drawn in the style that params_v2.yaml gives it. Each has a range of indices of its own, so no anatomy is in
two of them, in the corpus, or in the first part's data. The corpus is of recordings, some frames of each, as real ones
are. Sets of stenoses show what a reader of such a set is shown: frames with a lesion that counts.
"""

__all__ = [
    "TURNS", "corpus_cines", "corpus_frames", "diseased_frame", "numbered_segments", "scored_lesions", "twin_frames",
]  # fmt: skip

import hashlib
from functools import partial

import numpy as np

from vasolib.data.building import Frames
from vasolib.data.sources import BENCHMARK_OFFSET, synthetic_frame
from vasolib.data.store import Frame
from vasolib.data.synthetic import frame as synthetic
from vasolib.data.synthetic.frame import make_frame, take
from vasolib.data.synthetic.labels import boxes_of
from vasolib.data.synthetic.scene import draw_scene
from vasolib.data.synthetic.steps import Moment, snapshot
from vasolib.data.synthetic.styles import CORPUS_STYLE, Style, named_style
from vasolib.data.synthetic.tree import OTHER
from vasolib.v2.labels import LabelledFrame
from vasolib.v2.settings import Sizes

APART = 10 * BENCHMARK_OFFSET  # first indices of twins lie so far from each other; none of the first part's gets there
CORPUS_FIRST = 1000 * APART
INTERVAL = 1 / 15  # s between two frames of a recording
BEAT = 1.2  # heart beats a second
SCORED = 0.5  # share of the diameter lost from which a lesion counts, as in the SYNTAX score
TURNS = 9  # so many patients are looked at for a frame with such a lesion


def corpus_frames(recordings: int, frames: int, seed: int, side: int) -> Frames:
    """The pre-training corpus: recordings of so many frames (side, side) each, without labels."""
    return Frames(recorded(recordings, frames), partial(recorded_frame, named_style(CORPUS_STYLE), seed, side))


def corpus_cines(recordings: int, frames: int) -> dict[str, str]:
    """The recording of each image of that corpus, by their names; every patient has one."""
    return {frame_id(*item): str(item[0]) for item in recorded(recordings, frames)}


def recorded(recordings: int, frames: int) -> list[tuple[int, int]]:
    """The patient's index and the frame's number of each image of the corpus."""
    return [(CORPUS_FIRST + index, number) for index in range(recordings) for number in range(frames)]


def frame_id(index: int, number: int) -> str:
    """What a frame of the corpus is called."""
    return f"corpus/{index}-{number}"


def recorded_frame(style: Style, seed: int, side: int, item: tuple[int, int]) -> Frame:
    """A frame of a patient's recording by its number; the first is when the vessels are filled."""
    index, number = item
    scene = draw_scene(seed, index, style)
    first, later = snapshot(scene), number * INTERVAL
    moment = Moment(number, first.time + later, (first.cardiac + BEAT * later) % 1, first.respiratory)
    image = take(scene, moment, side).image
    return Frame(frame_id(*item), "corpus", "train", str(index), checksum(image), image, None)


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
    made = make_frame(seed, index, style, side) if task == "segments" else diseased_frame(seed, index, style, side)
    frame = Frame(f"{name}/{index}", name, split, str(index), checksum(made.image), made.image, None)
    if task == "segments":
        return LabelledFrame(frame, numbered_segments(made.labels.segments))
    lesions = scored_lesions(made)
    return LabelledFrame(frame, boxes=boxes_of(lesions)) if task == "boxes" else LabelledFrame(frame, lesions)


def diseased_frame(seed: int, index: int, style: Style, side: int) -> synthetic.Frame:
    """The frame of the first patient of an index, of some, in whom a lesion that counts is to be seen.

    Where none is, in a patient in a thousand or so, the last one's: sets of real frames have such too.
    """
    for turn in range(TURNS):
        made = make_frame(seed, index + turn * BENCHMARK_OFFSET, style, side)
        if scored_lesions(made).any():
            break
    return made


def scored_lesions(made: synthetic.Frame) -> np.ndarray:
    """The stenoses (S, S) uint8 that take half of the diameter or more, each by its number."""
    severity = np.array([0.0, *(lesion.severity for lesion in made.stenoses)])
    return made.labels.stenosis * (severity >= SCORED)[made.labels.stenosis]


def numbered_segments(segments: np.ndarray) -> np.ndarray:
    """SYNTAX codes (S, S) without the branches that SYNTAX does not number, which are background as in ARCADE."""
    return np.where(segments == OTHER, 0, segments)


def checksum(image: np.ndarray) -> str:
    """sha256 (hex) of an image's pixels."""
    return hashlib.sha256(image.tobytes()).hexdigest()
