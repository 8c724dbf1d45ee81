"""One page with every table and figure of a run, and the README's result tables.

    python -m vasolib.report [--run laptop]

rewrites the part of README.md between its two markers from results/<run> and figures/<run>.
"""

__all__ = ["ITEMS", "Item", "build_report", "markdown_tables", "replace_block", "update_readme"]

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
from vasolib.report_items import ITEMS, Item
from vasolib.report_tables import grid, markdown_table
from vasolib.report_template import PAGE
from vasolib.study import ROOT

WEBP = 90  # quality, of 100


def made(path: Path, notebook: str) -> Path:
    """A path that `notebook` must have made."""
    if not path.is_file():
        raise UserError(f"{path} is missing: run notebook {notebook} first, it makes this file")
    return path


def read_table(results: Path, item: Item) -> pd.DataFrame:
    """An item's table; only empty fields are missing values."""
    return pd.read_csv(made(results / item.file, item.notebook), keep_default_na=False, na_values=[""])


def describe(facts: dict[str, str]) -> list[str]:
    """Parameters' hash, data, scale and seeds in words, for the line under each item."""
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
    sections = []
    for item in ITEMS:
        provenance = " · ".join([f"notebook {item.notebook}", *describe(facts)])
        section = {"item": item, "anchor": item.file.replace(".", "-"), "provenance": provenance}
        if item.kind == "table":
            section["grid"] = grid(read_table(results, item))
        else:
            section["image"] = embedded(made(figures / item.file, item.notebook))
        sections.append(section)
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.from_string(PAGE).render(facts=facts, sections=sections)


def embedded(path: Path) -> str:
    """A figure as the address of an image: SVG as it is, pictures as WebP, smaller than PNG."""
    if path.suffix == ".svg":
        return f"data:image/svg+xml;base64,{base64.b64encode(path.read_bytes()).decode()}"
    stream = io.BytesIO()
    with Image.open(path) as picture:
        picture.convert("RGB").save(stream, "WebP", quality=WEBP)
    return f"data:image/webp;base64,{base64.b64encode(stream.getvalue()).decode()}"


def markdown_tables(results: Path) -> str:
    """Tables 2 and 3 in GitHub's markdown, each under its title and above its note."""
    items = [item for item in ITEMS if item.file in ("table2.csv", "table3.csv")]
    parts = [f"**{i.title}**\n\n{markdown_table(read_table(results, i))}\n\n{i.note}" for i in items]
    return "\n\n".join(parts)


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
    """Write tables, what was run, and two figures between the README's markers `results`.

    Raises:
        UserError: the README lacks a marker, or a file is missing.
    """
    facts = json.loads(made(results / "run.json", "90_report").read_text(encoding="utf-8"))
    images = [item for item in ITEMS if item.file in ("fig3a.svg", "fig4.png")]
    links = [
        (i.title, Path(os.path.relpath(made(figures / i.file, i.notebook), readme.parent)).as_posix()) for i in images
    ]
    parts = [f"Run {facts['run']}: {'; '.join(describe(facts))}.", markdown_tables(results)]
    parts += [f"**{title}**\n\n![{title}]({link})" for title, link in links]
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
