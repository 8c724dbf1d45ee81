"""Tables for reading, as cells for HTML or in markdown: beside published values, of verdicts, or as they are."""

__all__ = ["SYMBOLS", "Cell", "Grid", "compact_grid", "grid", "markdown", "piped"]

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan

import pandas as pd

NOTHING = "–"
SIDES = ("published", "ours", "difference")
COMPARED = {"method", "metric", "published", "mean", "sd", "n", "difference"}  # of a table beside published values
SWEPT = ("beta_start", "beta_end", "labels", "mask_ratio", "epochs", "gflops")  # settings that tell its rows apart
DECIMALS = {"SSIM": 4}  # of a metric, two for any other
SYMBOLS = {"reproduced": "✓", "not reproduced": "✗", "inconclusive": "?", "not tested": "–"}


@dataclass(frozen=True)
class Cell:
    """A table's cell: its text, how many columns it spans, and how it looks (classes of the page)."""

    text: str
    span: int = 1
    look: str = ""


@dataclass(frozen=True)
class Grid:
    """A table for reading: rows of header cells and rows of body cells."""

    header: list[list[Cell]]
    body: list[list[Cell]]


def signed(value: float, decimals: int = 2) -> str:
    """`+1.20` or `−0.30` with a real minus sign; a dash for NaN."""
    return NOTHING if pd.isna(value) else f"{round(value, decimals) + 0.0:+.{decimals}f}".replace("-", "−")


def spread(mean: float, sd: float, decimals: int = 2) -> str:
    """`68.85 ± 0.47`, `68.85`, or a dash."""
    if pd.isna(mean):
        return NOTHING
    return f"{mean:.{decimals}f}" + ("" if pd.isna(sd) else f" ± {sd:.{decimals}f}")


def heading(dataset: str, stood_for: str | float) -> str:
    """A data set, with the published one where it has another name."""
    return dataset if pd.isna(stood_for) or stood_for == dataset else f"{dataset} (published: {stood_for})"


def sides(row, names: Sequence[str]) -> list[str]:
    """What `names` of SIDES say of one row; dashes if there is no row."""
    if row is None:
        return [NOTHING] * len(names)
    decimals = DECIMALS.get(row.metric, 2)
    texts = {
        "published": spread(row.published, row.published_sd, decimals),
        "ours": f"{spread(row.mean, row.sd, decimals)} ({row.n:d})",
        "difference": signed(row.difference, decimals),
    }
    return [texts[name] for name in names]


def compared_grid(table: pd.DataFrame) -> Grid:
    """One row per method and setting; published, ours and difference for each metric of each data set.

    Where nothing was published, a column of ours is all there is.
    """
    settings = [name for name in SWEPT if name in table]
    table = table.assign(**{name: table[name].map("{:g}".format) for name in settings})
    stood_for = table.drop_duplicates("dataset").set_index("dataset")["published_dataset"]
    groups = {
        (dataset, metric): SIDES if part["published"].notna().any() else SIDES[1:2]
        for dataset in stood_for.index
        for metric, part in table[table["dataset"] == dataset].groupby("metric", sort=False)
    }
    widths = {d: sum(len(names) for (of, _), names in groups.items() if of == d) for d in stood_for.index}
    left = Cell("", 1 + len(settings))
    header = [
        [left, *(Cell(heading(d, stood_for[d]), width, "start") for d, width in widths.items())],
        [left, *(Cell(metric, len(names), "start") for (_, metric), names in groups.items())],
        [Cell(name.replace("_", " ")) for name in ("method", *settings)],
    ]
    header[-1] += [Cell(t, look="" if i else "start") for names in groups.values() for i, t in enumerate(names)]
    body = []
    for key, part in table.groupby(["method", *settings], sort=False):
        found = {(row.dataset, row.metric): row for row in part.itertuples()}
        texts = [sides(found.get(group), names) for group, names in groups.items()]
        cells = [Cell(t, look="" if i else "start") for several in texts for i, t in enumerate(several)]
        body.append([*map(Cell, key), *cells])
    return Grid(header, body)


def compact_grid(table: pd.DataFrame, metric: str = "DSC") -> Grid:
    """One metric of a table beside published values: a row per method, a column of ours and, greyed, one published.

    The best of each column looks `best`.
    """
    table = table[table["metric"] == metric]
    columns = []
    for dataset, part in table.groupby("dataset", sort=False):
        part = part.set_index("method")
        columns.append((Cell(dataset, look="start"), part["mean"], part["sd"]))
        if part["published"].notna().any():
            published = Cell(f"{part['published_dataset'].iloc[0]}, published", look="published")
            columns.append((published, part["published"], part["published_sd"]))
    body = []
    for method in table["method"].unique():
        texts = [spread(means.get(method), sds.get(method)) for _, means, sds in columns]
        looks = [f"{c.look} best" if means.get(method) == means.max() else c.look for c, means, _ in columns]
        body.append([Cell(method), *(Cell(text, look=look) for text, look in zip(texts, looks, strict=True))])
    return Grid([[Cell("method"), *(head for head, _, _ in columns)]], body)


