"""The tables of an imported set: parts and patients of its images, and boxes."""

__all__ = ["read_boxes", "read_parts"]

import csv
from pathlib import Path

import numpy as np
import pandas as pd

from vasolib.errors import UserError, nearest

PARTS = ("train", "val", "test", "unlabelled")
CORNERS = ["x0", "y0", "x1", "y1"]


def read_parts(path: Path) -> pd.DataFrame:
    """id, split, patient, cine as text; the last two "" where the file has no such column.

    Raises:
        UserError: a column is missing, an id is there twice, or a split is none of `PARTS`.
    """
    table = _read(path, ["id", "split"]).reindex(columns=["id", "split", "patient", "cine"], fill_value="")
    if len(twice := table["id"][table["id"].duplicated()]):
        raise UserError(f"{path} has {len(twice)} id(s) twice, such as {twice.iloc[0]!r}: keep one row of each")
    for part in table["split"].unique():
        if part not in PARTS:
            raise UserError(f"{path} has the split {part!r}: {nearest(part, PARTS)}")
    return table


def read_boxes(path: Path) -> dict[str, tuple]:
    """Boxes x0, y0, x1, y1 by image. UserError where a column is missing or a corner is no number."""
    table = _read(path, ["id", *CORNERS])
    values = table[CORNERS].apply(pd.to_numeric, errors="coerce").astype(float)
    if len(bad := table[~np.isfinite(values).all(axis=1)]):
        raise UserError(f"{path} has the box {bad[CORNERS].iloc[0].tolist()} of {bad['id'].iloc[0]}: give four numbers")
    boxes: dict[str, list] = {}
    for name, box in zip(table["id"], values.itertuples(index=False, name=None), strict=True):
        boxes.setdefault(name, []).append(tuple(map(float, box)))
    return {name: tuple(found) for name, found in boxes.items()}


def _read(path: Path, columns: list[str]) -> pd.DataFrame:
    """A table as text. UserError where it cannot be read, lacks a column, has one twice, or a row of another length.

    pandas by itself would shift the cells of a row that has one too many.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            head, *rows = [row for row in csv.reader(file, strict=True) if row] or [[]]
    except (OSError, ValueError, csv.Error) as error:
        raise UserError(f"{path} cannot be read ({error}), expected a table in UTF-8: mend or remove it") from error
    if missing := [name for name in columns if name not in head]:
        raise UserError(f"{path} has the columns {head}, expected {columns}: add {', '.join(missing)}")
    if len(set(head)) < len(head):
        raise UserError(f"{path} has the columns {head}, expected each once: rename or remove one of those alike")
    if wrong := [row for row in rows if len(row) != len(head)]:
        count = f"{len(wrong[0])} cells, expected {len(head)}"
        raise UserError(f"{path} has a row of {count} ({', '.join(head)}), {','.join(wrong[0])!r}: mend that row")
    return pd.DataFrame(rows, columns=head, dtype=str)
