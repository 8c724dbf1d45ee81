"""The benchmarks of speed as tables of the README: ratios, how time grows with images, where a study's time goes."""

__all__ = ["AIMS", "growth_table", "measured_on", "profile_table", "speed_table", "targets_table", "whole_table"]

from collections.abc import Mapping

import pandas as pd

from vasolib.report_tables import piped

MET = {True: "yes", False: "no"}
TARGETS = {
    "none": "nothing",
    "segmentor": "vessels that the segmentor sees",
    "features": "features of a general encoder (ViT-B/14, random weights)",
}
AIMS = {"v1": 60, "v2": 90}  # minutes that a part was to take at scale laptop


def speed_table(table: pd.DataFrame) -> str:
    """A row per step of results/benchmarks.csv: both times, ratio, its spread, aim, whether met, what was compared."""
    lines = [["step", "plain", "ours", "ratio (spread)", "aim", "met", "checked"]]
    lines.append(["---", *["--:"] * 4, "---", "---"])
    for _, row in table.dropna(subset="ours_ms").iterrows():
        spread = "once" if row["least"] == row["largest"] else f"{row['least']:.3g} – {row['largest']:.3g}"
        ratio = f"{row['ratio']:.3g} ({spread})"
        aim, met = f"{'≤' if row['most'] else '≥'} {row['aim']:g}", (row["ratio"] <= row["aim"]) == bool(row["most"])
        times = duration(row["plain_ms"]), duration(row["ours_ms"])
        lines.append([row["step"], *times, ratio, aim, MET[met], row["same"]])
    for _, row in table.dropna(subset="ours_s").iterrows():
        plain = "–" if pd.isna(row["plain_s"]) else duration(1e3 * row["plain_s"])
        ours, least, largest = (duration(1e3 * row[name]) for name in ("ours_s", "least_s", "largest_s"))
        checked = "" if pd.isna(row["same"]) else row["same"]
        aim, met = f"≤ {duration(1e3 * row['aim_s'])}", row["ours_s"] <= row["aim_s"]
        lines.append([row["step"], plain, f"{ours} ({least} – {largest})", "–", aim, MET[met], checked])
    return piped(lines)


def measured_on(table: pd.DataFrame) -> str:
    """On which processors the rows of results/benchmarks.csv were measured, and which rows on those of few."""
    owners = {name: list(dict.fromkeys(rows["benchmark"])) for name, rows in table.groupby("processor", sort=False)}
    main, *others = sorted(owners, key=lambda name: -len(owners[name]))
    parts = [f"{', '.join(owners[name])} on {name}" for name in others]
    return "; ".join([f"Measured on {main}", *parts]) + "."


def duration(ms: float) -> str:
    """Milliseconds in the unit that suits them."""
    for unit, size, least in (("h", 3.6e6, 2), ("min", 60e3, 2), ("s", 1e3, 1)):
        if ms >= least * size:
            return f"{ms / size:.3g} {unit}"
    return f"{ms:.3g} ms"


def growth_table(table: pd.DataFrame) -> str:
    """A row per step and number of images of results/benchmarks/scale.csv; numbers projected, not measured, say so."""
    lines = [["step", "images", "side", "time", "images a second", "peak memory", "of it its own", "exponent", "what"]]
    lines.append(["---", *["--:"] * 7, "---"])
    for _, row in table.iterrows():
        what = [row["kind"]]
        memory = ["" if pd.isna(row[name]) else f"{row[name]:.0f} MiB" for name in ("peak_mib", "own_mib")]
        what += [row["note"]] if isinstance(row["note"], str) else []
        exponent = "" if pd.isna(row["exponent"]) else f"{row['exponent']:.2f}"
        cells = duration(1e3 * row["seconds"]), f"{row['per_second']:.3g}", *memory, exponent
        lines.append([row["step"], f"{row['images']:,}", str(row["side"]), *cells, ": ".join(what)])
    return piped(lines)


def profile_table(profile: pd.DataFrame) -> str:
    """A row per notebook of `benchmarks.study.profile`."""
    lines = [["notebook", "stages", "minutes", "share"], ["---", "--:", "--:", "--:"]]
    for _, row in profile.iterrows():
        lines.append([row["notebook"], str(row["stages"]), f"{row['seconds'] / 60:.1f}", f"{row['share']:.0f} %"])
    total = profile["seconds"].sum()
    return piped([*lines, ["all", str(profile["stages"].sum()), f"{total / 60:.1f}", "100 %"]])


def whole_table(records: Mapping[str, dict]) -> str:
    """A row per part of the study: minutes from nothing to its end, and the aim.

    Args:
        records: part -> what `vasolib.whole` recorded; parts without one say so.
    """
    lines = [["part", "stages", "jobs", "minutes", "aim", "met", "sum of stages", "cores", "processor"]]
    lines.append(["---", *["--:"] * 4, "---", "--:", "--:", "---"])
    for part, aim in AIMS.items():
        if (one := records.get(part)) is None:
            lines.append([part, "–", "–", "not recorded", f"≤ {aim}", *["–"] * 4])
            continue
        took, added = one["seconds"] / 60, one["stage_seconds"] / 60
        counts, about = (str(one["stages"]), str(one["jobs"])), (str(one["cores"]), one["cpu"])
        lines.append([part, *counts, f"{took:.1f}", f"≤ {aim}", MET[took <= aim], f"{added:.1f}", *about])
    return piped(lines)


def targets_table(table: pd.DataFrame) -> str:
    """A row per target of results/benchmarks/targets.csv: the time of a step, its spread, and that time over none's."""
    lines = [["compares", "step (spread)", "times that without"], ["---", "--:", "--:"]]
    for _, row in table.iterrows():
        spread = f"{duration(row['ms'])} ({duration(row['least'])} – {duration(row['largest'])})"
        lines.append([TARGETS[row["target"]], spread, f"{row['ratio']:.3g}"])
    return piped(lines)
