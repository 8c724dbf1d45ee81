"""CADICA: a folder per patient, one per video in it, and a list of each video's frames that show contrast.

Certain (the set's README, and programs that read it): selectedVideos/p<X>/v<Y>/input/p<X>_v<Y>_<frame>.png, beside
`input` the list p<X>_v<Y>_selectedFrames.txt, a frame's name a line; the same without lists below nonselectedVideos.
Imported are the listed frames of the selected videos. The papers have 6,594 frames and do not say how they were chosen,
so `check` tells the difference. The set is for pre-training here: its boxes (groundtruth/*.txt) are not read.
"""

__all__ = ["plan_cadica"]

from collections.abc import Iterator
from pathlib import Path

from vasolib.data.importers.looking import id_of, listed, locate, lost, within
from vasolib.data.importers.plan import Item, Plan
from vasolib.data.left_out import LeftOut, shown

SET = "cadica"
LAYOUT = ("folder `selectedVideos`, expected CADICA as published: selectedVideos/p<X>/v<Y>/ with a folder `input` of "
          "frames and a list p<X>_v<Y>_selectedFrames.txt")  # fmt: skip


def plan_cadica(folder: Path) -> list[Plan]:
    """The set of selected frames. UserError where the folder of selected videos is not found."""
    root = locate(folder, lambda one: next(one.glob("selectedVideos/p*/v*"), None) is not None, LAYOUT)
    videos = sorted((root / "selectedVideos").glob("p*/v*"), key=lambda video: (_number(video.parent), _number(video)))
    return [Plan(SET, "", [one for video in videos if video.is_dir() for one in _frames(root, video)])]


def _number(folder: Path) -> tuple[int, str]:
    """p2 comes before p10."""
    digits = folder.name[1:]
    return (int(digits) if digits.isdecimal() else 0, folder.name)


def _frames(root: Path, video: Path) -> Iterator[Item | LeftOut]:
    """The selected frames of one video."""
    patient = video.parent.name
    cine = f"{patient}_{video.name}"
    chosen = video / f"{cine}_selectedFrames.txt"
    files, bad = listed(SET, root, video / "input")
    try:
        lines = chosen.read_text(encoding="utf-8-sig").split()  # editors put a mark in front
    except (OSError, UnicodeDecodeError):
        yield lost(SET, root, chosen, f"cannot be read, so no frame of {cine} is taken: unpack the set again")
        return
    yield from bad
    for line in dict.fromkeys(lines):
        stem = line.removesuffix(".png")
        stem = stem if stem in files else f"{cine}_{stem}"
        if stem not in files:
            yield LeftOut("unusable", SET, f"{within(root, video)}/input/{shown(line)}.png", "is listed but not there")
            continue
        name, original = id_of(stem if stem.startswith(f"{cine}_") else f"{cine}_{stem}"), within(root, files[stem])
        yield Item(name, files[stem], original, "unlabelled", patient, cine, part="selected")
