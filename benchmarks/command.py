"""What the benchmarks' command lines share: options, and a wrong input told in one line."""

__all__ = ["parser", "told"]

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from vasolib.errors import UserError
from vasolib.study import ROOT


def parser(name: str, description: str, *, real: bool = True, trains: bool = False) -> argparse.ArgumentParser:
    """The parser of `python -m benchmarks.<name>`.

    Args:
        real: whether it needs real frames.
        trains: whether it trains networks.
    """
    options = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=description)
    if real:
        options.add_argument("--real", type=Path, required=True, help="folder with one sub-folder per real set")
    if trains:
        options.add_argument("--threads", type=int, default=1, help="of torch (default: 1)")
        options.add_argument("--work", type=Path, default=ROOT / "work" / "benchmarks", help="scratch folder")
    options.add_argument("--results", type=Path, default=ROOT / "results" / "realism", help="folder of the tables")
    return options


def told(action: Callable[[], object]) -> int:
    """The exit status of a command: 0, or 1 with one line on stderr where an input is wrong."""
    try:
        action()
    except (UserError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0
