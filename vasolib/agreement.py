"""How far the tables of a run agree with those expected of it, number by number.

Tables are compared as they are written: a column whose tolerance says `equal` as text, any other as numbers. Rows are
matched by what names them, so that one row too few is one disagreement and not a table of shifted numbers.
"""

__all__ = [
    "ABSENT", "EQUAL", "GROUPED_BY", "compare", "disagreements", "groups", "number_columns", "read_tables", "summary",
]  # fmt: skip

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

ABSENT = "(absent)"
EQUAL = "equal"  # of a tolerance's source: text, ids and counts, and what is computed from no image
GROUPED_BY = ("metric", "space")  # columns whose values part a table's rows into groups with tolerances of their own
CELL = ["file", "row", "group", "column"]

Tables = dict[str, pd.DataFrame]


def read_tables(paths: dict[str, Path]) -> Tables:
    """The tables (.csv) of the given paths, every cell as it is written."""
    return {name: pd.read_csv(path, dtype=str, keep_default_na=False) for name, path in paths.items()}


def number_columns(tables: Iterable[pd.DataFrame]) -> set[str]:
    """Columns that hold a number with a fraction in any of the tables: integers count, or name something."""
    found = set()
    for table in tables:
        values = table.apply(pd.to_numeric, errors="coerce")
        found |= set(table.columns[(values % 1 > 0).any()])
    return found


def compare(expected: Tables, found: Tables, tolerances: pd.DataFrame) -> pd.DataFrame:
    """One row per cell of either side.

    Args:
        tolerances: columns file, column, group (the rows' value in the column of GROUPED_BY, or empty), absolute,
            relative and source.

    Returns:
        Columns file, row (what names it), group, column, expected, found (text, ABSENT where only one side has the
        cell), exact (compared as text), difference, allowed (absolute + relative x the expected number; NaN where no
        tolerance is stated) and agrees.
    """
    exact = tolerances[tolerances["source"] == EQUAL].groupby("file")["column"].unique()
    parts = [
        matched(name, expected.get(name), found.get(name), list(exact.get(name, ())))
        for name in sorted({*expected, *found})
    ]
    return judged(pd.concat(parts, ignore_index=True), tolerances)


def matched(name: str, expected: pd.DataFrame | None, found: pd.DataFrame | None, exact: list[str]) -> pd.DataFrame:
    """The cells of one table on both sides; a table that one side lacks is a single cell."""
    if expected is None or found is None:
        sides = [ABSENT if table is None else f"{len(table)} rows" for table in (expected, found)]
        return pd.DataFrame([[name, "", "", "", *sides]], columns=[*CELL, "expected", "found"])
    key = row_key(expected, [column for column in expected if column in exact])
    sides = {"expected": cells(expected, key), "found": cells(found, key)}
    both = pd.concat(sides, axis=1).fillna(ABSENT).reset_index()
    return both.assign(file=name)


def row_key(table: pd.DataFrame, columns: list[str]) -> list[str]:
    """The fewest of the columns that tell all rows apart, those further left first; all of them if they do not."""
    key = columns
    for column in reversed(columns):
        rest = [other for other in key if other != column]
        if rest and not table.duplicated(rest).any():
            key = rest
    return key


def cells(table: pd.DataFrame, key: list[str]) -> pd.Series:
    """The values of a table by row, group and column; rows that nothing tells apart are numbered."""
    named = words(table.reindex(columns=key, fill_value=ABSENT))
    again = named.groupby(named).cumcount()
    rows = named.where(again == 0, named + " #" + (again + 1).astype(str))
    index = pd.MultiIndex.from_arrays([rows, groups(table)], names=["row", "group"])
    return table.set_axis(index, axis=0).rename_axis(columns="column").stack()


def groups(table: pd.DataFrame) -> pd.Series:
    """The group of each row, with tolerances of its own, see GROUPED_BY."""
    return words(table[[column for column in GROUPED_BY if column in table]])


def words(table: pd.DataFrame) -> pd.Series:
    """What each row of texts says, in one; also of a table without rows or columns."""
    return pd.Series([" ".join(row) for row in table.to_numpy().tolist()], table.index, dtype=object)


def judged(cells: pd.DataFrame, tolerances: pd.DataFrame) -> pd.DataFrame:
    """The cells with their differences, what these may be, and whether they agree."""
    cells = cells.merge(tolerances, how="left", on=["file", "column", "group"])
    expected, found = (pd.to_numeric(cells[side], errors="coerce") for side in ("expected", "found"))
    exact = cells["source"].eq(EQUAL)
    difference = (expected - found).abs().mask(exact).fillna(np.inf).mask(cells["expected"] == cells["found"], 0.0)
    allowed = cells["absolute"] + cells["relative"] * expected.abs().fillna(0.0)
    present = cells[["expected", "found"]].ne(ABSENT).all(axis=1)
    kept = cells[[*CELL, "expected", "found"]]
    return kept.assign(exact=exact, difference=difference, allowed=allowed, agrees=present & (difference <= allowed))


def folded(file: str) -> str:
    """The name under which a file is shown: work/pretrain/mae/log.csv is one of work/pretrain/*/log.csv."""
    *folders, name = file.split("/")
    return "/".join([*folders[:2], *("*" for _ in folders[2:]), name])


def summary(cells: pd.DataFrame) -> pd.DataFrame:
    """What agrees and what does not: a row per file and kind of column, of the cells from `compare`.

    Returns:
        Columns file, as (text, numbers, or anything: where no bound can be set), cells, differ, and of the number
        nearest to its tolerance or furthest beyond it column, difference and tolerance.
    """
    kind = pd.Series(np.where(np.isinf(cells["allowed"]), "anything", "numbers"), cells.index).mask(
        cells["exact"], "text"
    )
    share = (cells["difference"] / cells["allowed"]).where(kind == "numbers", 0.0).mask(cells["difference"] == 0, 0.0)
    rows = []
    for (file, how), part in cells.groupby([cells["file"].map(folded), kind], sort=True):
        worst = part.loc[share[part.index].fillna(np.inf).idxmax()]
        shown = [worst["column"], worst["difference"], worst["allowed"]] if share[worst.name] != 0 else ["", None, None]
        rows.append([file, how, len(part), int((~part["agrees"]).sum()), *shown])
    return pd.DataFrame(rows, columns=["file", "as", "cells", "differ", "column", "difference", "tolerance"])


def disagreements(cells: pd.DataFrame) -> list[str]:
    """A line for each cell that does not agree; one for a row, a column or a file that one side lacks."""
    lines = {}
    gone = cells[["expected", "found"]].eq(ABSENT).any(axis=1)
    everywhere = gone.groupby([cells["file"], cells["column"]]).transform("all")
    for index, cell in cells[~cells["agrees"]].iterrows():
        what = f"row {cell['row']!r}, column {cell['column']}"
        if gone[index]:
            what = (cell["column"] and f"column {cell['column']}") if everywhere[index] else f"row {cell['row']!r}"
            verdict = "missing" if cell["found"] == ABSENT else "not expected"
        elif np.isnan(cell["allowed"]):
            what, verdict = f"column {cell['column']}", "no tolerance is stated for it"
        else:
            limit = "" if cell["exact"] else f", tolerance {cell['allowed']:.3g}"
            verdict = f"expected {cell['expected'] or 'nothing'}, found {cell['found'] or 'nothing'}{limit}"
        lines[f"{cell['file']}{what and ', '}{what}: {verdict}"] = None
    return list(lines)
