"""`python -m benchmarks.anatomy_parts --real FOLDER`: the robust extractor beside the papers' recipe, part by part.

Masks are drawn at each frame's own size and compared with the labels there. The extractor's defaults were chosen on
the half `tune` of the labelled frames; the half `report` tells what they are worth. The papers' recipe is taken both
at the frame's own size, as released, and at the study's working side.
"""

__all__ = ["VARIANTS", "failures_figure", "main", "parts_figure", "score_frames", "summary"]

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.command import parser, told
from benchmarks.real_frames import halves
from vasolib.anatomy import extract_anatomy, reference_anatomy
from vasolib.data.folder import find_sets
from vasolib.data.reading import read_image, read_mask
from vasolib.errors import UserError
from vasolib.files import write_csv
from vasolib.metrics import cldice, dsc
from vasolib.plots import COLOURS, panels, save, show_image
from vasolib.robust import robust_anatomy
from vasolib.study import ROOT

REFERENCE, ROBUST = "reference at 512", "robust"
FAILURE = 0.2  # DSC below which a mask shows something else than the vessels
WORST = 4  # frames of each set that are drawn
VARIANTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "reference as released": reference_anatomy,
    REFERENCE: partial(extract_anatomy, percentile=92, border=20, working_side=512),
    ROBUST: robust_anatomy,
    "without field of view": partial(robust_anatomy, margin=None),
    "without logarithm": partial(robust_anatomy, logarithm=False),
    "without flat background": partial(robust_anatomy, background=0.0),
    "without one working side": partial(robust_anatomy, working_side=None),
    "without blob suppression": partial(robust_anatomy, blob=0.0),
    "without relative threshold": partial(robust_anatomy, share=None),
    "without several regions": partial(robust_anatomy, mass=1.0),
}


@dataclass(frozen=True)
class LabelledFrame:
    """A frame (S, S) uint8 at its own size, its label (S, S) of 0 and 1, and the half of its set that it is in."""

    set: str
    stem: str
    half: str
    image: np.ndarray
    label: np.ndarray


def labelled_frames(root: Path) -> Iterator[LabelledFrame]:
    """All frames with a label below `root`; UserError where there is none, or one is not square."""
    sets = [one for one in find_sets(root)[0].values() if one.masks]
    if not sets:
        raise UserError(f"no labelled set in {root}: expected a folder `masks` beside `images` in one of its folders")
    for one in sets:
        stems = [path.stem for path in one.images]
        for path, mask, half in zip(one.images, one.masks, halves(one.name, stems), strict=True):
            image = read_image(path)
            if image.shape[0] != image.shape[1]:
                raise UserError(f"{path} is {image.shape[1]} x {image.shape[0]} pixels, expected a square: cut it")
            yield LabelledFrame(one.name, path.stem, half, image, read_mask(mask, image.shape))


def score_frame(frame: LabelledFrame, variants: dict[str, Callable[[np.ndarray], np.ndarray]]) -> list[dict]:
    """A row per variant: set, stem, half, variant, dsc and cldice from 0 to 1."""
    about = {"set": frame.set, "stem": frame.stem, "half": frame.half}
    masks = {name: extract(frame.image) for name, extract in variants.items()}
    return [
        {**about, "variant": name, "dsc": dsc(mask, frame.label), "cldice": cldice(mask, frame.label)}
        for name, mask in masks.items()
    ]


def score_frames(frames: list[LabelledFrame], jobs: int = 1) -> pd.DataFrame:
    """`score_frame` of all frames under `VARIANTS`, on `jobs` processes (-1: all cores)."""
    rows = Parallel(n_jobs=jobs, batch_size=4)(delayed(score_frame)(frame, VARIANTS) for frame in frames)
    return pd.DataFrame([row for found in rows for row in found])


def summary(scores: pd.DataFrame) -> pd.DataFrame:
    """A row per set, half (the half to report first) and variant: n, mean and median DSC, mean clDice, and the share
    of frames with a DSC below `FAILURE`."""
    named = {
        "n": ("dsc", "size"),
        "mean dsc": ("dsc", "mean"),
        "median dsc": ("dsc", "median"),
        "mean cldice": ("cldice", "mean"),
        "failures": ("dsc", lambda values: (values < FAILURE).mean()),
    }
    table = scores.groupby(["set", "half", "variant"], sort=False).agg(**named).reset_index()
    order = {name: rank for rank, name in enumerate(("report", "tune", *VARIANTS))}
    return table.sort_values(
        ["set", "half", "variant"], key=lambda names: names.map(lambda name: order.get(name, name)), ignore_index=True
    )


