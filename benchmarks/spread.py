"""`python -m benchmarks.spread`: what the tables of the smoke run may differ by on another machine.

Runs the pipeline at scale smoke as other machines would: with two threads, and on a processor that knows AVX2 but
neither AVX-512 nor bfloat16, which numerical libraries are told by environment variables; and as it is here, which on
another machine than the one that made the expected tables tells what a real other processor changes. Tolerances are
FACTOR times the largest difference to the expected tables; `expected/tolerances.csv` is written whole, with --keep no
tolerance in it becomes smaller, with --part those of the other part's tables stay.
"""

__all__ = ["CONDITIONS", "FACTOR", "larger", "main", "tolerances"]

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.command import parser, told
from benchmarks.study import carry_out, project
from vasolib.agreement import ABSENT, EQUAL, compare, groups, number_columns, read_tables, summary
from vasolib.errors import UserError
from vasolib.files import write_csv
from vasolib.pipeline import PARTS
from vasolib.study import ROOT
from vasolib.verify import EXPECTED, SCALE, belongs, expected_files, read_tolerances, recorded

FACTOR = 3.0
ROUNDING = 1e-6  # relative: tables have eight digits
AVX2 = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
    "NUMBA_CPU_NAME": "haswell",
    "ONEDNN_MAX_CPU_ISA": "AVX2",  # without bfloat16, so that training is in single precision
    "OPENBLAS_CORETYPE": "Haswell",
}
CONDITIONS = {"here": (1, {}), "two threads": (2, {}), "AVX2": (1, AVX2)}  # threads of a stage, environment
KEY = ["file", "column", "group"]


def unmeasured(expected: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Tolerances of the tables' columns before anything was measured: text is equal, numbers are but for rounding."""
    numbers = number_columns(expected.values())
    rows = [
        [name, column, group, 0.0, ROUNDING if column in numbers else 0.0, "rounding" if column in numbers else EQUAL]
        for name, table in expected.items()
        for column in table
        for group in sorted(set(groups(table)) or {""})  # of a table without rows, one
    ]
    return pd.DataFrame(rows, columns=["file", "column", "group", "absolute", "relative", "source"])


def tolerances(expected: dict[str, pd.DataFrame], runs: dict[str, dict[str, pd.DataFrame]]) -> pd.DataFrame:
    """Tolerances of the expected tables' columns from runs under several conditions.

    A column that a condition changes and that holds no number there, or not always one, may be anything.

    Raises:
        UserError: a condition changes which rows, columns or tables there are.
    """
    table = unmeasured(expected)
    for condition, found in runs.items():
        cells = compare(expected, found, unmeasured(expected))
        absent = cells[["expected", "found"]].eq(ABSENT).any(axis=1)
        if absent.any():
            lost = sorted(set(cells.loc[absent, "file"]))
            raise UserError(f"{condition}: rows or columns of {', '.join(lost)} are not those of `expected`")
        spread = (
            FACTOR * cells.groupby(KEY)["difference"].max().reindex(pd.MultiIndex.from_frame(table[KEY])).to_numpy()
        )
        larger = spread > table["absolute"]
        source = np.where(np.isinf(spread), f"may be anything: {condition}", f"{FACTOR:g} x spread: {condition}")
        table = table.assign(
            absolute=table["absolute"].mask(larger, spread), source=table["source"].mask(larger, pd.Series(source))
        )
    return table


def run_under(condition: str, work: Path, jobs: int, part: str) -> dict[str, pd.DataFrame]:
    """A part's tables of the pipeline under a condition, run in a copy of the project that stays, to go on with."""
    threads, variables = CONDITIONS[condition]
    study = project(work / condition.replace(" ", "_"), threads)
    carry_out(study, "vasolib.pipeline", "--scale", SCALE, "--part", part, "--jobs", str(jobs), environment=variables)
    return read_tables(recorded(study, part))


def larger(table: pd.DataFrame, kept: pd.DataFrame) -> pd.DataFrame:
    """A table of tolerances with those of `kept`, measured for the same expected tables elsewhere, that are larger."""
    old = kept.set_index(KEY).reindex(pd.MultiIndex.from_frame(table[KEY])).reset_index(drop=True)
    more = old["absolute"] > table["absolute"]
    return table.assign(
        absolute=table["absolute"].mask(more, old["absolute"]), source=table["source"].mask(more, old["source"])
    )


def measure(work: Path, jobs: int, conditions: Sequence[str], keep: bool, part: str) -> None:
    """Run the conditions, print what they change, write the tolerances."""
    expected = read_tables(expected_files(EXPECTED))
    others = {name: table for name, table in expected.items() if not belongs(name, part)}
    runs = {condition: others | run_under(condition, work, jobs, part) for condition in conditions}
    table = tolerances(expected, runs)  # of all, as a column that is a number in one part is one in the other
    if keep:
        table = larger(table, read_tolerances(EXPECTED))
    if others:
        before, mine = read_tolerances(EXPECTED), ~table["file"].isin(others)
        table = pd.concat([before[before["file"].isin(others)], table[mine]], ignore_index=True)
    for condition, found in runs.items():
        print(f"{condition}:", summary(compare(expected, found, table)).to_string(index=False), sep="\n")
    write_csv(EXPECTED / "tolerances.csv", table)


def main(arguments: list[str] | None = None) -> int:
    """Command line, see --help."""
    options = parser("spread", "What the smoke run's tables may differ by on another machine.", real=False)
    options.add_argument("--work", type=Path, default=ROOT / "work" / "benchmarks" / "spread", help="scratch folder")
    options.add_argument("--jobs", type=int, default=2, help="stages side by side (default: 2)")
    options.add_argument("--conditions", nargs="+", choices=CONDITIONS, default=CONDITIONS, help="which (default: all)")
    options.add_argument("--keep", action="store_true", help="make no tolerance smaller than it is")
    options.add_argument("--part", choices=PARTS, default="all", help="v1, v2 (the extended paper's) or all (default)")
    given = options.parse_args(arguments)
    return told(lambda: measure(given.work, given.jobs, given.conditions, given.keep, given.part))


if __name__ == "__main__":
    raise SystemExit(main())
