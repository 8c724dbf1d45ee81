"""`python -m benchmarks.show`: write into the README what `make study` on the synthetic data does not make.

The benchmarks' tables and those of the study on real angiograms, each between the markers of its block; and into the
page on reliability what was measured for it.
"""

__all__ = ["labels_needed_table", "main", "parts_table", "rates_table", "real_parts", "realism_table", "transfer_table"]

import json
import sys
from pathlib import Path

import pandas as pd

from benchmarks import long_run, processors, recordings, stages
from benchmarks.command import parser, told
from benchmarks.speed_tables import (
    AIMS,
    growth_table,
    measured_on,
    profile_table,
    speed_table,
    targets_table,
    whole_table,
)
from benchmarks.study import profile_of
from vasolib.errors import UserError
from vasolib.report import ITEMS, counted, read_table, replace_block, run_line
from vasolib.report_tables import compact_grid, grid, markdown, piped
from vasolib.study import ROOT, Study

RECORDED = ("data.csv", "redundancy.csv", "leaks.csv", recordings.BOXED)
MADE_BY = {  # table below results -> the command that makes it
    "realism/realism_report.csv": "benchmarks.realism --real FOLDER",
    "realism/transfer.csv": "benchmarks.transfer --real FOLDER",
    "realism/labels_needed.csv": "benchmarks.labels_needed --real FOLDER",
    "rates/laptop.csv": "benchmarks.rates",
    "rates/laptop_denoise.csv": "benchmarks.denoise_rates",
    "anatomy/parts.csv": "benchmarks.anatomy_parts --real FOLDER",
    "benchmarks.csv": "benchmarks.all",
    "benchmarks/scale.csv": "benchmarks.scale",
    "benchmarks/targets.csv": "benchmarks.targets",
    "laptop/runtimes.csv": "vasolib.pipeline",
    "reliability/memory.csv": "benchmarks.long_run",
    "reliability/stages.csv": "benchmarks.stages",
    "reliability/processors.csv": "benchmarks.processors OLD NEW",
}
WHOLE = {part: f"laptop/whole_{part}.json" for part in AIMS}  # as `vasolib.pipeline` records a whole run
MADE_BY |= {f"laptop-real/v2/{name}": "benchmarks.recordings --real FOLDER/real" for name in RECORDED}
MEASURED = {"memory": long_run.check, "stages": stages.check, "processors": processors.check}  # results/reliability
REAL = "laptop-real"  # what `make study DATA=<...>/real` calls its results
REAL_TABLES = ("data.csv", "table2.csv", "table3.csv", "table5.csv")


def realism_table(table: pd.DataFrame) -> str:
    """A row per measurement: `10 % / median / 90 %` of each set, which real medians the synthetic ranges hold, and the
    smallest overlap of a real with the pooled synthetic range."""
    sets = list(dict.fromkeys(table["set"]))
    lines = [["measurement", *sets, "median inside", "least overlap"], ["---", *["--:"] * len(sets), "---", "--:"]]
    for name, rows in table.groupby("measurement", sort=False):
        found = rows.set_index("set")
        ranges = [_range(found.loc[one]) if one in found.index else "–" for one in sets]
        real = found.dropna(subset="inside pooled")
        inside = [one for one, row in real.iterrows() if row["inside pooled"] in (True, "True")]
        lines.append([name, *ranges, f"{len(inside)} of {len(real)}", f"{real['overlap pooled'].min():.2f}"])
    return piped(lines)


def _range(row: pd.Series) -> str:
    return " / ".join(f"{row[column]:.3g}" for column in ("p10", "median", "p90"))


def transfer_table(table: pd.DataFrame) -> str:
    """A row per training on synthetic frames alone, the DSC on each part of each real set."""
    scores = [name for name in table.columns if name.endswith((" tune", " report"))]
    about = ["what", "images", "side", "width", "steps", "seed"]
    lines = [[*about, *scores], ["---", *["--:"] * (len(about) + len(scores) - 1)]]
    for _, row in table.iterrows():
        lines.append([*(str(row[name]) for name in about), *(f"{row[name]:.1f}" for name in scores)])
    return piped(lines)


