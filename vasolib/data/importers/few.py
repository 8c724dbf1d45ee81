"""A few images of each imported set in a folder of their own, to rehearse a study on before it is run on all of them.

Of each part of a set (train, val, test, unlabelled) some images are taken at even distances in the order of table.csv,
with their labels; of a set without such a table, some of all. Of images without labels there are more: of a few dozen
the smallest scale's segmentor, which learns from these alone, learns nothing. The tables have the rows of these images
alone, and left_out.csv has none, as nothing else is there. Files are copied, not linked, so that the copy can be
changed.
"""

__all__ = ["write_few"]

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from vasolib.data.importers.looking import folders_in
from vasolib.data.importers.writing import FOLDERS
from vasolib.data.left_out import shown
from vasolib.data.listing import list_images
from vasolib.errors import UserError
from vasolib.files import atomic, write_csv

PARTS = "table.csv"
BOXES = "boxes.csv"
UNLABELLED = 400  # images at least, where there are as many: 100 of a public collection were too few to learn from


def write_few(folder: Path, to: Path, images: int) -> list[str]:
    """Copy some images of each set in a folder, all sets or none.

    Args:
        images: of each labelled part of a set, at most; of others as many, or `UNLABELLED` if that is more.

    Returns:
        A line for each set.

    Raises:
        UserError: `to` is there, lies in the folder or is to have no image; or the folder has no set, or one without
            an image, or whose table cannot be read.
    """
    folder, target = Path(folder).resolve(), Path(to).resolve()
    if images < 1:
        raise UserError(f"--images is {images}, expected 1 or more of each part: give another number")
    if target.exists() or Path(to).is_symlink():
        raise UserError(f"{to} is there already, expected a folder still to be made: remove it, or give another --to")
    if folder in target.parents:
        raise UserError(f"{to} lies in {folder}, whose sets it would be one of: give a --to beside it")
    sets = [one for one in folders_in(folder) if (one / "images").is_dir()]
    if not sets:
        found = "has no imported set" if folder.is_dir() else "is no folder"
        raise UserError(f"{folder} {found}, expected sub-folders with a folder `images`: name what `import --to` named")
    others = [f"{shown(one.name)}: passed over, it has no images" for one in folders_in(folder) if one not in sets]
    with atomic(target) as made:
        return [_copied(one, made / one.name, images) for one in sets] + others


def _copied(source: Path, target: Path, images: int) -> str:
    """Copy some images of one set with what belongs to them, and say how many."""
    files = list_images(source / "images").files
    given = (source / PARTS).is_file()
    table = _read(source / PARTS) if given else pd.DataFrame({"id": list(files), "split": "part not given"})
    there = table[table["id"].isin(files)]
    if there.empty:
        raise UserError(f"{source} has no image that its {PARTS} names, expected some: import the set again")
    kinds = [name for name in FOLDERS.values() if (source / name).is_dir()]
    plain = {"unlabelled"} if kinds or (source / BOXES).is_file() else set(there["split"])
    counts = {split: max(images, UNLABELLED) if split in plain else images for split in there["split"].unique()}
    chosen = pd.concat([_even(rows, counts[split]) for split, rows in there.groupby("split")]).sort_index()
    for name in ("images", *kinds):
        (target / name).mkdir(parents=True)
        files = list_images(source / name).files
        for stem in chosen["id"][chosen["id"].isin(files)]:
            shutil.copyfile(files[stem], target / name / files[stem].name)
    for name in (PARTS, BOXES):
        if (source / name).is_file():
            rows = _read(source / name)
            write_csv(target / name, rows[rows["id"].isin(chosen["id"])])
    write_csv(target / "left_out.csv", pd.DataFrame(columns=["file", "reason"]))
    if (source / "about.json").is_file():
        shutil.copyfile(source / "about.json", target / "about.json")
    parts = ", ".join(f"{part} {count}" for part, count in sorted(Counter(chosen["split"]).items()))
    return f"{shown(source.name)}: {len(chosen)} of {len(table)} images ({parts})"


def _even(rows: pd.DataFrame, images: int) -> pd.DataFrame:
    """At most so many rows, at even distances, the first and the last among them."""
    places = np.linspace(0, len(rows) - 1, min(images, len(rows))).round().astype(int)
    return rows.iloc[places]


def _read(path: Path) -> pd.DataFrame:
    """A table as text. UserError where it cannot be read, or lacks what tells its images, and table.csv their parts."""
    needed = ["id", "split"] if path.name == PARTS else ["id"]
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path} cannot be read ({reason}), expected a table: import the set again") from error
    if missing := [name for name in needed if name not in table]:
        raise UserError(f"{path} has no column {' or '.join(missing)}, expected them: import the set again")
    return table
