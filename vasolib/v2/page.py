"""One page with every table and figure of the extended part, and the README's block of it.

    python -m vasolib.v2.page [--run laptop]

rewrites README.md between `<!-- extended:begin -->` and `<!-- extended:end -->` from results/<run>/v2 and
figures/<run>/v2.
"""

__all__ = ["build_report", "update_readme"]

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import jinja2

from vasolib.errors import UserError
from vasolib.report import counted, made, read_table, replace_block, run_line, section
from vasolib.report_items import Item
from vasolib.report_tables import grid, markdown
from vasolib.report_template import PAGE
from vasolib.study import ROOT
from vasolib.v2.grids import detection_grid, main_grid, readable
from vasolib.v2.items import GROUPS, ITEMS, OPENING

METHODS, VERDICTS, POWER, _ = OPENING
SIDE = "fig3a-svg"  # the anchor that the page's style puts beside the opening tables
PICTURES = ("guidance.svg", "boxes.png", "claims.svg")  # in the README


def build_report(results: Path, figures: Path, facts: dict[str, str]) -> str:
    """The extended part's report as one HTML text that needs no other file.

    Args:
        results, figures: folders with the files that `vasolib.v2.items.ITEMS` names.
        facts: see `vasolib.report.build_report`.

    Raises:
        UserError: a file is missing; the message names it and the notebook that makes it.
    """
    facts = facts | {"run": f"{facts['run']}, extended part"}
    opening = [shown(item, results, figures, facts) for item in OPENING]
    opening[0] |= {"anchor": "main", "grid": main_grid(read_table(results, METHODS))}
    opening[1]["counts"] = counted(read_table(results, VERDICTS))
    opening[3]["anchor"] = SIDE
    groups = {name: [shown(item, results, figures, facts) for item in items] for name, items in GROUPS.items()}
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.from_string(PAGE).render(facts=facts, run=run_line(facts), opening=opening, groups=groups)


def shown(item: Item, results: Path, figures: Path, facts: dict[str, str]) -> dict:
    """`vasolib.report.section` with the part's own tables for reading."""
    content = section(item, results, figures, facts)
    return content | {"grid": readable(read_table(results, item))} if item.kind == "table" else content


def update_readme(readme: Path, results: Path, figures: Path) -> None:
    """Write what was run, the main and the detection table, verdicts and pictures between the markers `extended`.

    Raises:
        UserError: the README lacks a marker, or a file is missing.
    """
    named = {item.file: item for item in ITEMS}
    facts = json.loads(made(results / "run.json", "v2_90_report").read_text(encoding="utf-8"))
    methods, boxes, verdicts = (read_table(results, i) for i in (METHODS, named["detection.csv"], VERDICTS))
    parts = [run_line(facts), f"**{METHODS.title}**", markdown(main_grid(methods)), METHODS.note]
    parts += [f"**{named['detection.csv'].title}**", markdown(detection_grid(boxes))]
    parts += [f"**{VERDICTS.title}**: {', '.join(text for _, text in counted(verdicts))}", markdown(grid(verdicts))]
    parts += [VERDICTS.note, made(results / POWER.file, POWER.notebook).read_text(encoding="utf-8").strip()]
    for item in (named[name] for name in PICTURES):
        path = made(figures / item.file, item.notebook)
        link = Path(os.path.relpath(path, readme.parent)).as_posix()
        parts.append("\n\n".join([f"**{item.title}**", f"![{item.title}]({link})", *[item.note] * bool(item.note)]))
    replace_block(readme, "extended", parts)


def main(arguments: Sequence[str] | None = None) -> int:
    """Refresh the README from a run's results; 0 when done, 1 with one line on stderr when it cannot be."""
    parser = argparse.ArgumentParser(
        prog="python -m vasolib.v2.page", description="Refresh README.md's results of the extended part."
    )
    parser.add_argument("--run", default="laptop", help="whose results are shown (default: %(default)s)")
    run = parser.parse_args(arguments).run
    try:
        update_readme(ROOT / "README.md", ROOT / "results" / run / "v2", ROOT / "figures" / run / "v2")
    except (UserError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
