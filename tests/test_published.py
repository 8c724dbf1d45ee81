import math
from pathlib import Path

import pandas as pd
import pytest

from vasolib.errors import UserError
from vasolib.figures import bars
from vasolib.published import DENOISING, ROWS, beside_published, published_values, summarise

PUBLISHED = pd.read_csv(Path(__file__).resolve().parents[1] / "paper" / "published.csv")
STANDS_FOR = {"synth-a": "ARCADE", "synth-b": "CAXF", "synth-c": "XCAV"}


def scores(method: str, dataset: str, per_seed: list[list[float]]) -> list[dict]:
    """Rows of per-image scores; clDice is one more than DSC."""
    return [
        {"method": method, "dataset": dataset, "seed": seed, "image": f"i{k}", "dsc": v, "cldice": v + 1}
        for seed, values in enumerate(per_seed)
        for k, v in enumerate(values)
    ]


def summary(*methods: str, datasets: tuple[str, ...] = ("synth-b", "synth-a")) -> pd.DataFrame:
    rows = [row for m in methods for d in datasets for row in scores(m, d, [[60.0, 70.0], [64.0, 70.0]])]
    return summarise(pd.DataFrame(rows))


def lookup(table: pd.DataFrame, method: str, dataset: str, metric: str) -> pd.Series:
    row = table[(table["method"] == method) & (table["dataset"] == dataset) & (table["metric"] == metric)]
    assert len(row) == 1
    return row.iloc[0]


def test_mean_over_images_comes_before_the_deviation_over_seeds():
    # seeds' means 55, 58, 61: their mean is 58, their sample deviation 3; seeds differ in images
    raw = pd.DataFrame(scores("m", "d", [[50.0, 60.0], [58.0], [60.0, 61.0, 62.0]]))
    table = summarise(raw)
    assert list(table.columns) == ["method", "dataset", "metric", "mean", "sd", "n"]
    dsc = lookup(table, "m", "d", "DSC")
    assert (dsc["mean"], dsc["sd"], dsc["n"]) == (pytest.approx(58), pytest.approx(3), 3)
    assert lookup(table, "m", "d", "clDice")["mean"] == pytest.approx(59)


def test_one_seed_has_no_deviation():
    row = lookup(summarise(pd.DataFrame(scores("filter", "d", [[40.0, 42.0]]))), "filter", "d", "DSC")
    assert row["mean"] == 41 and row["n"] == 1 and math.isnan(row["sd"])


def test_order_is_that_of_the_scores():
    table = summary("z", "a")
    assert list(table["method"].unique()) == ["z", "a"]
    assert list(table["dataset"].unique()) == ["synth-b", "synth-a"]
    assert list(table["metric"].unique()) == ["DSC", "clDice"]


def test_table_2_is_joined_by_method():
    ours = summary("vasomim", "frangi")
    table = beside_published(ours, PUBLISHED, "Table 2", STANDS_FOR)
    assert list(table["method"]) == list(ours["method"])
    row = lookup(table, "vasomim", "synth-a", "clDice")
    assert (row["published_dataset"], row["published"], row["published_sd"]) == ("ARCADE", 70.56, 0.36)
    assert row["difference"] == pytest.approx(row["mean"] - 70.56)
    assert math.isnan(lookup(table, "frangi", "synth-b", "DSC")["published_sd"])


def test_table_3_is_joined_by_setting_and_passes_over_its_gains():
    arms = ("mae_50", "consistency", "guidance", "vasomim")
    table = beside_published(summary(*arms), PUBLISHED, "Table 3", STANDS_FOR)
    got = [lookup(table, arm, "synth-a", "DSC")["published"] for arm in arms]
    assert got == [68.00, 68.45, 68.30, 68.85]


def test_what_was_not_published_stays_empty():
    ours = summary("mae", "random", datasets=("synth-a", "elsewhere"))
    table = beside_published(ours, PUBLISHED, "Table 2", STANDS_FOR)
    assert len(table) == len(ours)
    for method, dataset in (("mae", "elsewhere"), ("random", "synth-a"), ("random", "elsewhere")):
        row = lookup(table, method, dataset, "DSC")
        assert row[["published", "published_sd", "difference"]].isna().all() and row["mean"] == 66
    assert pd.isna(lookup(table, "mae", "elsewhere", "DSC")["published_dataset"])


