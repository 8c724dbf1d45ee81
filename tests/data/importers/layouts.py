"""Miniatures of published folders, and what reads an imported set back."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from vasolib.data.importers import import_set

SHAPE = (20, 24)  # height, width: unlike, so that a swap shows


@dataclass(frozen=True)
class Known:
    """What a catalogue says of a set."""

    name: str = "mini"
    title: str = "A miniature"
    licence: str = "none stated"
    citation: str = "Nobody, 2026"
    home: str = "https://example.org"
    expected: dict[str, int] = field(default_factory=dict)
    patients: int = 0
    unconfirmed: tuple[str, ...] = ()


def frame(seed: int = 0, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    """Grey values of which no two seeds have the same."""
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def vessel(top: int = 4) -> np.ndarray:
    """A mask of 0 and 255."""
    mask = np.zeros(SHAPE, np.uint8)
    mask[top : top + 3, 2:20] = 255
    return mask


def save(path: Path, values: np.ndarray) -> Path:
    """An image's file, its format by its suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)
    return path


def spironet(folder: Path, suffix: str, **parts: list[str]) -> Path:
    """Labelled sets as SPIRONet's repository has them: the stems of each part."""
    for split, stems in parts.items():
        for stem in stems:
            save(folder / split / "img" / f"{stem}{suffix}", frame(sum(stem.encode())))
            save(folder / split / "label" / f"{stem}{suffix}", vessel())
    return folder


def write(path: Path, text: str) -> Path:
    """A text file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def imported(name: str, folder: Path, to: Path, only: str = "") -> dict:
    """The summaries of an import by set."""
    return {one.set: one for one in import_set(name, folder, to, Known(), only)}


def table(folder: Path, name: str = "table") -> pd.DataFrame:
    """A table of an imported set, all of it text."""
    return pd.read_csv(folder / f"{name}.csv", dtype=str, keep_default_na=False)


def pixels(folder: Path, kind: str, name: str) -> np.ndarray:
    """An image or label of an imported set."""
    (path,) = (folder / kind).glob(f"{name}.*")
    return np.asarray(Image.open(path))


def square(x: float, y: float, side: float) -> list[float]:
    """The outline of a square as COCO has it."""
    return [x, y, x + side, y, x + side, y + side, x, y + side]


def coco(folder: Path, images: dict[int, str], annotations: list[dict], categories: dict[int, str]) -> None:
    """An annotation file of ARCADE, its part the folder's name."""
    content = {
        "images": [{"id": number, "file_name": name, "width": 24, "height": 20} for number, name in images.items()],
        "categories": [{"id": number, "name": name} for number, name in categories.items()],
        "annotations": annotations,
    }
    write(folder / "annotations" / f"{folder.name}.json", json.dumps(content))


def box_file(path: Path, *boxes: tuple[int, int, int, int]) -> Path:
    """A Pascal VOC file as LabelImg writes it: the name of a .bmp, whatever the image is."""
    objects = "".join(
        f"<object><name>Stenosis</name><bndbox><xmin>{x0}</xmin><ymin>{y0}</ymin><xmax>{x1}</xmax><ymax>{y1}</ymax>"
        "</bndbox></object>"
        for x0, y0, x1, y1 in boxes
    )
    return write(path, f"<annotation><filename>{path.stem}.bmp</filename>{objects}</annotation>")
