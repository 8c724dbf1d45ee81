"""`python -m benchmarks.scale`: store, anatomy and one epoch of reading of ever more images, and what millions take.

Each step runs in a process of its own, whose memory is looked at several times a second. Images are small, and files
are links to a few distinct ones: time counts there by its growth. Each size is done once more with store and anatomy
killed half way, and must come to the same bytes; reading leaves nothing that could be gone on with. What millions of
images take is projected from as many images of 512 x 512 as the smallest size has; its assumptions are printed with it.
"""

__all__ = ["check", "exponent", "main", "measure", "projection", "survives_kills"]

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
from joblib import cpu_count

from benchmarks.command import parser, told
from benchmarks.scale_steps import STEPS, draw_originals, files_of, half_written, link_images
from vasolib.errors import UserError
from vasolib.files import write_csv
from vasolib.run import cpu_name
from vasolib.study import ROOT

MIB = 2**20
LIMIT = 2048  # MiB that no step may take
STEEPEST = 1.2  # power of the number of images: one is linear, the rest is for a busy machine
PROJECTED = {"XA-170K": 171_478, "10 million": 10_000_000}
PROJECTED_SIDE = 512
EVERY = 0.1  # s between two looks at the memory
ASSUMPTIONS = """A projection, not a measurement: seconds an image of 512 x 512 above, times the number of images; store
and anatomy on {cores} cores of this machine, reading in one process; disk for a store and one set of masks at one byte
a pixel, without the source files; memory of its own, without what is mapped from files, which the system takes back
when it is short, as at 512 x 512, and from there as it grows between the sizes of {side} x {side}."""


def start(step: str, folder: Path, side: int) -> subprocess.Popen:
    """The process of a step, leader of a group of its own, so that its workers can be ended with it."""
    command = [sys.executable, "-m", "benchmarks.scale_steps", step, str(folder), str(side)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)


def memory(process: psutil.Process) -> tuple[float, float]:
    """MiB that a process and its workers have resident: with the files mapped into memory, and without."""
    resident = own = 0
    for one in (process, *process.children(recursive=True)):
        try:
            taken = one.memory_info()
        except psutil.NoSuchProcess:
            continue
        resident, own = resident + taken.rss, own + taken.rss - taken.shared
    return resident / MIB, own / MIB


def measure(step: str, folder: Path, count: int, side: int) -> dict[str, object]:
    """One row: seconds and peak memory of a step on `count` images."""
    process, looks = start(step, folder, side), []
    try:
        while process.poll() is None:
            looks.append(memory(psutil.Process(process.pid)))
            time.sleep(EVERY)
    finally:
        end(process)
    if process.returncode:
        raise RuntimeError(f"{step} of {count} images failed, see above")
    seconds = json.loads(process.stdout.read().splitlines()[-1])["seconds"]
    peak, own = np.max(looks, axis=0)
    row = {"kind": "measured", "step": step, "images": count, "side": side, "seconds": seconds}
    return row | {"per_second": count / seconds, "peak_mib": peak, "own_mib": own}


