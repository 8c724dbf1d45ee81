"""Per-image scores as mean ± standard deviation over runs, beside what the papers published."""

__all__ = ["METRICS", "beside_published", "format_value", "summarise"]

import math

import pandas as pd

from vasolib.errors import UserError, nearest

METRICS = {"dsc": "DSC", "cldice": "clDice"}  # column of the per-image scores -> the papers' name


def summarise(raw: pd.DataFrame) -> pd.DataFrame:
    """Mean over images within each seed, then mean and standard deviation over seeds.

    Args:
        raw: one row per method x data set x seed x image: method, dataset, seed, image; dsc, cldice (%).

    Returns:
        method, dataset, metric, mean, sd, n in the order of `raw`: n seeds; sd with ddof 1, NaN for one seed.
    """
    per_seed = raw.groupby(["method", "dataset", "seed"], sort=False)[list(METRICS)].mean()
    long = per_seed.rename(columns=METRICS).rename_axis(columns="metric").stack().rename("value").reset_index()
    groups = long.groupby(["method", "dataset", "metric"], sort=False)["value"]
    return groups.agg(mean="mean", sd="std", n="count").reset_index()


def beside_published(
    summary: pd.DataFrame,
    published: pd.DataFrame,
    paper: str,
    table: str,
    methods: dict[str, str],
    stands_for: dict[str, str],
) -> pd.DataFrame:
    """The rows of `summary`, each with the value that a paper's table has for the same method and data set.

    Args:
        summary: from `summarise`.
        published: paper/published.csv.
        paper, table: which rows of it, as in its columns `paper` and `table_or_figure`.
        methods: our method -> the published one: its `method`, its `setting`, or the `setting`'s beginning
            up to a semicolon ('guidance=0;L_cons=1'). A method not named here has no published counterpart.
        stands_for: our data set -> the published one. A data set that is not named here has no counterpart.

    Returns:
        method, dataset, metric, published_dataset, published, published_sd, mean, sd, n, difference
        (mean - published); NaN where nothing was published.

    Raises:
        UserError: no row of the table has the method that `methods` names, or several have.
    """
    rows = published[(published["paper"] == paper) & (published["table_or_figure"] == table)]
    # as text also where no data set has a counterpart, or the column is of numbers and cannot be joined
    out = summary.assign(published_dataset=summary["dataset"].map(stands_for).astype(rows["dataset"].dtype))
    found = pd.concat([_published_rows(rows, ours, theirs) for ours, theirs in methods.items()])
    keys = ["method", "published_dataset", "metric"]
    out = out.merge(found, on=keys, how="left", validate="many_to_one")
    columns = ["method", "dataset", "metric", *keys[1:2], "published", "published_sd", "mean", "sd", "n"]
    return out[columns].assign(difference=out["mean"] - out["published"])


def _published_rows(rows: pd.DataFrame, ours: str, theirs: str) -> pd.DataFrame:
    """What one table says of the method `theirs`, as rows of our method `ours`."""
    named = (rows["method"] == theirs) | (rows["setting"] + ";").str.startswith(theirs + ";")
    found = rows[named & rows["metric"].isin(METRICS.values())]
    if found.empty:
        known = {*rows["method"], *rows["setting"]}
        raise UserError(f"no published row has the method or setting {theirs!r}: {nearest(theirs, known)}")
    if found.duplicated(["dataset", "metric"]).any():
        raise UserError(f"several published rows have the method or setting {theirs!r}: name the whole setting")
    found = found.rename(columns={"dataset": "published_dataset", "value": "published", "std": "published_sd"})
    found = found.assign(method=ours, published=pd.to_numeric(found["published"]))  # other rows hold words
    return found[["method", "published_dataset", "metric", "published", "published_sd"]]


def format_value(mean: float, sd: float, n: int) -> str:
    """`57.62 ± 0.41 (3)`: mean, standard deviation and number of seeds; `57.62 (1)` for a single one."""
    return f"{mean:.2f} ({n:d})" if math.isnan(sd) else f"{mean:.2f} ± {sd:.2f} ({n:d})"
