"""`python -m benchmarks.processors OLD NEW`: the laptop results of two revisions that differ by the processor alone.

Both revisions hold results of the same code and parameters, run on two processors. Rounding differs, training
multiplies that, and what is left is how far to trust a mean or a verdict: as with another seed, but with none changed.
"""

__all__ = ["agreement", "check", "main"]

import argparse
import io
import json
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pandas as pd

from benchmarks.command import parser, told
from vasolib.errors import UserError
from vasolib.files import write_csv
from vasolib.study import ROOT

PARTS = {"first": ("", "table2.csv"), "extended": ("v2/", "main.csv")}  # folder of a part, its table of means
PAIR = ["claim", "comparison", "dataset", "metric"]
SURE = {"reproduced", "not reproduced"}
Reader = Callable[[str], str]  # the text of a file below results/laptop


def reader(revision: str) -> Reader:
    """Reads the laptop results that a revision holds."""

    def text(name: str) -> str:
        command = ["git", "show", f"{revision}:results/laptop/{name}"]
        shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if shown.returncode:
            raise UserError(f"results/laptop/{name} of {revision}: {shown.stderr.strip()}")
        return shown.stdout

    return text


def agreement(part: str, old: Reader, new: Reader) -> dict[str, object]:
    """One row: DSC and clDice means and how far they moved, comparisons and claims and how many changed.

    `within`: means that moved by at most the root of both squared standard deviations; `largest`: in points;
    `reversed`: comparisons that went from reproduced to not reproduced or back.

    Raises:
        UserError: the runs differ in more than the processor, or in nothing.
    """
    folder, table = PARTS[part]
    facts = [json.loads(read(f"{folder}run.json")) for read in (old, new)]
    for name in ("parameters", "data", "cpu"):
        first, second = (fact[name] for fact in facts)
        if (first == second) is (name == "cpu"):
            found = f"is {first} in both" if name == "cpu" else f"is {first} and {second}"
            raise UserError(f"{name} of {folder}run.json {found}: give revisions that differ by the processor alone")
    means, pairs, claims = (
        joined(folder + name, keys, old, new)
        for name, keys in ((table, ["method", "dataset", "metric"]), ("claims.csv", PAIR), ("verdicts.csv", ["claim"]))
    )
    means = means[means["metric"].isin(["DSC", "clDice"]) & (means["sd_old"] + means["sd_new"]).gt(0)]
    moved = (means["mean_new"] - means["mean_old"]).abs()
    changed = pairs["verdict_old"] != pairs["verdict_new"]
    sure = pairs["verdict_old"].isin(SURE) & pairs["verdict_new"].isin(SURE)
    return {
        "part": part,
        "old": facts[0]["cpu"],
        "new": facts[1]["cpu"],
        "old_time": facts[0]["machine time"],
        "new_time": facts[1]["machine time"],
        "means": len(means),
        "within": int((moved <= np.hypot(means["sd_old"], means["sd_new"])).sum()),
        "median": moved.median(),
        "largest": moved.max(),
        "comparisons": len(pairs),
        "changed": int(changed.sum()),
        "reversed": int((changed & sure).sum()),
        "claims": len(claims),
        "claims_changed": int((claims["verdict_old"] != claims["verdict_new"]).sum()),
    }


def joined(name: str, keys: list[str], old: Reader, new: Reader) -> pd.DataFrame:
    """A table of both runs side by side, a row for each that both have; UserError where their rows differ."""
    tables = [pd.read_csv(io.StringIO(read(name))).fillna(dict.fromkeys(keys, "")) for read in (old, new)]
    both = tables[0].merge(tables[1], on=keys, suffixes=("_old", "_new"), validate="one_to_one")
    if not len(both) == len(tables[0]) == len(tables[1]):
        raise UserError(f"{name} has {len(tables[0])} and {len(tables[1])} rows, of which {len(both)} are alike")
    return both


def check(table: pd.DataFrame) -> str:
    """What was found, in words."""
    rows = [
        f"of the {row.part} paper's part {row.within} of {row.means} means lie within their joint standard deviation "
        f"(median {row.median:.2f}, largest {row.largest:.2f} points), {row.changed} of {row.comparisons} comparisons "
        f"have another verdict ({row.reversed} reversed), and so have {row.claims_changed} of {row.claims} claims; "
        f"stages took {row.new_time} beside {row.old_time}"
        for row in table.itertuples()
    ]
    first = table.iloc[0]
    about = f"scale laptop on {first['new']} (revision {first['new_revision']}) beside {first['old']} "
    return f"{about}({first['old_revision']}), all else alike: " + "; ".join(rows)


def run(given: argparse.Namespace) -> None:
    """Compare both parts, write the table and say it."""
    old, new = reader(given.old), reader(given.new)
    table = pd.DataFrame([agreement(part, old, new) for part in PARTS])
    table = table.assign(old_revision=given.old, new_revision=given.new)
    write_csv(given.results / "processors.csv", table)
    print(check(table))


def main(arguments: list[str] | None = None) -> int:
    """Command line, see --help."""
    options = parser("processors", "Laptop results of two processors, side by side.", real=False)
    options.set_defaults(results=ROOT / "results" / "reliability")
    options.add_argument("old", help="git revision that holds the results of one processor")
    options.add_argument("new", help="git revision that holds those of another")
    given = options.parse_args(arguments)
    return told(lambda: run(given))


if __name__ == "__main__":
    sys.exit(main())
