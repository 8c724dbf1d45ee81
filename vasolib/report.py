"""One page with every table and figure of a run, and the README's results.

    python -m vasolib.report [--run laptop]

rewrites the part of README.md between its two markers from results/<run> and figures/<run>.
"""

__all__ = ["ITEMS", "Item", "build_report", "replace_block", "update_readme"]

import argparse
import base64
import io
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import jinja2
import pandas as pd
from PIL import Image

from vasolib.errors import UserError
from vasolib.files import write_text
from vasolib.report_items import GROUPS, ITEMS, OPENING, Item
from vasolib.report_tables import SYMBOLS, compact_grid, grid, markdown
from vasolib.report_template import PAGE
from vasolib.study import ROOT

WEBP = 80  # quality, of 100
METHODS, VERDICTS, POWER, _ = OPENING
PICTURES = ("fig3a.svg", "fig4.png", "claims.svg")  # in the README


def made(path: Path, notebook: str) -> Path:
    """A path that `notebook` must have made."""
    if not path.is_file():
        raise UserError(f"{path} is missing: run notebook {notebook} first, it makes this file")
    return path


def read_table(results: Path, item: Item) -> pd.DataFrame:
    """An item's table; only empty fields are missing values."""
    return pd.read_csv(made(results / item.file, item.notebook), keep_default_na=False, na_values=[""])


def describe(facts: dict[str, str]) -> list[str]:
    """Parameters' hash, data, scale and seeds in words, for the line with each item."""
    if absent := {"run", "parameters", "data", "scale"} - facts.keys():
        raise UserError(f"the facts of a run must name {', '.join(sorted(absent))}: see `Study.facts`")
    seeds = [name for name in facts if "seed" in name]
    return [f"{name} {facts[name]}" for name in ("parameters", "data", "scale", *seeds)]


def build_report(results: Path, figures: Path, facts: dict[str, str]) -> str:
    """The report as one HTML text that needs no other file.

    Args:
        results, figures: folders with the files that `ITEMS` names.
        facts: what was run; `run`, `parameters` (a hash), `data`, `scale` must be there, seeds are shown.

    Raises:
        UserError: a file is missing; the message names it and the notebook that makes it.
    """
    opening = [section(item, results, figures, facts) for item in OPENING]
    opening[0] |= {"anchor": "table2", "grid": compact_grid(read_table(results, METHODS))}
    opening[1]["counts"] = counted(read_table(results, VERDICTS))
    groups = {name: [section(item, results, figures, facts) for item in items] for name, items in GROUPS.items()}
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.from_string(PAGE).render(facts=facts, run=run_line(facts), opening=opening, groups=groups)


def section(item: Item, results: Path, figures: Path, facts: dict[str, str]) -> dict:
    """What the page needs of one item: its provenance, and its grid, image or text."""
    path = made((figures if item.folder == "figures" else results) / item.file, item.notebook)
    return {
        "item": item,
        "anchor": item.file.replace(".", "-"),
        "provenance": " · ".join([f"notebook {item.notebook}", *describe(facts)]),
        "grid": grid(read_table(results, item)) if item.kind == "table" else None,
        "image": embedded(path) if item.kind == "figure" else None,
        "text": path.read_text(encoding="utf-8").strip() if item.kind == "text" else None,
        "counts": [],
    }


def run_line(facts: dict[str, str]) -> str:
    """What was run, in one sentence."""
    took = [facts["machine time"]] if "machine time" in facts else []
    return f"Run {facts['run']}: {'; '.join([*describe(facts), *took])}."


def counted(verdicts: pd.DataFrame) -> list[tuple[str, str]]:
    """Each verdict with how many claims have it, as in `✓ 3 reproduced`; those nobody could test only if any."""
    numbers = verdicts["verdict"].value_counts()
    shown = [name for name in SYMBOLS if name != "not tested" or name in numbers]
    return [(name.replace(" ", "-"), f"{SYMBOLS[name]} {numbers.get(name, 0)} {name}") for name in shown]


def embedded(path: Path) -> str:
    """A figure as the address of an image: SVG without its line breaks, pictures as WebP, smaller than PNG."""
    if path.suffix == ".svg":
        text = " ".join(path.read_text(encoding="utf-8").split())
        return f"data:image/svg+xml;base64,{base64.b64encode(text.encode()).decode()}"
    stream = io.BytesIO()
    with Image.open(path) as picture:
        picture.convert("RGB").save(stream, "WebP", quality=WEBP)
    return f"data:image/webp;base64,{base64.b64encode(stream.getvalue()).decode()}"


def replace_block(page: Path, name: str, parts: Sequence[str]) -> None:
    """Put `parts`, a blank line between them, between a page's lines `<!-- name:begin -->` and `<!-- name:end -->`.

    Raises:
        UserError: the page lacks one of the lines.
    """
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    before, first, rest = page.read_text(encoding="utf-8").partition(begin)
    _, last, after = rest.partition(end)
    if not (first and last):
        raise UserError(f"{page} needs the lines {begin} and {end}, in this order, around what is generated")
    write_text(page, "\n\n".join([before + begin, *parts, end + after]))


def update_readme(readme: Path, results: Path, figures: Path) -> None:
    """Write what was run, Table 2, the verdicts and three figures between the README's markers `results`.

    Raises:
        UserError: the README lacks a marker, or a file is missing.
    """
    facts = json.loads(made(results / "run.json", "90_report").read_text(encoding="utf-8"))
    methods, verdicts = (read_table(results, item) for item in (METHODS, VERDICTS))
    parts = [run_line(facts), f"**{METHODS.title}**", markdown(compact_grid(methods)), METHODS.note]
    parts += [f"**{VERDICTS.title}**: {', '.join(text for _, text in counted(verdicts))}", markdown(grid(verdicts))]
    parts += [VERDICTS.note, made(results / POWER.file, POWER.notebook).read_text(encoding="utf-8").strip()]
    for item in (item for name in PICTURES for item in ITEMS if item.file == name):
        path = made(figures / item.file, item.notebook)
        link = Path(os.path.relpath(path, readme.parent)).as_posix()
        parts.append(f"**{item.title}**\n\n![{item.title}]({link})\n\n{item.note}")
    replace_block(readme, "results", parts)


def main(arguments: Sequence[str] | None = None) -> int:
    """Refresh the README from a run's results; 0 when done, 1 with one line on stderr when it cannot be."""
    parser = argparse.ArgumentParser(prog="python -m vasolib.report", description="Refresh README.md's results.")
    parser.add_argument("--run", default="laptop", help="whose results are shown (default: %(default)s)")
    run = parser.parse_args(arguments).run
    try:
        update_readme(ROOT / "README.md", ROOT / "results" / run, ROOT / "figures" / run)
    except (UserError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
