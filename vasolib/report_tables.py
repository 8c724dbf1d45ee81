"""Tables for reading: beside the published values, or as they are, in HTML cells or in markdown."""

__all__ = ["Cell", "Grid", "grid", "markdown_table", "piped"]

from dataclasses import dataclass

import pandas as pd

from vasolib.published import format_value

NOTHING = "–"
SIDES = ("published", "ours", "difference")
COMPARED = {"published", "mean", "sd", "n", "difference"}  # columns of a table beside published values


@dataclass(frozen=True)
class Cell:
    """A table's cell: its text, how many columns it spans, and whether it starts a group or holds words."""

    text: str
    span: int = 1
    start: bool = False
    words: bool = False


@dataclass(frozen=True)
class Grid:
    """A table for reading: rows of header cells and rows of body cells."""

    header: list[list[Cell]]
    body: list[list[Cell]]


def signed(value: float) -> str:
    """`+1.20` or `−0.30` with a real minus sign; a dash for NaN."""
    return NOTHING if pd.isna(value) else f"{round(value, 2) + 0.0:+.2f}".replace("-", "−")


def published_value(row) -> str:
    """What a paper printed: `68.85 ± 0.47`, `68.85`, or a dash."""
    if pd.isna(row.published):
        return NOTHING
    return f"{row.published:.2f}" + ("" if pd.isna(row.published_sd) else f" ± {row.published_sd:.2f}")


def comparison(row) -> list[str]:
    """Published, ours and difference of one row from `vasolib.published.beside_published`."""
    return [published_value(row), format_value(row.mean, row.sd, row.n), signed(row.difference)]


def compared(table: pd.DataFrame) -> tuple[dict[str, str], list[str], dict[tuple[str, str, str], list[str]]]:
    """Headings of the data sets, the metrics, and (method, data set, metric) -> what `comparison` says."""
    rows = list(table.itertuples())
    stood_for = {row.dataset: row.published_dataset for row in rows}
    headings = {d: d if pd.isna(p) or p == d else f"{d} (published: {p})" for d, p in stood_for.items()}
    texts = {(row.method, row.dataset, row.metric): comparison(row) for row in rows}
    return headings, list(table["metric"].unique()), texts


def compared_grid(table: pd.DataFrame) -> Grid:
    """One row per method; published, ours and difference for each metric of each data set."""
    headings, metrics, texts = compared(table)
    groups = [(dataset, metric) for dataset in headings for metric in metrics]
    header = [
        [Cell(""), *(Cell(text, 3 * len(metrics), start=True) for text in headings.values())],
        [Cell(""), *(Cell(metric, 3, start=True) for _, metric in groups)],
        [Cell("method"), *(Cell(t, start=t == SIDES[0]) for _ in groups for t in SIDES)],
    ]
    body = []
    for method in table["method"].unique():
        values = [texts.get((method, *group), [NOTHING] * 3) for group in groups]
        body.append([Cell(method), *(Cell(t, start=i == 0) for three in values for i, t in enumerate(three))])
    return Grid(header, body)


def column_texts(column: pd.Series) -> list[str]:
    """A column for reading: all its numbers with as many decimals as suit the largest."""
    if pd.api.types.is_bool_dtype(column):
        return ["yes" if value else "no" for value in column]
    if not pd.api.types.is_float_dtype(column):
        return [NOTHING if pd.isna(value) else str(value) for value in column]
    largest = column.abs().max()
    whole = (column.dropna() % 1 == 0).all()
    decimals = next((d for bound, d in ((1000, 0), (100, 1), (1, 2), (0.01, 4)) if largest >= bound), None)
    style = ".0f" if whole else ".3g" if decimals is None else f".{decimals}f"
    return [NOTHING if pd.isna(value) else f"{value:{style}}".replace("-", "−") for value in column]


def plain_grid(table: pd.DataFrame) -> Grid:
    """A table as it is, numbers right-aligned and words left-aligned."""
    words = [not pd.api.types.is_numeric_dtype(table[name]) for name in table]
    columns = [[Cell(t, words=w) for t in column_texts(table[n])] for n, w in zip(table, words, strict=True)]
    header = [Cell(str(n).replace("_", " "), words=w) for n, w in zip(table, words, strict=True)]
    return Grid([header], [list(row) for row in zip(*columns, strict=True)])


def grid(table: pd.DataFrame) -> Grid:
    """The table for reading: pivoted if it stands beside published values."""
    return compared_grid(table) if set(table) >= COMPARED else plain_grid(table)


def markdown_table(table: pd.DataFrame) -> str:
    """A table beside published values in GitHub's markdown, one row per method and data set."""
    headings, metrics, texts = compared(table)
    titles = ["method", "data set", *(f"{m} {t}" for m in metrics for t in SIDES)]
    lines = [titles, ["---"] * 2 + ["--:"] * (len(titles) - 2)]
    for method in table["method"].unique():
        for dataset, heading in headings.items():
            values = [texts.get((method, dataset, metric)) for metric in metrics]
            if any(values):
                lines.append([method, heading, *(t for three in values for t in three or [NOTHING] * 3)])
    return piped(lines)


def piped(lines: list[list[str]]) -> str:
    """Lines of cells, the second one the rules, as a table in GitHub's markdown."""
    return "\n".join(f"| {' | '.join(text.replace('|', '/') for text in line)} |" for line in lines)