def judged(verdict: str) -> Cell:
    """A verdict as symbol and word, never as a colour alone."""
    return Cell(f"{SYMBOLS[verdict]} {verdict}", look=f"words {verdict.replace(' ', '-')}")


def ledger_grid(verdicts: pd.DataFrame) -> Grid:
    """Number, words, verdict of each claim, and how many of its comparisons held."""
    names = [Cell(""), Cell("claim", look="words"), Cell("verdict", look="words"), Cell("held")]
    body = [
        [Cell(str(row.claim)), Cell(row.text, look="words"), judged(row.verdict), Cell(str(row.held))]
        for row in verdicts.itertuples()
    ]
    return Grid([names], body)


def interval(row) -> str:
    """`+0.96 [+0.20, +1.71]`: an effect with its 95 % interval, where there is one."""
    between = f" [{signed(row.low)}, {signed(row.high)}]"
    return signed(row.effect) + ("" if pd.isna(row.low) else between)


def claims_grid(claims: pd.DataFrame) -> Grid:
    """Every comparison of the ledger below the words of its claim."""
    names = ["comparison", "data set", "metric", "published", "effect [95 %]", "p", "p (Holm)", "detectable", "runs"]
    names = [Cell(name, look="words" if i in (1, 2) else "") for i, name in enumerate([*names, "images"])]
    body = []
    for claim, part in claims.groupby("claim", sort=False):
        body.append([Cell(f"{claim}  {part['text'].iloc[0]}", len(names) + 2, "words claim")])
        numbers = [column_texts(part[name]) for name in ("n_runs", "n_images")]
        for row, *counts in zip(part.itertuples(), *numbers, strict=True):
            tests = [NOTHING if pd.isna(p) else "< 0.001" if p < 0.001 else f"{p:.3f}" for p in (row.p, row.p_holm)]
            values = [signed(row.published), interval(row), *tests, spread(row.detectable, nan), *counts]
            where = [Cell(row.comparison), *(Cell(t, look="words") for t in worded([row.dataset, row.metric]))]
            note = Cell(*worded([row.note]), look="words")
            body.append([*where, *map(Cell, values), judged(row.verdict), note])
    return Grid([[*names, Cell("verdict", look="words"), Cell("note", look="words")]], body)


def worded(values: Sequence) -> list[str]:
    """Texts, with a dash for what is missing."""
    return [NOTHING if pd.isna(value) else str(value) for value in values]


def column_texts(column: pd.Series) -> list[str]:
    """A column for reading: all its numbers with as many decimals as suit the largest."""
    if pd.api.types.is_bool_dtype(column):
        return ["yes" if value else "no" for value in column]
    if not pd.api.types.is_float_dtype(column):
        return worded(column)
    largest = column.abs().max()
    whole = (column.dropna() % 1 == 0).all()
    decimals = next((d for bound, d in ((1000, 0), (100, 1), (1, 2), (0.01, 4)) if largest >= bound), None)
    style = ".0f" if whole else ".3g" if decimals is None else f".{decimals}f"
    return [NOTHING if pd.isna(value) else f"{value:{style}}".replace("-", "−") for value in column]


def plain_grid(table: pd.DataFrame) -> Grid:
    """A table as it is, numbers right-aligned and words left-aligned."""
    looks = ["" if pd.api.types.is_numeric_dtype(table[name]) else "words" for name in table]
    columns = [[Cell(t, look=look) for t in column_texts(table[n])] for n, look in zip(table, looks, strict=True)]
    header = [Cell(str(n).replace("_", " "), look=look) for n, look in zip(table, looks, strict=True)]
    return Grid([header], [list(row) for row in zip(*columns, strict=True)])


def grid(table: pd.DataFrame) -> Grid:
    """The table for reading: pivoted if it stands beside published values, grouped if it holds the ledger."""
    if set(table) >= COMPARED:
        return compared_grid(table)
    if "verdict" in table:
        return claims_grid(table) if "comparison" in table else ledger_grid(table)
    return plain_grid(table)


def markdown(table: Grid) -> str:
    """A grid with one row of headings in GitHub's markdown; what is best is bold."""
    (header,) = table.header
    rules = ["---" if i == 0 or "words" in cell.look else "--:" for i, cell in enumerate(header)]
    body = [[f"**{cell.text}**" if "best" in cell.look else cell.text for cell in row] for row in table.body]
    return piped([[cell.text for cell in header], rules, *body])


def piped(lines: list[list[str]]) -> str:
    """Lines of cells, the second one the rules, as a table in GitHub's markdown."""
    return "\n".join(f"| {' | '.join(text.replace('|', '/') for text in line)} |" for line in lines)