def labels_needed_table(table: pd.DataFrame) -> str:
    """A row per real set and number of labelled frames, a column per arm: DSC, mean ± deviation over seeds."""
    arms = list(dict.fromkeys(table["arm"]))
    lines = [["data set", "labelled frames", *arms], ["---", *["--:"] * (len(arms) + 1)]]
    for (name, frames), rows in table.groupby(["dataset", "frames"], sort=False):
        found = rows.set_index("arm")
        cells = [f"{found.dsc_mean[arm]:.2f} ± {found.dsc_sd[arm]:.2f} ({found.seeds[arm]})" for arm in arms]
        lines.append([name, str(frames), *cells])
    return piped(lines)


def rates_table(table: pd.DataFrame, chosen: dict[str, float], decimals: int = 1) -> str:
    """A row per method and length, a column per rate: scores, bold where the rate is the one in params.yaml."""
    rates, keys = sorted(table["lr"].unique()), [name for name in ("method", "epochs") if name in table]
    sets = [name for name in table.columns if name not in ("method", "lr", "epochs", "minutes")]
    lines = [[*keys, *(f"{rate:g}" for rate in rates)], ["---", *["--:"] * (len(keys) - 1 + len(rates))]]
    for (method, *length), rows in table.groupby(keys, sort=False):
        found = rows.set_index("lr")[sets]
        texts = dict.fromkeys(rates, "–")
        texts |= {rate: " / ".join(f"{value:.{decimals}f}" for value in found.loc[rate]) for rate in found.index}
        if chosen[method] in found.index:
            texts[chosen[method]] = f"**{texts[chosen[method]]}**"
        lines.append([method, *map(str, length), *texts.values()])
    return piped(lines)


def parts_table(table: pd.DataFrame) -> str:
    """A row per variant of the extraction, the mean DSC and the share of failures on each half of each set."""
    table = table.assign(text=[f"{m:.3f} ({f:.0%})" for m, f in zip(table["mean dsc"], table["failures"], strict=True)])
    wide = table.assign(half=table["set"] + " " + table["half"]).pivot(index="variant", columns="half", values="text")
    wide = wide.loc[list(dict.fromkeys(table["variant"]))]
    lines = [["variant", *wide.columns], ["---", *["--:"] * len(wide.columns)]]
    return piped([*lines, *([name, *row] for name, row in zip(wide.index, wide.to_numpy().tolist(), strict=True))])


def real_parts(folder: Path) -> list[str]:
    """What was run on real angiograms, Tables 1, 2, 3 and 5 and the ledger of it, from the results in a folder."""
    if not (folder / "run.json").is_file():
        raise UserError(f"{folder / 'run.json'} is missing: run `make study DATA=FOLDER`, the folder's name being real")
    items = {item.file: item for item in ITEMS}
    near = alike(read_table(folder, items["near_duplicates.csv"]))
    parts = [run_line(json.loads((folder / "run.json").read_text(encoding="utf-8"))), near]
    for item in (items[name] for name in REAL_TABLES):
        table = read_table(folder, item)
        parts += [f"**{item.title}**", markdown(compact_grid(table) if "published" in table else grid(table))]
    verdicts = read_table(folder, items["verdicts.csv"])
    return [*parts, f"**Claims**: {', '.join(text for _, text in counted(verdicts))}", markdown(grid(verdicts))]


def recorded_parts(folder: Path) -> list[str]:
    """What `benchmarks.recordings` found: how redundant the corpus is, the data, and detection from scratch."""
    data, redundant, leaks, boxes = (read(folder, f"{REAL}/v2/{name}") for name in RECORDED)
    whole = redundant.iloc[0]
    named = {"source": "set", "share": "distinct (%)", "largest": "largest group"}
    few = redundant.rename(columns=named)[["set", "images", "distinct", "distinct (%)", "largest group"]]
    found = boxes.assign(text=[f"{m:.1f} ± {s:.1f}" for m, s in zip(boxes["mean"], boxes["sd"], strict=True)])
    wide = found.pivot(index="method", columns="metric", values="text")[list(dict.fromkeys(boxes["metric"]))]
    parts = data[data["task"] == "boxes"]
    counts = ", ".join(f"{row.images} {row.part}" for row in parts.itertuples())
    tested = leaks[(leaks["store"] == boxes["dataset"].iloc[0]) & (leaks["used_for"] == "test")].iloc[0]
    like = f"{tested.near_duplicates} of the {tested.images} test frames look like a training frame"
    return [
        f"Of {whole.images:,} unlabelled or training frames {whole.distinct:,} are distinct:",
        markdown(grid(few)),
        f"**Stenoses detected from scratch** (%; {counts} frames; {parts['source'].iloc[0]}: {like})",
        markdown(grid(wide.reset_index())),
    ]


