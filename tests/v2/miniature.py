"""A data folder in a doll's house: sets of each task in the layout of imported ones, and a run that reads it."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from vasolib.study import ROOT, Study
from vasolib.v2.study import Extended

SHAPE = (40, 60)  # height, width
PARTS = ("train",) * 4 + ("val",) + ("test",) * 3
SETS = {"vessels": ["v"], "segments": ["s"], "stenoses": ["l"], "boxes": ["b"]}
FILES = ("params.yaml", "params_v2.yaml")
NUMBERS = {"masks": 255, "segments": 25, "stenoses": 2}


def stop_at(monkeypatch: pytest.MonkeyPatch, task: type, count: int) -> None:
    """Let a task be interrupted when it is asked for answers for the `count`-th time."""
    calls, usual = [], task.answer

    def stopped(*arguments: object) -> object:
        calls.append(arguments)
        if len(calls) == count:
            raise KeyboardInterrupt
        return usual(*arguments)

    monkeypatch.setattr(task, "answer", stopped)


def grey(*names: object) -> np.ndarray:
    """Noise (40, 60) drawn from names."""
    seed = int(hashlib.sha256("/".join(map(str, names)).encode()).hexdigest()[:8], 16)
    return np.random.default_rng(seed).integers(0, 256, SHAPE, dtype=np.uint8)


def bar(number: int) -> np.ndarray:
    """A label (40, 60): a bar of a number."""
    label = np.zeros(SHAPE, np.uint8)
    label[10:14, 20:50] = number
    return label


def write(path: Path, pixels: np.ndarray) -> None:
    """A grey picture, its folder made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def table(folder: Path, parts: dict[str, str], patients: dict[str, str] | None = None) -> None:
    """The table.csv of a set: a part for each id, and patients where they are known."""
    rows = [(name, part, (patients or {}).get(name, ""), "", f"x/{name}.png") for name, part in parts.items()]
    frame = pd.DataFrame(rows, columns=["id", "split", "patient", "cine", "original"])
    frame.to_csv(folder / "table.csv", index=False, lineterminator="\n")


def labelled_set(folder: Path, kind: str, parts: tuple[str, ...] = PARTS) -> list[str]:
    """A set with labels of a kind of `KINDS`, one image a patient; the images' ids."""
    ids = [f"p{number}_0" for number in range(len(parts))]
    for name in ids:
        write(folder / "images" / f"{name}.png", grey(folder.name, name))
        if kind in NUMBERS:
            write(folder / kind / f"{name}.png", bar(NUMBERS[kind]))
    if kind == "boxes.csv":
        rows = [(name, 20, 10, 50, 14) for name in ids[::2]]
        pd.DataFrame(rows, columns=["id", "x0", "y0", "x1", "y1"]).to_csv(folder / kind, index=False)
    table(folder, dict(zip(ids, parts, strict=True)), {name: name.split("_")[0] for name in ids})
    return ids


def data_folder(root: Path) -> Path:
    """Sets v, s, l and b of the four tasks, and u without labels."""
    for name, kind in {"v": "masks", "s": "segments", "l": "stenoses", "b": "boxes.csv"}.items():
        labelled_set(root / name, kind)
    for number in range(5):
        write(root / "u" / "images" / f"q_{number}.png", grey("u", number))
    return root


def run_of(root: Path, data: str, sets: dict[str, list[str]] | None = None, count: int = 2, **more: object) -> Extended:
    """The extended part of a run at smoke scale in a folder of its own, with few and small twins; more: parameters."""
    home = Study.load(ROOT)
    scales = {"smoke": home.params.scales["smoke"] | {"image": {"store_side": 32, "side": 32, "patch": 8}}}
    params = replace(home.params, run="doll", scale="smoke", data=data, scales=scales)
    extended = replace(Extended.beside(home), study=Study(root, params))
    sizes = {task: {"train": count, "test": count} for task in SETS}
    smoke = extended.params.scales["smoke"] | {"twins": {"recordings": 2, "frames": 2} | sizes}
    changed = {"sets": sets or extended.params.sets, "scales": {"smoke": smoke}} | more
    return replace(extended, params=replace(extended.params, **changed))


def smoke_house(root: Path, sets: dict[str, list[str]]) -> Extended:
    """The extended part of a run called doll at smoke scale in the folder `root`, with the shipped choices but its
    sets; its stores are the caller's to make."""
    values, more = (yaml.safe_load((ROOT / name).read_text(encoding="utf-8")) for name in FILES)
    (root / FILES[0]).write_text(yaml.safe_dump(values | {"run": "doll", "scale": "smoke"}))
    (root / FILES[1]).write_text(yaml.safe_dump({"v2": more["v2"] | {"sets": more["v2"]["sets"] | sets}}))
    return Extended.beside(Study.load(root))
