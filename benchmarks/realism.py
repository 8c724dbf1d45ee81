"""`python -m benchmarks.realism --real FOLDER`: measurements of synthetic and real frames side by side.

All frames are brought to 512 x 512. The generator's choices were made on the half `tune` of the labelled real frames
(`--part tune`); the other half, the default, tells what they are worth. Sets without labels: all or keyframes,
where no label is needed.
"""

__all__ = ["compare", "main", "overlap", "summary"]

import argparse
import sys

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from benchmarks.command import parser, told
from benchmarks.image_statistics import SIDE, measure
from benchmarks.real_frames import RealSet, read_real
from benchmarks.synthetic_frames import draw_frames
from vasolib.data.sources import BENCHMARK_OFFSET
from vasolib.files import write_csv

RANGE = 0.1, 0.9  # quantiles


def overlap(first: tuple[float, float], second: tuple[float, float]) -> float:
    """Length of the intersection of two ranges over the length of the shorter; a point counts 1 inside, else 0."""
    shared = min(first[1], second[1]) - max(first[0], second[0])
    shorter = min(first[1] - first[0], second[1] - second[0])
    return max(shared, 0.0) / shorter if shorter > 0 else float(shared >= 0)


def summary(values: pd.DataFrame) -> pd.DataFrame:
    """n, mean, p10, median, p90 of each measurement and set; values: a row per frame, a column per measurement."""
    long = values.melt("set", var_name="measurement").dropna()
    groups = long.groupby(["measurement", "set"], sort=False)["value"]
    table = groups.quantile([RANGE[0], 0.5, RANGE[1]]).unstack().set_axis(["p10", "median", "p90"], axis=1)
    return pd.concat([groups.count().rename("n"), groups.mean().rename("mean"), table], axis=1).reset_index()


def compare(real: pd.DataFrame, synthetic: pd.DataFrame) -> pd.DataFrame:
    """`summary` of both; for each real set and each style (or all pooled), whether the real median lies within the
    synthetic 10-90 % range (`inside ...`), and the two ranges' `overlap` (`overlap ...`)."""
    pooled = summary(synthetic.assign(set="pooled"))
    styles, table = summary(synthetic), summary(real)
    for name, rows in [("pooled", pooled), *styles.groupby("set")]:
        ranges = rows.set_index("measurement")[["p10", "p90"]]
        pairs = [(row, tuple(ranges.loc[row.measurement])) for row in table.itertuples()]
        table[f"inside {name}"] = [low <= row.median <= high for row, (low, high) in pairs]
        table[f"overlap {name}"] = [overlap((row.p10, row.p90), ends) for row, ends in pairs]
    both = pd.concat([table, styles, pooled], ignore_index=True)
    order = {name: place for place, name in enumerate(dict.fromkeys(pooled["measurement"]))}
    return both.sort_values("measurement", key=lambda names: names.map(order), kind="stable", ignore_index=True)


def measure_real(sets: dict[str, RealSet], part: str) -> pd.DataFrame:
    """A row per frame: that `part` of each labelled set, the whole of the others."""
    rows = []
    for name, one in sets.items():
        chosen = [at for at, half in enumerate(one.parts) if one.masks is None or half == part]
        masks = [None] * len(one.images) if one.masks is None else one.masks
        found = Parallel(n_jobs=-1, batch_size=4)(delayed(measure)(one.images[at], masks[at]) for at in chosen)
        rows += [{"set": name, **values} for values in found]
        print(f"{name}: {len(chosen)} frames measured", flush=True)
    return pd.DataFrame(rows)


def measure_synthetic(seed: int, frames: int, styles: tuple[str, ...]) -> pd.DataFrame:
    """A row per frame, the first `frames` of each style's benchmark."""
    drawn = list(draw_frames(seed, frames * len(styles), styles, SIDE, first=BENCHMARK_OFFSET))
    found = Parallel(n_jobs=-1, batch_size=4)(delayed(measure)(image, mask) for _, image, mask in drawn)
    return pd.DataFrame([{"set": f"synth-{style}", **values} for (style, *_), values in zip(drawn, found, strict=True)])


def printed(table: pd.DataFrame) -> str:
    """The table for a terminal: numbers to three digits, blanks where there is nothing to compare with."""
    digits = {name: lambda value: "" if np.isnan(value) else f"{value:.3g}" for name in table.select_dtypes("float")}
    return table.to_string(index=False, formatters=digits, na_rep="")


def main(arguments: list[str] | None = None) -> int:
    """Command line, see --help."""
    options = parser("realism", "Synthetic beside real frames.")
    options.add_argument("--frames", type=int, default=100, help="synthetic frames a style (default: 100)")
    options.add_argument("--styles", default="a,b,c", help="default: a,b,c")
    options.add_argument("--seed", type=int, default=0, help="of the synthetic frames (default: 0)")
    options.add_argument(
        "--part", choices=["report", "tune"], default="report", help="half of the labelled real frames"
    )
    given = options.parse_args(arguments)
    return told(lambda: run(given))


def run(given: argparse.Namespace) -> None:
    """Measure, compare, write and print."""
    real = measure_real(read_real(given.real, SIDE), given.part)
    table = compare(real, measure_synthetic(given.seed, given.frames, tuple(given.styles.split(","))))
    table.insert(2, "part", ["" if name.startswith(("synth-", "pooled")) else given.part for name in table["set"]])
    table.loc[table["set"].isin(unlabelled(real)), "part"] = "all"
    path = given.results / f"realism_{given.part}.csv"
    write_csv(path, table)
    print(f"{printed(table)}\n{path}")


def unlabelled(real: pd.DataFrame) -> list[str]:
    """The sets of which no frame has a measurement that needs a label."""
    missing = real.groupby("set")["vessel area share"].apply(lambda values: values.isna().all())
    return list(missing.index[missing])


if __name__ == "__main__":
    sys.exit(main())