def parts_figure(scores: pd.DataFrame) -> Figure:
    """DSC of each frame, recipe against robust, one panel per set; then the mean of each variant on the half to
    report."""
    sets = list(dict.fromkeys(scores["set"]))
    figure, grid = panels(1, len(sets) + 1, 3.2, 3.3)
    for axes, name in zip(grid.flat, sets, strict=False):
        _draw_pairs(axes, scores[scores["set"] == name], name)
    _draw_means(grid.flat[-1], scores[scores["half"] == "report"], sets)
    return figure


def _draw_pairs(axes: Axes, scores: pd.DataFrame, name: str) -> None:
    """A point per frame; above the diagonal the robust mask is the better one."""
    pairs = scores.pivot_table("dsc", ["stem", "half"], "variant").reset_index()
    axes.plot([0, 1], [0, 1], color="#888888", linestyle="-", linewidth=0.8)
    for half, marker, colour in (("tune", "x", COLOURS[4]), ("report", "o", COLOURS[0])):
        chosen = pairs[pairs["half"] == half]
        axes.scatter(chosen[REFERENCE], chosen[ROBUST], 12, colour, marker=marker, linewidths=0.8, label=half)
    axes.set(title=name, xlabel=f"DSC, {REFERENCE}", ylabel="DSC, robust", xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes.legend(title="half", loc="lower right")


def _draw_means(axes: Axes, scores: pd.DataFrame, sets: list[str]) -> None:
    """The variants from top to bottom, each set's mean with its standard error; a line at the robust extractor's."""
    names = list(VARIANTS)
    for name, marker, colour in zip(sets, "osD^v" * len(sets), COLOURS * len(sets), strict=False):
        groups = scores[scores["set"] == name].groupby("variant")["dsc"]
        means, errors = groups.mean().reindex(names), groups.sem().reindex(names)
        axes.axvline(means[ROBUST], color=colour, linestyle=":", linewidth=0.8)
        axes.errorbar(means, range(len(names)), xerr=errors, fmt=marker, color=colour, markersize=4, label=name)
    axes.set(title="half to report", xlabel="mean DSC ± standard error", xlim=(0, 1), yticks=range(len(names)))
    axes.set_yticklabels(names)
    axes.invert_yaxis()
    axes.legend(loc="lower left")


def failures_figure(frames: list[LabelledFrame], scores: pd.DataFrame) -> Figure:
    """The `WORST` frames of each set's half to report, a row per set, with the outlines of label and robust mask."""
    chosen = scores[(scores["half"] == "report") & (scores["variant"] == ROBUST)].sort_values("dsc")
    by_name = {(frame.set, frame.stem): frame for frame in frames}
    sets = list(dict.fromkeys(scores["set"]))
    figure, grid = panels(len(sets), WORST, 2.4, 2.6)
    for axes in grid.flat:
        axes.set_axis_off()
    for row, name in zip(grid, sets, strict=True):
        worst = chosen[chosen["set"] == name].head(WORST)
        for axes, (stem, score) in zip(row, zip(worst["stem"], worst["dsc"], strict=True), strict=False):
            frame = by_name[name, stem]
            show_image(axes, frame.image, title=f"{name} {stem}: {score:.2f}")
            axes.contour(frame.label, [0.5], colors=COLOURS[5], linewidths=0.8)
            axes.contour(robust_anatomy(frame.image), [0.5], colors=COLOURS[4], linewidths=0.8)
    lines = [Line2D([], [], color=COLOURS[5], linestyle="-"), Line2D([], [], color=COLOURS[4], linestyle="-")]
    figure.legend(lines, ["label", "robust mask"], loc="outside lower center", ncols=2)
    return figure


def run(given: argparse.Namespace) -> None:
    """Score, write, draw and print."""
    frames = list(labelled_frames(given.real))
    scores = score_frames(frames, given.jobs)
    table = summary(scores)
    write_csv(given.results / "parts.csv", table)
    save(parts_figure(scores), given.figures / "parts.png")
    save(failures_figure(frames, scores), given.figures / "failures.png")
    print(f"{table.to_string(index=False, float_format='%.3f')}\n{given.results / 'parts.csv'}")


def main(arguments: list[str] | None = None) -> int:
    """Command line, see --help."""
    options = parser("anatomy_parts", "Vessel masks without labels: the recipe, the robust extractor, its parts.")
    options.add_argument("--figures", type=Path, default=ROOT / "figures" / "anatomy", help="folder of the figures")
    options.add_argument("--jobs", type=int, default=-1, help="processes (default: one per core)")
    options.set_defaults(results=ROOT / "results" / "anatomy")
    given = options.parse_args(arguments)
    return told(lambda: run(given))


if __name__ == "__main__":
    sys.exit(main())