def end(process: subprocess.Popen) -> None:
    """Kill a process with its workers, if it still runs."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def survives_kills(undisturbed: Path, folder: Path, count: int, side: int) -> list[dict[str, object]]:
    """Rows of store and anatomy, killed half way and gone on with in `folder`.

    Raises AssertionError where a byte differs from `undisturbed`, or a step ended before it was killed.
    """
    rows = []
    for step in ("store", "anatomy"):
        process, growing = start(step, folder, side), half_written(step, folder)
        while process.poll() is None and not (growing.exists() and growing.stat().st_size > count * side**2 / 2):
            time.sleep(0.001)
        end(process)
        if process.returncode != -signal.SIGKILL or not growing.exists():
            raise AssertionError(f"{step} of {count} images ended before it was killed: give a larger first size")
        kept = growing.stat().st_size // side**2
        row = measure(step, folder, count, side)
        done = {"kind": "killed", "per_second": (count - kept) / row["seconds"]}
        rows.append(row | done | {"note": f"went on behind image {kept}, same bytes"})
    for one, other in zip(files_of(undisturbed), files_of(folder), strict=True):
        if one.read_bytes() != other.read_bytes():
            raise AssertionError(f"{one.name} differs after a kill")
    return rows


def exponent(counts: list[int], seconds: list[float]) -> float:
    """k of seconds ~ counts ** k: the slope of a least-squares line through the logarithms."""
    return float(np.polyfit(np.log(counts), np.log(seconds), 1)[0])


def projection(growing: pd.DataFrame, large: list[dict[str, object]], what: str, count: int) -> list[dict[str, object]]:
    """Rows of what `count` images would take.

    Args:
        growing: rows of ever more images, by which memory grows.
        large: a row per step, of images as large as those to be projected.
    """
    rows = []
    for one in large:
        group = growing[growing["step"] == one["step"]]
        slope = max(0.0, float(np.polyfit(group["images"], group["own_mib"], 1)[0]))
        seconds = count * one["seconds"] / one["images"]
        row = {"kind": f"projected: {what}", "step": one["step"], "images": count, "side": one["side"]}
        row |= {"seconds": seconds, "per_second": count / seconds}
        row |= {"own_mib": one["own_mib"] + slope * (count - one["images"])}
        rows.append(row | {"disk_gib": 0 if one["step"] == "reading" else count * one["side"] ** 2 / 2**30})
    return rows


def run(given: argparse.Namespace) -> pd.DataFrame:
    """All sizes, the kills, the projection; printed and written."""
    sizes = sorted(set(given.sizes))
    if len(sizes) < 2 or sizes[0] < 2:
        raise UserError(f"--sizes {given.sizes}: give two different numbers of images or more")
    given.work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=given.work) as scratch:
        growing, killed = [], []
        originals = draw_originals(Path(scratch, "originals"), min(given.distinct, sizes[0]), given.side)
        for size in sizes:
            folder, again = Path(scratch, str(size)), Path(scratch, f"{size}-killed")
            growing += all_steps(folder, size, given.side, originals)
            link_images(again, size, originals)
            killed += survives_kills(folder, again, size, given.side)
            print(f"killed half way, store and anatomy of {size} images came to the same bytes", flush=True)
            shutil.rmtree(folder)
            shutil.rmtree(again)
        originals = draw_originals(Path(scratch, "large originals"), min(given.distinct, sizes[0]), PROJECTED_SIDE)
        large = all_steps(Path(scratch, "large"), sizes[0], PROJECTED_SIDE, originals)
    return report(pd.DataFrame(growing), large, killed, given)


def all_steps(folder: Path, count: int, side: int, originals: list[Path]) -> list[dict[str, object]]:
    """A row per step on `count` images in a new folder."""
    link_images(folder, count, originals)
    rows = []
    for step in STEPS:
        rows.append(measure(step, folder, count, side))
        print(f"{step} of {count} images of {side} x {side}: {rows[-1]['seconds']:.1f} s", flush=True)
    return rows


def report(growing: pd.DataFrame, large: list[dict], killed: list[dict], given: argparse.Namespace) -> pd.DataFrame:
    """The whole table, with what it says in words."""
    fits = {step: exponent(group["images"], group["seconds"]) for step, group in growing.groupby("step")}
    projected = [row for what, count in PROJECTED.items() for row in projection(growing, large, what, count)]
    growing = growing.assign(exponent=growing["step"].map(fits))
    measured = pd.concat([growing, pd.DataFrame(killed), pd.DataFrame(large)], ignore_index=True)
    table = pd.concat([measured, pd.DataFrame(projected)], ignore_index=True).assign(processor=cpu_name())
    write_csv(given.results / "scale.csv", table)
    print(table.to_string(index=False, float_format="%.4g", na_rep=""))
    print(ASSUMPTIONS.format(side=given.side, cores=cpu_count()))
    check(fits, measured["peak_mib"].max())
    return table


def check(fits: dict[str, float], peak: float) -> None:
    """Say how steep time grows and how much memory (MiB) it takes at most.

    Raises:
        AssertionError: a step grows faster than linear, or memory passes LIMIT.
    """
    said = f"exponents: {', '.join(f'{step} {fit:.2f}' for step, fit in fits.items())}; largest peak: {peak:.0f} MiB"
    if max(fits.values()) > STEEPEST or peak >= LIMIT:
        raise AssertionError(f"{said}, expected at most {STEEPEST} and less than {LIMIT} MiB")
    print(f"{said}, below {LIMIT} MiB")


def main(arguments: list[str] | None = None) -> int:
    """Command line, see --help."""
    options = parser("scale", "Store, anatomy and reading of many images.", real=False)
    options.set_defaults(results=ROOT / "results" / "benchmarks")
    options.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000], help="numbers of images")
    options.add_argument("--side", type=int, default=64, help="of the images in pixels (default: 64)")
    options.add_argument("--distinct", type=int, default=200, help="images behind the links (default: 200)")
    options.add_argument("--work", type=Path, default=ROOT / "work" / "benchmarks", help="scratch folder")
    return told(lambda: run(options.parse_args(arguments)))


if __name__ == "__main__":
    raise SystemExit(main())
