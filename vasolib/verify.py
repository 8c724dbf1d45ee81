"""`python -m vasolib.verify`: do the numbers that this machine makes agree with those that are committed?

Runs what is stale at scale smoke, compares the run's tables and training logs with those in the folder `expected`, each
number within its tolerance, and says what differs between this machine and the one that made them.
"""

__all__ = [
    "EXPECTED", "SCALE", "belongs", "environment", "expected_files", "main", "read_tolerances", "recorded", "refresh",
    "verify",
]  # fmt: skip

import argparse
import json
import shutil
import sys
from pathlib import Path

import pandas as pd

from vasolib import pipeline
from vasolib.agreement import compare, disagreements, read_tables, summary
from vasolib.doctor import check_packages
from vasolib.errors import UserError
from vasolib.files import atomic
from vasolib.study import ROOT, Study

EXPECTED = ROOT / "expected"
SCALE = "smoke"
EXTENDED = "v2"  # the folder of the extended part's files, in `results` and in `work`
FACTS = "results/run.json", "results/v2/run.json"
NOT_FACTS = {"machine time"}
NOT_COMPARED = {"runtimes.csv", "costs.csv"}  # differ with every run
SHOWN = 40  # disagreements told one by one


def belongs(name: str, part: str) -> bool:
    """Whether a file, by its name in `expected`, is made by a part of the study, see `vasolib.pipeline`."""
    return part == "all" or (EXTENDED in Path(name).parts) == (part == "v2")


def recorded(study: Study, part: str = "all") -> dict[str, Path]:
    """The tables of a run that are verified, by their names in `expected`: results, training logs, stores' tables.

    Args:
        part: of which one, see `vasolib.pipeline`.
    """
    found = {}
    for kind, pattern in (("results", "**/*.csv"), ("work", "**/log.csv"), ("work", "**/stores/*/table.csv")):
        folder = getattr(study, kind)()
        paths = (path for path in folder.glob(pattern) if path.name not in NOT_COMPARED)
        found |= {f"{kind}/{path.relative_to(folder).as_posix()}": path for path in paths}
    return {name: path for name, path in sorted(found.items()) if belongs(name, part)}


def expected_files(folder: Path, part: str = "all") -> dict[str, Path]:
    """The expected tables of a part by their names.

    Raises:
        UserError: there are none.
    """
    names = {path.relative_to(folder / SCALE).as_posix(): path for path in (folder / SCALE).rglob("*.csv")}
    found = {name: path for name, path in names.items() if belongs(name, part)}
    if not found:
        raise UserError(f"{folder / SCALE} holds no table: restore it from the repository, or make it with --refresh")
    return found


def read_tolerances(folder: Path) -> pd.DataFrame:
    """What each column may differ by, see `vasolib.agreement.compare`; UserError without a table of them."""
    path, remedy = folder / "tolerances.csv", "restore it from the repository, or make it with benchmarks.spread"
    if not path.is_file():
        raise UserError(f"{path} is missing: {remedy}")
    table = pd.read_csv(path, keep_default_na=False, dtype={"group": str})
    columns = ["file", "column", "group", "absolute", "relative", "source"]
    if list(table.columns) != columns:
        raise UserError(f"{path} has columns {list(table.columns)}, expected {columns}: {remedy}")
    return table


def verify(study: Study, folder: Path, part: str = "all", exact: bool = False) -> pd.DataFrame:
    """Every cell of a run's tables beside the expected one, see `vasolib.agreement.compare`.

    Args:
        part: whose tables, see `vasolib.pipeline`.
        exact: allow no number to differ.

    Raises:
        UserError: expected tables or tolerances are missing.
    """
    allowed = read_tolerances(folder)
    if exact:
        allowed = allowed.assign(absolute=0.0, relative=0.0)
    return compare(read_tables(expected_files(folder, part)), read_tables(recorded(study, part)), allowed)


