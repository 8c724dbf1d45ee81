"""What the extended paper published, beside our means over runs.

Its body could not be read: every value is from a summary (second-hand) or a note on one (third-hand), which the column
`source` says beside each.
"""

__all__ = ["ABLATION", "DETECTION", "LABELS", "MAIN", "ROWS", "SCALING", "beside", "published_values"]

from collections.abc import Iterable, Mapping, Sequence
from math import nan

import pandas as pd

from vasolib.errors import UserError, nearest
from vasolib.published import METRICS, summarise

MAIN, DETECTION, ABLATION = "main segmentation table", "stenosis detection table", "ablation table"
LABELS, SCALING = "label-efficiency", "data-scaling figure"
BOXES = {"mAP": "mAP", "mAP50": "mAP50", "mAP75": "mAP75"}  # column of the scores -> the paper's name, as METRICS
NOT_RUN = "not run"
# Table or figure -> our method -> the paper's method and the beginning of its setting.
ROWS: dict[str, dict[str, tuple[str, str]]] = {
    MAIN: {
        "unet": ("UNet", "scratch"),
        "dino": ("DINO", ""),
        "mae": ("MAE", ""),
        "simmim": ("SimMIM", ""),
        "deblurring": ("DeblurringMIM", ""),
        "ijepa": ("I-JEPA", ""),
        "dinov3": ("DINOv3", ""),
        "rad_dino": ("RAD-DINO", ""),
        "vasomim": ("VasoMIM-v1", ""),
        "vasomim_v2": ("VasoMIM", ""),
    },
    DETECTION: {
        "resnet": ("Faster R-CNN (scratch)", "scratch"),
        "mae": ("MAE", ""),
        "dinov3": ("DINOv3", ""),
        "vasomim": ("VasoMIM-v1", ""),
        "vasomim_v2": ("VasoMIM", ""),
    },
    ABLATION: {
        "baseline": ("baseline", "guidance=0;L_cons=0"),
        "guidance": ("ablation", "guidance=1;L_cons=0"),
        "consistency": ("ablation", "guidance=0;L_cons=1"),
        "vasomim_v2": ("VasoMIM", "guidance=1;L_cons=1"),
    },
    LABELS: {"vasomim_v2": ("VasoMIM", "10% labels")},
    SCALING: {"data_25": ("VasoMIM", "40K-image subset")},  # 23 % of XA-170K
}


def published_values(published: pd.DataFrame, *tables: str) -> pd.DataFrame:
    """What v2 has in some tables for each of our methods that `ROWS` names there.

    Args:
        published: paper/published.csv.
        tables: keys of `ROWS`.

    Returns:
        table, method (ours), published_dataset, metric, published, published_sd, source: `second-hand` or `third-hand`.

    Raises:
        UserError: a table has no row of a method that `ROWS` names, or several with the same set and metric.
    """
    rows = published[published["paper"] == "v2"]
    wanted = [(table, ours, *theirs) for table in tables for ours, theirs in ROWS[table].items()]
    return pd.concat([_rows_of(rows, *names) for names in wanted], ignore_index=True)


def _rows_of(rows: pd.DataFrame, table: str, ours: str, method: str, setting: str) -> pd.DataFrame:
    """What one table says of one method, as rows of our method `ours`."""
    here = rows[rows["table_or_figure"] == table]
    found = here[(here["method"] == method) & here["setting"].str.startswith(setting)]
    if found.empty:
        raise UserError(f"{table} of v2 has no row of {method!r} with {setting!r}: {nearest(method, here['method'])}")
    if found.duplicated(["dataset", "metric"]).any():
        raise UserError(f"{table} of v2 has several rows of {method!r} with {setting!r}: name more of the setting")
    found = found.rename(columns={"dataset": "published_dataset", "std": "published_sd", "value": "published"})
    source = found["source"].str.extract(r"(\w+-hand)", expand=False)
    found = found.assign(table=table, method=ours, published=pd.to_numeric(found["published"]), source=source)
    return found[["table", "method", "published_dataset", "metric", "published", "published_sd", "source"]]


def beside(
    raw: pd.DataFrame,
    methods: Sequence[str],
    values: pd.DataFrame,
    stands_for: Mapping[str, str],
    metrics: Mapping[str, str] = METRICS,
    reasons: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Means over runs of some methods, in this order, beside published values.

    Args:
        raw: scores, a row per method x data set x seed x image (or run).
        values: from `published_values`.
        stands_for: our data set -> the published one.
        metrics: column of `raw` -> the paper's name.
        reasons: method -> why it has no scores ('not run' where none is given).

    Returns:
        method, dataset, metric, published_dataset, published, published_sd, source, mean, sd, n, difference (mean -
        published), note; a method without scores has rows too, with n 0 and the reason as their note.
    """
    summary = summarise(raw[raw["method"].isin(methods)], dict(metrics))
    return placed(with_absent(summary, methods, reasons or {}), values, stands_for)


def with_absent(summary: pd.DataFrame, methods: Iterable[str], reasons: Mapping[str, str]) -> pd.DataFrame:
    """A summary in the order of `methods`, with rows of those that have no scores and a column `note`."""
    columns = list(summary[["dataset", "metric"]].drop_duplicates().itertuples(index=False, name=None))
    known = dict(list(summary.groupby("method")))
    parts = []
    for method in methods:
        empty = [(method, *column, nan, nan, 0) for column in columns]
        part = known.get(method, pd.DataFrame(empty, columns=["method", "dataset", "metric", "mean", "sd", "n"]))
        parts.append(part.assign(note="" if method in known else reasons.get(method) or NOT_RUN))
    return pd.concat(parts, ignore_index=True)


def placed(summary: pd.DataFrame, values: pd.DataFrame, stands_for: Mapping[str, str]) -> pd.DataFrame:
    """Rows of a summary (method, dataset, metric, mean, sd, n, note) with what was published for each."""
    keys = ["method", "published_dataset", "metric"]
    stood_for = [stands_for.get(dataset) for dataset in summary["dataset"]]
    out = summary.assign(published_dataset=pd.Series(stood_for, summary.index, dtype=values["published_dataset"].dtype))
    out = out.merge(values.drop(columns="table"), on=keys, how="left", validate="many_to_one")
    columns = ["method", "dataset", "metric", *keys[1:2], "published", "published_sd", "source", "mean", "sd", "n"]
    return out.assign(difference=out["mean"] - out["published"])[[*columns, "difference", "note"]]
