"""`python -m benchmarks.all`: every benchmark of speed, one after another, in one table.

Each runs as a command of its own and writes its table below results/benchmarks; all rows together are
results/benchmarks.csv. A benchmark that fails is named at the end and has no rows; the others' are kept.
"""

__all__ = ["BENCHMARKS", "main"]

import subprocess
import sys
from pathlib import Path

import pandas as pd

from benchmarks.command import parser, told
from vasolib.errors import UserError
from vasolib.files import write_csv
from vasolib.study import ROOT

BENCHMARKS = (
    "anatomy", "masking", "steps", "reading", "scores", "generation", "startup", "processes", "scale", "study",
)  # fmt: skip


def run_all(names: list[str], folder: Path) -> None:
    """Run benchmarks and write <folder>.csv of those that have a table.

    Raises:
        UserError: some failed; names them.
    """
    failed = []
    for name in names:
        print(f"== {name}", flush=True)
        command = [sys.executable, "-m", f"benchmarks.{name}", "--results", str(folder)]
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            failed.append(name)
            (folder / f"{name}.csv").unlink(missing_ok=True)  # older rows would pass for those of this run
    tables = {name: folder / f"{name}.csv" for name in BENCHMARKS}
    found = [pd.read_csv(path).assign(benchmark=name) for name, path in tables.items() if path.is_file()]
    if found:
        write_csv(folder.with_suffix(".csv"), pd.concat(found).set_index("benchmark").reset_index())
    if failed:
        raise UserError(f"failed: {', '.join(failed)} (see above); the rows of the others are kept")


def main(arguments: list[str] | None = None) -> int:
    """Command line, see --help."""
    options = parser("all", "Every benchmark of speed.", real=False)
    options.set_defaults(results=ROOT / "results" / "benchmarks")
    options.add_argument("--only", nargs="+", default=list(BENCHMARKS), choices=BENCHMARKS, help="these alone")
    given = options.parse_args(arguments)
    return told(lambda: run_all(given.only, given.results))


if __name__ == "__main__":
    raise SystemExit(main())
