"""Tables of the extended part for reading: the main table in one row per method, sweeps named by their setting."""

__all__ = ["beside_grid", "detection_grid", "main_grid", "readable"]

from math import nan

import pandas as pd

from vasolib.report_tables import COMPARED, NOTHING, Cell, Grid, compact_grid, compared_grid, grid, interval, spread
from vasolib.v2.main_table import RANK
from vasolib.v2.published import BOXES

SETTINGS = ("eta", "target", "images", "parameters", "seconds_per_step")  # what tells a sweep's rows apart
NO_RUNS = f"{NOTHING} (0)"


def main_grid(table: pd.DataFrame) -> Grid:
    """DSC of every set with what was published, average ranks and, if any row has one, notes: a row per method."""
    columns = compact_grid(table)
    ranks = table[table["metric"] == RANK].set_index("method")
    added = [[Cell(RANK, look="start"), Cell(f"{RANK}, published", look="published")]]
    for method, *_ in columns.body:
        ours, theirs = ranks["mean"].get(method.text, nan), ranks["published"].get(method.text, nan)
        best = "start best" if ours == ranks["mean"].min() else "start"
        added.append([Cell(spread(ours, nan), look=best), Cell(spread(theirs, nan), look="published")])
    return noted(beneath(columns, added), table)


def detection_grid(table: pd.DataFrame) -> Grid:
    """mAP, mAP50 and mAP75 of each set with what was published: a row per method."""
    wide = table.assign(dataset=table["dataset"] + " " + table["metric"], metric="mAP")
    columns = wide.assign(published_dataset=wide["published_dataset"] + " " + table["metric"])
    return noted(compact_grid(columns, BOXES["mAP"]), table)


def beside_grid(table: pd.DataFrame) -> Grid:
    """Every metric of every set: published, ours, difference; rows are named by their setting too."""
    names = [name for name in SETTINGS if name in table]
    named = table["method"]
    for name in names:
        shown = [valued(value) for value in table[name]]
        named = named + [f" · {name.replace('_', ' ')} {value}" for value in shown]
    whole = compared_grid(table.assign(method=named, n=table["n"].astype(int)))
    body = [[Cell(NOTHING, c.span, c.look) if c.text == NO_RUNS else c for c in row] for row in whole.body]
    named_table = table.assign(method=named)
    whole = Grid(whole.header, body)
    return noted(with_effects(whole, named_table) if "effect" in table else whole, named_table)


def with_effects(columns: Grid, table: pd.DataFrame) -> Grid:
    """A grid whose rows are methods, with a column of their effects on each set, each with its 95 % interval."""
    texts = {}
    for row in table[table["effect"].notna()].itertuples():
        texts.setdefault(row.method, []).append(f"{row.dataset} {interval(row)}")
    cells = [[Cell("; ".join(texts.get(row[0].text, [NOTHING])), look="words")] for row in columns.body]
    return beneath(columns, [[Cell("effect [95 %]", look="words")], *cells])


def valued(value: object) -> str:
    """A setting's value; a dash where it has none."""
    if pd.isna(value):
        return NOTHING
    return value if isinstance(value, str) else f"{value:,.4g}" if isinstance(value, float) else f"{value:,}"


def beneath(columns: Grid, added: list[list[Cell]]) -> Grid:
    """A grid with cells added to its last row of headings and to each row of its body."""
    *above, last = columns.header
    above = [[*row, *(Cell("") for _ in added[0])] for row in above]
    body = [[*row, *cells] for row, cells in zip(columns.body, added[1:], strict=True)]
    return Grid([*above, [*last, *added[0]]], body)


def noted(columns: Grid, table: pd.DataFrame) -> Grid:
    """A grid whose rows are methods, with a column of their notes if there are any."""
    rows = table if "note" in table else table.assign(note="")
    notes = {
        method: note
        for method, note in zip(rows["method"], rows["note"], strict=True)
        if isinstance(note, str) and note
    }
    if not notes:
        return columns
    cells = [[Cell(notes.get(row[0].text, ""))] for row in columns.body]  # not broken into lines: rows stay low
    return beneath(columns, [[Cell("note")], *cells])


def readable(table: pd.DataFrame) -> Grid:
    """The table for reading, see `vasolib.report_tables.grid`; what stands beside published values with its notes."""
    if set(table) >= COMPARED:
        return beside_grid(table)
    if "verdict" in table:
        return grid(table)
    tests = [name for name in ("p", "p_holm") if name in table]
    return grid(table.assign(**{name: table[name].map(p_text) for name in tests}))


def p_text(p: float) -> str:
    """A p-value to three decimals."""
    return NOTHING if pd.isna(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"