def alike(pairs: pd.DataFrame) -> str:
    """Which test images look like one learned from, in a sentence."""
    if pairs.empty:
        return "No test image looks like one that is learned from."
    listed = ", ".join(f"{row.tested} ({row.trained})" for row in pairs.itertuples())
    unknown = "names do not tell whether they show one patient"
    return f"Test images that look like one that is learned from (named behind it): {listed}; {unknown}."


def read(folder: Path, name: str) -> pd.DataFrame | dict:
    """A benchmark's table, or what a JSON file holds; UserError where it has not been made."""
    path = folder / name
    if not path.is_file():
        raise UserError(f"{path} is missing: run `python -m {MADE_BY[name]}` first")
    return json.loads(path.read_text(encoding="utf-8")) if path.suffix == ".json" else pd.read_csv(path)


def main(arguments: list[str] | None = None) -> int:
    """Command line, see --help."""
    options = parser("show", "Refresh the README's tables of benchmarks and of real angiograms.", real=False)
    options.set_defaults(results=ROOT / "results")
    options.add_argument("--page", type=Path, default=ROOT / "README.md", help="with the markers of each block")
    options.add_argument("--promises", type=Path, default=ROOT / "docs" / "reliability.md", help="with its markers")
    given = options.parse_args(arguments)
    return told(lambda: show(given.results, given.page, given.promises))


def show(folder: Path, page: Path, promises: Path) -> None:
    """Write the tables of `folder` into the pages; nothing is written where one is missing."""
    study = Study.load(ROOT)
    rates = read(folder, "rates/laptop.csv")
    chosen = {arm: study.pretraining(arm).lr for arm in rates["method"].unique()}
    realism = [
        "**Synthetic beside real frames** (10 % / median / 90 %; lengths in 1/512 of the side, grey levels of 255)",
        realism_table(read(folder, "realism/realism_report.csv")),
        "**Trained on synthetic frames alone, tested on real ones** (DSC)",
        transfer_table(read(folder, "realism/transfer.csv")),
        "**Pre-trained on synthetic frames, fine-tuned on real ones** (DSC)",
        labels_needed_table(read(folder, "realism/labels_needed.csv")),
    ]
    anatomy = ["Mean DSC (share of frames below 0.2):", parts_table(read(folder, "anatomy/parts.csv"))]
    denoising = read(folder, "rates/laptop_denoise.csv")
    rates = [
        "DSC on both benchmarks; bold: the rate in params.yaml.",
        rates_table(rates, chosen),
        "Denoising: PSNR in dB / SSIM on the first benchmark.",
        rates_table(denoising, dict.fromkeys(denoising["method"], study.scale.denoise.lr), 2),
    ]
    speed = [
        measured_on(read(folder, "benchmarks.csv")),
        speed_table(read(folder, "benchmarks.csv")),
        "**How time grows with the number of images**",
        growth_table(read(folder, "benchmarks/scale.csv")),
        "**How long the study at scale laptop took**, each part without the other, from nothing to its end",
        whole_table({part: read(folder, name) for part, name in WHOLE.items() if (folder / name).is_file()}),
        "**What a step of the extended method takes by what its consistency loss compares** (scale laptop)",
        targets_table(read(folder, "benchmarks/targets.csv")),
        "**Where the time of the study at scale laptop went** (the first paper's; sum over stages)",
        profile_table(profile_of(read(folder, "laptop/runtimes.csv"))),
    ]
    blocks = {"realism": realism, "anatomy": anatomy, "rates": rates, "real": real_parts(folder / REAL), "speed": speed}
    blocks["recordings"] = recorded_parts(folder)
    promised = [check(read(folder, f"reliability/{name}.csv")) for name, check in MEASURED.items()]
    for name, parts in blocks.items():
        replace_block(page, name, parts)
    replace_block(promises, "measured", [f"- {sentence}" for sentence in promised])


if __name__ == "__main__":
    sys.exit(main())
