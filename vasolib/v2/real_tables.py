"""The tables of an imported set: parts and patients of its images, and boxes."""

__all__ = ["read_boxes", "read_parts"]

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
    """A table as text. UserError where it cannot be read or lacks one of the columns."""
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}), expected a table in UTF-8: mend or remove it") from error
    if missing := [name for name in columns if name not in table]:
        raise UserError(f"{path} has the columns {list(table.columns)}, expected {columns}: add {', '.join(missing)}")
    return table
