"""Synthetic frames for the benchmarks, whole or with one ingredient of the generator switched off."""

__all__ = ["ABLATIONS", "changed", "draw_frames", "scratch_store", "source_files"]

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from vasolib.data.building import Frames, build_store
from vasolib.data.store import Frame, ImageStore
from vasolib.data.synthetic.frame import make_frame, make_frames
from vasolib.data.synthetic.styles import STYLES, Style, named_style
from vasolib.errors import UserError, nearest
from vasolib.files import digest
from vasolib.study import ROOT

# What a style is without one ingredient. Its number, and with it the random streams, stays.
ABLATIONS: dict[str, Callable[[Style], Style]] = {
    "styles": lambda style: replace(STYLES["a"], name=style.name, number=style.number),
    "views": lambda style: replace(style, views={"LAO cranial": 1.0}),
    "twigs": lambda style: replace(style, side_branches=False),
    "disease": lambda style: replace(style, disease=0.0),
    "filling": lambda style: replace(style, filling=0.0),
    "body": lambda style: replace(
        style, thickness=(0.0, 0.0), heart=(0.0, 0.0), mottle=(0.0, 0.0), spine=0.0, ribs=0.0, diaphragm=0.0
    ),
    "catheter": lambda style: replace(style, catheter=0.0, reflux=0.0),
    "devices": lambda style: replace(style, catheter=0.0, reflux=0.0, wire=0.0, leads=0.0, pacemaker=0.0, sternal=0.0),
    "collimation": lambda style: replace(style, circle=0.0, blades=0.0),
    "noise": lambda style: replace(style, dose=(1e6, 1e6), electronic=0.0),
    "blur": lambda style: replace(style, scatter=(0.0, 0.0), blur=(0.0, 0.0), motion=(0.0, 0.0)),
    "display": lambda style: replace(style, logarithmic=1.0, gamma=(1.0, 1.0), sharpen=(0.0, 0.0), jpeg=0.0),
    "annotation": lambda style: replace(style, least_width=0.01, least_contrast=0.01, widen=0.0),
}


def changed(style: Style, without: tuple[str, ...]) -> Style:
    """The style without the named ingredients. Raises UserError for a name that `ABLATIONS` lacks."""
    for name in without:
        if name not in ABLATIONS:
            raise UserError(f"--without {name!r} is no ingredient: {nearest(name, ABLATIONS)}")
        style = ABLATIONS[name](style)
    return style


def draw_frames(
    seed: int,
    count: int,
    styles: tuple[str, ...],
    size: int,
    *,
    without: tuple[str, ...] = (),
    first: int = 0,
    jobs: int = -1,
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """`count` frames, style after style in equal parts: style, image and mask (size, size) uint8.

    Where `count` does not divide, the first styles get one more. `first` is the index of each style's first frame.
    The frames are drawn on `jobs` processes and depend on the other arguments alone.
    Raises UserError for an unknown style or ingredient.
    """
    chosen = [changed(named_style(name), without) for name in styles]
    for rank, style in enumerate(chosen):
        part = range(first, first + len(range(rank, count, len(styles))))
        for frame in make_frames(seed, part, style, size, jobs):
            yield style.name, frame.image, frame.labels.mask


def scratch_store(
    folder: Path, seed: int, count: int, styles: tuple[str, ...], size: int, without: tuple[str, ...] = ()
) -> ImageStore:
    """The frames of `draw_frames` as a store below `folder`, kept for the next run of the same frames."""
    generator = sorted((ROOT / "vasolib" / "data" / "synthetic").glob("*.py"))
    chosen = [changed(named_style(name), without) for name in styles]
    place = folder / f"frames-{digest(*generator, seed, count, chosen, size)[:12]}"
    drawn = [(rank, index) for rank in range(len(styles)) for index, _ in enumerate(range(rank, count, len(styles)))]
    frames = Frames(list(enumerate(drawn)), partial(_stored, seed, chosen, size))
    return build_store(place, frames, size, resume=True)


def _stored(seed: int, styles: list[Style], size: int, item: tuple[int, tuple[int, int]]) -> Frame:
    """A frame of the scratch store: its number there, its style's place in the list, and its index in that style."""
    number, (rank, index) = item
    made, source = make_frame(seed, index, styles[rank], size), f"synth-{styles[rank].name}"
    sha256 = hashlib.sha256(made.image.tobytes()).hexdigest()
    return Frame(f"{source}/{number:05d}", source, "train", f"{number:05d}", sha256, made.image, made.labels.mask)


def source_files() -> list[Path]:
    """All code that a training here may reach: an unfinished one goes on only under the same code."""
    return sorted(path for package in ("vasolib", "benchmarks") for path in (ROOT / package).rglob("*.py"))
