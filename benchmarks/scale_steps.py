"""`python -m benchmarks.scale_steps STEP FOLDER SIDE`: one step of `benchmarks.scale`, in a process of its own.

Prints its seconds; imports and the start of worker processes come before.
"""

__all__ = ["STEPS", "draw_originals", "files_of", "half_written", "link_images", "main"]

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from vasolib.anatomy import extract_anatomy, extract_to
from vasolib.data.building import build_store
from vasolib.data.folder import find_sets, frames_of
from vasolib.data.store import ImageStore
from vasolib.data.synthetic.frame import make_frames
from vasolib.data.synthetic.styles import named_style

WARM = 64  # images that every step is done with before the clock starts
BATCH = 64
CROP = 224 / 512  # side of a crop over that of the stored image, as at scale `paper`
AREA = (0.2, 1.0)


def draw_originals(folder: Path, count: int, side: int) -> list[Path]:
    """The distinct synthetic images, as PNG files."""
    folder.mkdir(parents=True)
    paths = [folder / f"{number}.png" for number in range(count)]
    for path, frame in zip(paths, make_frames(0, range(count), named_style("a"), side, -1), strict=True):
        Image.fromarray(frame.image).save(path)
    return paths


def link_images(folder: Path, count: int, originals: list[Path]) -> None:
    """A data folder with one set of `count` images, which are links to the originals in turn."""
    images = folder / "data" / "set" / "images"
    images.mkdir(parents=True)
    for number in range(count):
        os.symlink(originals[number % len(originals)].resolve(), images / f"p{number:08}_0.png")


def store(folder: Path, side: int) -> Callable[[], object]:
    """All images decoded into a store."""
    frames = frames_of(find_sets(folder / "data")[0]["set"])
    build_store(folder / "warm", replace(frames, items=frames.items[:WARM]), side)
    return lambda: build_store(folder / "store", frames, side, resume=True)


def anatomy(folder: Path, side: int) -> Callable[[], object]:
    """The reference recipe at the images' own size."""
    images = ImageStore.open(folder / "store").images
    extract = partial(extract_anatomy, percentile=92, border=20 * side // 512, working_side=side)
    (folder / "warm.npy").unlink(missing_ok=True)
    extract_to(folder / "warm.npy", images, range(min(WARM, len(images))), extract)
    return lambda: extract_to(folder / "anatomy.npy", images, range(len(images)), extract)


def reading(folder: Path, side: int) -> Callable[[], object]:
    """One epoch of crops of images and anatomy, by one process."""
    from vasolib.data.crops import CropDataset, CropLoader  # with it comes torch, which the other steps do not need

    images = ImageStore.open(folder / "store").images
    dataset = CropDataset(images, np.load(folder / "anatomy.npy", mmap_mode="r"), round(CROP * side), AREA, seed=0)
    for _ in CropLoader(dataset, BATCH, BATCH).epoch(0):
        pass
    return lambda: sum(len(batch) for batch, _ in CropLoader(dataset, BATCH, len(images)).epoch(0))


STEPS = {"store": store, "anatomy": anatomy, "reading": reading}


def half_written(step: str, folder: Path) -> Path:
    """The file of images that grows while a step runs."""
    return {"store": folder / ".store.tmp" / "images.npy", "anatomy": folder / ".anatomy.npy.tmp"}[step]


def files_of(folder: Path) -> list[Path]:
    """What the steps have written in the end."""
    return [folder / "store" / "images.npy", folder / "store" / "table.csv", folder / "anatomy.npy"]


def main(step: str, folder: str, side: str) -> int:
    """Command line, see above."""
    action = STEPS[step](Path(folder), int(side))
    started = time.perf_counter()
    action()
    print(json.dumps({"seconds": time.perf_counter() - started}), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
