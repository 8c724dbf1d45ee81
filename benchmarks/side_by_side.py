"""Our way beside the plain way in one process, by turns, so that a busy machine is busy for both."""

__all__ = ["Row", "compare", "report", "step_parser", "told_rows"]

import argparse
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd
import torch

from benchmarks.command import parser, told
from vasolib.files import write_csv
from vasolib.run import cpu_name
from vasolib.study import ROOT


@dataclass(frozen=True)
class Row:
    """One step: milliseconds of both ways (medians), the ratio of each turn (median, least, largest), the aim,
    whether both gave the same result, in words that say by which measure, and if the aim is the most it should be."""

    step: str
    plain_ms: float
    ours_ms: float
    ratio: float
    least: float
    largest: float
    aim: float
    same: str
    most: bool = False


def compare(
    step: str,
    plain: Callable[[], object],
    ours: Callable[[], object],
    aim: float,
    same: str,
    turns: int = 5,
    most: bool = False,
) -> Row:
    """Time both by turns after one call of each that is not counted (imports, compilation, caches).

    Args:
        aim: the ratio plain / ours that is aimed at.
        same: what was compared of the two results, and how they agree; the caller has checked it.
        turns: at least 5.
        most: the ratio should not be larger than the aim, instead of not smaller.
    """
    plain(), ours()
    pairs = [(seconds(plain), seconds(ours)) for _ in range(turns)]
    ratios = [a / b for a, b in pairs]
    slow, fast = (1e3 * statistics.median(times) for times in zip(*pairs, strict=True))
    return Row(step, slow, fast, statistics.median(ratios), min(ratios), max(ratios), aim, same, most)


def seconds(action: Callable[[], object]) -> float:
    """How long one call takes."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def report(rows: list[Row], folder: Path, name: str) -> pd.DataFrame:
    """Print the rows and write them, with the processor's name, to <folder>/<name>.csv."""
    table = pd.DataFrame([asdict(row) for row in rows]).assign(processor=cpu_name())
    write_csv(folder / f"{name}.csv", table)
    print(table.to_string(index=False, float_format="%.3g"))
    return table


def step_parser(name: str, description: str, turns: int = 5) -> argparse.ArgumentParser:
    """The parser of a benchmark of one step, which takes so many turns unless told otherwise."""
    options = parser(name, description, real=False)
    options.set_defaults(results=ROOT / "results" / "benchmarks")
    options.add_argument("--turns", type=int, default=turns, help=f"how often each way is timed (default: {turns})")
    options.add_argument("--threads", type=int, default=1, help="of torch (default: 1)")
    return options


def told_rows(given: argparse.Namespace, name: str, rows: Callable[[argparse.Namespace], list[Row]]) -> int:
    """The exit status of a benchmark: its rows made and reported."""
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # these compare ways of the processor, on a machine with a GPU too
    torch.set_num_threads(given.threads)
    return told(lambda: report(rows(given), given.results, name))