def other_bytes(study: Study, folder: Path, part: str) -> list[str]:
    """A line for each table that both sides have and whose files are not the same bytes."""
    found = recorded(study)
    both = [(name, path) for name, path in expected_files(folder, part).items() if name in found]
    return [f"{name}: other bytes" for name, path in both if path.read_bytes() != found[name].read_bytes()]


def environment(study: Study, folder: Path, part: str) -> list[str]:
    """A line for each fact in which this run differs from the expected one: parameters, processor, versions."""
    lines = []
    for name in (name for name in FACTS if belongs(name, part)):
        paths = {"expected": folder / SCALE / name, "here": study.results(*Path(name).parts[1:])}
        facts = {side: json.loads(p.read_text(encoding="utf-8")) if p.is_file() else {} for side, p in paths.items()}
        names = sorted({*facts["expected"], *facts["here"]} - NOT_FACTS)
        told = [(fact, *(facts[side].get(fact, "not recorded") for side in paths)) for fact in names]
        lines += [f"{fact}: expected {expected}, here {here}" for fact, expected, here in told if expected != here]
    return list(dict.fromkeys(lines))


def refresh(study: Study, folder: Path, part: str = "all") -> int:
    """Make a part of the present run the expected one; how many tables it has.

    The other part's tables and all tolerances stay as they are.
    """
    tables = recorded(study, part)
    facts = {name: study.results(*Path(name).parts[1:]) for name in FACTS if belongs(name, part)}
    kept = {p.relative_to(folder / SCALE).as_posix(): p for p in (folder / SCALE).rglob("*") if p.is_file()}
    kept = {name: path for name, path in kept.items() if not belongs(name, part)}
    with atomic(folder / SCALE) as temporary:
        for name, path in {**kept, **tables, **facts}.items():
            (temporary / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, temporary / name)
    return len(tables)


def report(cells: pd.DataFrame, notes: list[str], differs: list[str]) -> bool:
    """Print what agrees and what does not, and what may be the reason; whether everything agrees."""
    table = summary(cells).assign(verdict=lambda rows: rows["differ"].map(lambda n: "differs" if n else "agrees"))
    print(table.to_string(index=False, na_rep="", float_format=lambda value: f"{value:.3g}"))
    print(f"\n{cells['agrees'].sum()} of {len(cells)} cells agree, in {cells['file'].nunique()} tables.")
    lines = disagreements(cells) + differs
    for line in (*lines[:SHOWN], *([f"and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else [])):
        print(line)
    packages = check_packages(ROOT / "requirements.lock")
    print("Where this run and the expected one differ:", *(notes or ["nothing that is recorded"]), packages, sep="\n  ")
    print("verified" if not lines else "not verified")
    return not lines


def main(arguments: list[str] | None = None) -> int:
    """Command line, see --help; 0 where everything agrees."""
    parser = argparse.ArgumentParser(prog="python -m vasolib.verify", description="Does this copy give our numbers?")
    parser.add_argument("--part", choices=pipeline.PARTS, default="all", help="v1, v2 (the extended paper's) or all")
    parser.add_argument("--jobs", type=int, help="stages side by side (default: as in vasolib.pipeline)")
    parser.add_argument("--exact", action="store_true", help="byte for byte: the same machine and the same lock")
    parser.add_argument("--refresh", action="store_true", help="make this run the expected one")
    given = parser.parse_args(arguments)
    jobs = [] if given.jobs is None else ["--jobs", str(given.jobs)]
    status = pipeline.main(["--scale", SCALE, "--part", given.part, *jobs])
    if status:
        return status
    try:
        study = Study.open(SCALE)
        if given.refresh:
            count = refresh(study, EXPECTED, given.part)
            print(f"expected/{SCALE} now holds this run's {count} tables: look at what changed before committing them")
            return 0
        cells = verify(study, EXPECTED, given.part, given.exact)
        differs = other_bytes(study, EXPECTED, given.part) if given.exact else []
        return 0 if report(cells, environment(study, EXPECTED, given.part), differs) else 1
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