def test_data_of_which_nothing_was_published_keep_our_values():
    ours = summary("mae", datasets=("xcad", "dca1"))
    table = beside_published(ours, PUBLISHED, "Table 2", {})
    assert len(table) == len(ours) and (table["mean"] == 66).any()
    assert table[["published_dataset", "published", "published_sd", "difference"]].isna().all(axis=None)
    bars(table, "DSC")


@pytest.mark.parametrize(
    ("table", "method", "dataset", "value"),
    [
        ("Table 5", "beta_5_0", "synth-b", 83.41),
        ("Table 5", "vasomim", "synth-a", 68.85),
        ("Table 6, 25 %", "unet", "synth-a", 38.09),
        ("Table 6, 100 %", "vasomim", "synth-a", 68.85),
        ("Fig. 6 (text)", "spt", "synth-b", 83.18),
        ("Fig. 7 (text)", "vasomim_300", "synth-b", 83.75),
    ],
)
def test_every_table_finds_its_own_values(table, method, dataset, value):
    found = beside_published(summary(method), PUBLISHED, table, STANDS_FOR)
    assert lookup(found, method, dataset, "DSC")["published"] == value


@pytest.mark.parametrize("table", ROWS)
def test_every_method_named_was_published(table):
    found = published_values(PUBLISHED, table)
    assert set(found["method"]) == set(ROWS[table]) and found["published"].notna().all()


def test_cluster_scores_are_found_by_setting():
    found = published_values(PUBLISHED, "Table 4").set_index("method")
    assert found["published"].to_dict() == {"guidance": -4.19, "vasomim": 0.54}


def test_a_method_that_the_table_lacks_is_named(monkeypatch):
    monkeypatch.setitem(ROWS, "Table 2", {"x": "VasoMIN"})
    with pytest.raises(UserError, match=r"'VasoMIN'.*did you mean 'VasoMIM'"):
        beside_published(summary("x"), PUBLISHED, "Table 2", STANDS_FOR)


def test_an_ambiguous_setting_is_refused(monkeypatch):
    monkeypatch.setitem(ROWS, "Table 3", {"x": "guidance=0"})
    with pytest.raises(UserError, match=r"several published rows.*'guidance=0'"):
        beside_published(summary("x"), PUBLISHED, "Table 3", STANDS_FOR)


def test_denoising_has_metrics_of_its_own():
    rows = [("nlm", 0, "a", 30.0, 0.5), ("nlm", 0, "b", 32.0, 0.7), ("vit", 0, "a", 33.0, 0.8)]
    rows += [("vasomim", s, i, 35 + s, 0.8 + s / 10) for s in (0, 1) for i in "ab"]
    raw = pd.DataFrame(rows, columns=["method", "seed", "image", "psnr", "ssim"]).assign(dataset="d")
    table = beside_published(summarise(raw, DENOISING), PUBLISHED, "Table S2", {"d": "CoronaryDominance"})
    psnr = lookup(table, "nlm", "d", "PSNR (dB)")
    assert (psnr["published"], psnr["mean"], psnr["n"]) == (28.36, 31.0, 1)
    assert math.isnan(psnr["sd"]) and psnr["difference"] == pytest.approx(2.64)
    ssim = lookup(table, "vasomim", "d", "SSIM")
    assert ssim["mean"] == pytest.approx(0.85) and ssim["sd"] == pytest.approx(0.1 / math.sqrt(2))
    assert ssim["n"] == 2 and ssim["published"] == pytest.approx(0.8842)
    assert math.isnan(lookup(table, "vit", "d", "SSIM")["published"])


def test_every_published_denoiser_has_a_name_of_ours():
    rows = PUBLISHED[PUBLISHED["table_or_figure"].str.startswith("Table S2")]
    assert sorted(set(rows["method"])) == sorted(ROWS["Table S2"].values())
    assert set(rows["metric"]) == set(DENOISING.values())
