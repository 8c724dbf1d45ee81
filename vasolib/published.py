"""Per-image scores as mean ± standard deviation over runs, beside what the papers published."""

__all__ = ["DENOISING", "METRICS", "ROWS", "SILHOUETTE", "beside_published", "published_values", "summarise"]

import pandas as pd

from vasolib.errors import UserError, nearest

# Column of the per-image scores -> the papers' name.
METRICS = {"dsc": "DSC", "cldice": "clDice"}
DENOISING = {"psnr": "PSNR (dB)", "ssim": "SSIM"}
SILHOUETTE = "Silhouette score x1e-2"  # in the papers' Table 4
# Table or figure -> our method -> what the papers call it: a method, a setting's beginning, or both.
ROWS: dict[str, dict[str, str | tuple[str, str]]] = {
    "Table 2": {
        "frangi": "Frangi filter",
        "unet": "U-Net",
        "moco": "MoCo v3",
        "dino": "DINO",
        "mae": "MAE",
        "simmim": "SimMIM",
        "amt": "AMT",
        "deblurring": "DeblurringMIM",
        "crossmae": "CrossMAE",
        "hpm": "HPM",
        "chexworld": "CheXWorld",
        "vasomim": "VasoMIM",
    },
    "Table 3": {
        "mae_50": "guidance=0;L_cons=0",
        "guidance": "guidance=1;L_cons=0",
        "consistency": "guidance=0;L_cons=1",
        "vasomim": "guidance=1;L_cons=1",
    },
    "Table 4": {"guidance": "w/o L_cons", "vasomim": "w/ L_cons"},
    "Table 5": {
        "consistency": "beta0=0,betaE=0",
        "vasomim": "beta0=0,betaE=0.5",
        "beta_0_1": "beta0=0,betaE=1",
        "beta_1_1": "beta0=1,betaE=1",
        "beta_5_0": "beta0=0.5,betaE=0",
    },
    "Fig. 6 (text)": {
        "spt": ("SPT (U-Net, Frangi pseudo-label supervised pre-training)", "segmentor-based pre-training vs MIM"),
        "vasomim": ("VasoMIM", "segmentor-based pre-training vs MIM"),
    },
    "Fig. 7 (text)": {
        "mae": ("MAE", "800 pre-training epochs"),
        "vasomim_300": ("VasoMIM", "300 pre-training epochs"),
    },
    "Table S2": {
        "nlm": "LSF (non-local means, Buades 2005)",
        "dncnn": "DnCNN (scratch)",
        "dino": "DINO",
        "mae": "MAE",
        "deblurring": "DeblurringMIM",
        "hpm": "HPM",
        "vasomim": "VasoMIM",
    },
} | {
    f"Table 6, {percent} %": {
        ours: (theirs, f"label ratio={percent}% of ARCADE train (200 images)")
        for ours, theirs in {"unet": "Scratch", "mae": "MAE", "vasomim": "VasoMIM"}.items()
    }
    for percent in (25, 50, 100)
}


def summarise(raw: pd.DataFrame, metrics: dict[str, str] = METRICS) -> pd.DataFrame:
    """Mean over images within each seed, then mean and standard deviation over seeds.

    Args:
        raw: one row per method x data set x seed x image: method, dataset, seed, image; a column per metric.
        metrics: column -> the papers' name.

    Returns:
        method, dataset, metric, mean, sd, n in the order of `raw`: n seeds; sd with ddof 1, NaN for one seed.
    """
    per_seed = raw.groupby(["method", "dataset", "seed"], sort=False)[list(metrics)].mean()
    long = per_seed.rename(columns=metrics).rename_axis(columns="metric").stack().rename("value").reset_index()
    groups = long.groupby(["method", "dataset", "metric"], sort=False)["value"]
    return groups.agg(mean="mean", sd="std", n="count").reset_index()


def beside_published(
    summary: pd.DataFrame, published: pd.DataFrame, table: str, stands_for: dict[str, str]
) -> pd.DataFrame:
    """The rows of `summary`, each with the value that v1 has for the same method and data set.

    Args:
        summary: from `summarise`.
        published: paper/published.csv.
        table: a key of `ROWS`. A method not named there has no published counterpart.
        stands_for: our data set -> the published one. A data set that is not named here has no counterpart.

    Returns:
        method, dataset, metric, published_dataset, published, published_sd, mean, sd, n, difference
        (mean - published); NaN where nothing was published.

    Raises:
        UserError: see `published_values`.
    """
    found = published_values(published, table)
    # as text also where no data set has a counterpart, or the column is of numbers and cannot be joined
    out = summary.assign(published_dataset=summary["dataset"].map(stands_for).astype(published["dataset"].dtype))
    keys = ["method", "published_dataset", "metric"]
    out = out.merge(found, on=keys, how="left", validate="many_to_one")
    columns = ["method", "dataset", "metric", *keys[1:2], "published", "published_sd", "mean", "sd", "n"]
    return out[columns].assign(difference=out["mean"] - out["published"])


def published_values(published: pd.DataFrame, table: str) -> pd.DataFrame:
    """What v1 has in a table or figure for each of our methods that `ROWS` names there.

    Returns:
        method (ours), published_dataset, metric, published, published_sd.

    Raises:
        UserError: no row of the table has the method that `ROWS` names, or several have.
    """
    rows = published[(published["paper"] == "v1") & published["table_or_figure"].str.startswith(table.split(",")[0])]
    return pd.concat([_published_rows(rows, ours, theirs) for ours, theirs in ROWS[table].items()])


def _published_rows(rows: pd.DataFrame, ours: str, theirs: str | tuple[str, str]) -> pd.DataFrame:
    """What one table says of the method `theirs`, as rows of our method `ours`."""
    begins = (rows["setting"] + ";").str.startswith
    if isinstance(theirs, tuple):
        named = (rows["method"] == theirs[0]) & begins(theirs[1] + ";")
    else:
        named = (rows["method"] == theirs) | begins(theirs + ";")
    found = rows[named & rows["metric"].isin([*METRICS.values(), *DENOISING.values(), SILHOUETTE])]
    if found.empty:
        known = {*rows["method"], *rows["setting"]}
        raise UserError(f"no published row has the method or setting {theirs!r}: {nearest(str(theirs), known)}")
    if found.duplicated(["dataset", "metric"]).any():
        raise UserError(f"several published rows have the method or setting {theirs!r}: name the whole setting")
    found = found.rename(columns={"dataset": "published_dataset", "value": "published", "std": "published_sd"})
    found = found.assign(method=ours, published=pd.to_numeric(found["published"]))  # other rows hold words
    return found[["method", "published_dataset", "metric", "published", "published_sd"]]
