"""The ledger: every claim on every data set, its published effect, what is missing, and verdicts on made-up studies."""

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from vasolib import ledger as module
from vasolib.claims import CLAIMS, SMALLEST
from vasolib.ledger import SAME, ledger, power_note, published_by_arm, verdicts
from vasolib.statistics import holm

PUBLISHED = pd.read_csv(Path(__file__).resolve().parents[1] / "paper" / "published.csv")
STANDS_FOR = {"synth-a": "ARCADE", "synth-b": "CAXF", "synth-c": "XCAV"}
DATASETS = list(STANDS_FOR)
ARMS = sorted({arm for claim in CLAIMS for pair in claim.pairs() for arm in pair})
SCRATCH = ("unet", "vit", "frangi")
SEEDS, IMAGES = range(4), 12


def segmentations(better: dict[str, float] | None = None, spread: float = 1.0, images: int = IMAGES) -> pd.DataFrame:
    """Scores of all arms on all data sets, the arms in `better` higher by so much.

    Arms differ from image to image by `spread` and from run to run by a fifth of that.
    """
    rng = np.random.default_rng(0)
    rows = [
        (arm, dataset, labels, -1 if arm in SCRATCH else seed % 2, seed)
        for arm in ARMS
        for dataset in DATASETS
        for labels in (100, 25)
        for seed in (SEEDS if arm != "frangi" else [0])
    ]
    runs = pd.DataFrame(rows, columns=["method", "dataset", "labels", "pretrain_seed", "seed"])
    runs["level"] = 50 + runs["method"].map(better or {}).fillna(0) + 0.05 * spread * rng.standard_normal(len(runs))
    arms = runs["method"].astype("category").cat.codes
    raw = runs.assign(arm=arms).merge(pd.DataFrame({"k": range(images)}), how="cross")
    of_image = spread * rng.standard_normal((len(ARMS), images))[raw["arm"], raw["k"]]
    dsc = raw["level"] + of_image + 0.2 * spread * rng.standard_normal(len(raw))
    return raw.assign(image="i" + raw["k"].astype(str), dsc=dsc).drop(columns=["level", "arm", "k"])


def silhouettes(**scores: float) -> pd.DataFrame:
    """Cluster scores of arms: two pre-training seeds, 0.1 apart, and two UMAP seeds."""
    rows = [
        {"arm": arm, "pretrain_seed": p, "space": space, "SS": value + 0.1 * p + noise}
        for arm, value in scores.items()
        for p in (0, 1)
        for space, noise in (("features", 0.0), ("UMAP", 0.05), ("UMAP", -0.05))
    ]
    return pd.DataFrame(rows, columns=["arm", "pretrain_seed", "space", "SS"])


def vessel_shares(**at_end: float) -> pd.DataFrame:
    """Shares that rise from 0.2 to a value over five epochs, for two pre-training seeds."""
    rows = [
        {"arm": arm, "pretrain_seed": p, "epoch": e, "vessel_share": 0.2 + (end - 0.2) * e / 4 + 0.001 * p}
        for arm, end in at_end.items()
        for p in (0, 1)
        for e in range(5)
    ]
    return pd.DataFrame(rows, columns=["arm", "pretrain_seed", "epoch", "vessel_share"])


@pytest.fixture
def judged(monkeypatch):
    """Makes the ledger of a made-up study, of some claims only because that is faster."""

    def make(raw, separation=None, shares=None, stands_for=STANDS_FOR, datasets=DATASETS, only=()) -> pd.DataFrame:
        if only:
            monkeypatch.setattr(module, "CLAIMS", [claim for claim in CLAIMS if claim.id in only])
        separation = silhouettes() if separation is None else separation
        shares = vessel_shares() if shares is None else shares
        return ledger(raw, separation, shares, PUBLISHED, stands_for, datasets)

    return make


TEXTS = {claim.id: claim.text for claim in CLAIMS}


def of(table: pd.DataFrame, claim: str) -> pd.DataFrame:
    """The rows of one claim."""
    return table[table["text"] == TEXTS[claim]].set_index(["comparison", "dataset"])


def of_claims(table: pd.DataFrame) -> pd.DataFrame:
    """The verdicts of a ledger by the claims' names."""
    return verdicts(table).set_index("text").rename(index={text: name for name, text in TEXTS.items()})


@pytest.fixture(scope="module")
def without_effects() -> pd.DataFrame:
    """The ledger of a study in which all arms are alike."""
    return ledger(segmentations(), silhouettes(), vessel_shares(), PUBLISHED, STANDS_FOR, DATASETS)


@pytest.mark.parametrize("claim", [claim for claim in CLAIMS if claim.source], ids=lambda claim: claim.id)
def test_each_arm_has_a_published_row(claim):
    values = published_by_arm(PUBLISHED)
    for arm in {arm for pair in claim.pairs() for arm in pair}:
        assert any(key[:2] == (claim.source, SAME.get(arm, arm)) for key in values), arm


@pytest.mark.parametrize(
    ("claim", "comparison", "source", "setting"),
    [
        ("guidance", "guidance - mae_50", "Table 3", "guidance=1;L_cons=0"),
        ("consistency", "consistency - mae_50", "Table 3", "guidance=0;L_cons=1"),
        ("spt", "vasomim - spt", "Fig. 6 (text)", "gain"),
        ("ssl_unet", "vasomim - unet", "text, Main Results", "vs U-Net scratch"),
        ("filter", "vasomim - frangi", "text, Main Results", "vs Frangi filter"),
    ],
)
def test_published_effects_are_the_gains_that_the_paper_prints(without_effects, claim, comparison, source, setting):
    rows = PUBLISHED[(PUBLISHED["table_or_figure"] == source) & (PUBLISHED["setting"] == setting)]
    gains = rows[rows["metric"] == "DSC gain"].set_index("dataset")["value"].astype(float)
    table = of(without_effects, claim).loc[comparison, "published"]
    ours = table.rename(index=STANDS_FOR)
    assert not gains.empty
    for dataset, gain in gains.items():
        assert ours[dataset] == pytest.approx(gain, abs=0.0051)


@pytest.mark.parametrize(
    ("claim", "comparison", "dataset", "want"),
    [
        ("in_domain", "vasomim - deblurring", "synth-a", 68.85 - 68.60),
        ("out_of_domain", "vasomim - mae", "synth-c", 77.52 - 76.43),
        ("rise", "vasomim - beta_0_1", "synth-b", 84.49 - 84.24),
        ("all_guided", "consistency - beta_1_1", "synth-a", 68.45 - 65.36),
        ("epochs", "vasomim_300 - mae", "synth-b", 83.75 - 83.53),
        ("labels", "vasomim - mae", "synth-a", 56.93 - 56.58),
        ("labels", "vasomim - unet", "synth-a", 56.93 - 38.09),
    ],
)
def test_published_effects_are_differences_of_rows(without_effects, claim, comparison, dataset, want):
    assert of(without_effects, claim).loc[(comparison, dataset), "published"] == pytest.approx(want)


def test_claims_are_numbered_in_their_order(without_effects):
    numbers = verdicts(without_effects).set_index("claim")["text"]
    assert numbers.to_dict() == {number: claim.text for number, claim in enumerate(CLAIMS, 1)}


def test_the_same_study_gives_the_same_ledger(judged):
    raw = segmentations()
    pd.testing.assert_frame_equal(judged(raw, only=("both",)), judged(raw, only=("both",)))


def test_cluster_scores_were_published_of_the_plane_only(without_effects):
    published = of(without_effects, "separation").set_index("metric")["published"]
    assert published["SS (UMAP)"] == pytest.approx(0.54 + 4.19) and np.isnan(published["SS (features)"])


def test_each_claim_is_compared_on_its_data_sets(without_effects):
    where = {c.id: list(dict.fromkeys(of(without_effects, c.id).index.get_level_values(1))) for c in CLAIMS}
    assert where["in_domain"] == ["synth-a"] and where["out_of_domain"] == ["synth-b", "synth-c"]
    assert where["epochs"] == ["synth-b"] and where["ssl_vit"] == DATASETS
    assert where["separation"] == where["masking"] == [""]


def test_a_study_without_effects_bears_nothing_out_by_chance(without_effects):
    # but that 300 epochs are about as good as 800 is then true
    assert set(without_effects.loc[without_effects["verdict"] == "reproduced", "text"]) <= {TEXTS["epochs"]}


def test_effects_are_differences_of_means(without_effects):
    raw = segmentations()
    means = raw[raw["labels"] == 100].groupby(["method", "dataset"])["dsc"].mean()
    row = of(without_effects, "ssl_unet").loc[("dino - unet", "synth-c")]
    assert row["effect"] == pytest.approx(means["dino", "synth-c"] - means["unet", "synth-c"])
    assert row["low"] < row["effect"] < row["high"] and (row["n_runs"], row["n_images"]) == (4, IMAGES)
    few = raw[raw["labels"] == 25].groupby(["method", "dataset"])["dsc"].mean()
    row = of(without_effects, "labels").loc[("vasomim - mae", "synth-a")]
    assert row["effect"] == pytest.approx(few["vasomim", "synth-a"] - few["mae", "synth-a"])


BEST = ("in_domain", "out_of_domain", "both", "rise", "ratio", "spt", "labels", "filter")


def test_large_effects_are_reproduced_and_reversed_ones_are_not(judged):
    raw = segmentations({"vasomim": 8.0, "guidance": -8.0})
    found = of_claims(judged(raw, only=(*BEST, "guidance", "consistency")))
    assert set(found.loc[list(BEST), "verdict"]) == {"reproduced"}
    assert found.loc["in_domain", "held"] == "9 of 9"
    assert found.loc["both", "effect_max"] == pytest.approx(16, abs=1)
    assert found.loc["guidance", ["verdict", "not reproduced"]].to_list() == ["not reproduced", 3]
    assert found.loc["consistency", "held"] == "0 of 3"


@pytest.mark.parametrize(("effect", "want"), [(-0.5, "reproduced"), (0.0, "reproduced"), (-3.0, "not reproduced")])
def test_fewer_epochs_need_only_be_as_good(judged, effect: float, want: str):
    table = judged(segmentations({"vasomim_300": effect}, spread=0.1), only=("epochs",))
    assert table["floor"].item() == -SMALLEST and table["verdict"].item() == want


def test_what_a_pretraining_shows_of_itself(judged):
    separation = silhouettes(mae_50=-6.0, guidance=-5.0, vasomim=5.0)
    shares = vessel_shares(mae_50=0.2, guidance=0.45, vasomim=0.45)
    table = judged(segmentations(), separation, shares, only=("separation", "masking"))
    assert of(table, "separation")["effect"].to_list() == pytest.approx([10, 10])
    masking = of(table, "masking").reset_index().set_index(["comparison", "metric"])["effect"]
    assert masking["vasomim - mae_50", "vessel share, last epoch"] == pytest.approx(25)
    assert masking["vasomim - mae_50", "vessel share, mean"] == pytest.approx(12.5)
    assert set(verdicts(table)["verdict"]) == {"reproduced"}


def test_what_is_missing_is_listed_with_the_reason(judged):
    raw = segmentations({"vasomim": 8.0})
    raw = raw[~raw["method"].isin(["spt", "hpm"]) & ((raw["labels"] == 100) | (raw["method"] != "unet"))]
    table = judged(raw, only=("spt", "in_domain", "labels", "masking"))
    assert len(table) == 3 + 9 + 2 + 4
    spt = of(table, "spt")
    assert set(spt["verdict"]) == {"not tested"} and set(spt["note"]) == {"no DSC of spt"}
    assert of(table, "labels").loc[("vasomim - unet", "synth-a"), "note"] == "no DSC, 25 % of labels of unet"
    assert of(table, "masking")["note"].str.startswith("no vessel share").all()
    found = of_claims(table)
    assert found.loc["spt", ["verdict", "held", "not tested"]].to_list() == ["not tested", "0 of 3", 3]
    # borne out wherever it was tested, but not tested against each rival
    assert found.loc["in_domain", ["verdict", "held"]].to_list() == ["inconclusive", "8 of 9"]


def test_one_set_of_data_without_published_counterpart(judged):
    raw = segmentations()
    raw, only = raw[raw["dataset"] == "synth-a"], ("in_domain", "out_of_domain", "epochs")
    table = judged(raw, stands_for={}, datasets=["synth-a"], only=only)
    assert table.loc[table["metric"].str.startswith("DSC"), "published"].isna().all()
    assert (of(table, "in_domain")["relevant"] == SMALLEST).all()
    for claim, name in (("out_of_domain", "no others data set"), ("epochs", "no second data set")):
        part = of(table, claim).reset_index()
        assert set(part["dataset"]) == {name} and set(part["verdict"]) == {"not tested"}


def test_no_more_is_asked_than_was_published(without_effects):
    table = without_effects
    assert of(table, "in_domain").loc[("vasomim - mae", "synth-a"), "relevant"] == pytest.approx(68.85 - 68.17)
    assert of(table, "in_domain").loc[("vasomim - moco", "synth-a"), "relevant"] == SMALLEST
    against_the_claim = of(table, "ssl_unet").loc[("moco - unet", "synth-b")]
    assert against_the_claim["published"] < 0 and against_the_claim["relevant"] == SMALLEST


def test_a_comparison_of_two_claims_counts_once(without_effects):
    keys = ["comparison", "dataset", "metric"]
    tested = without_effects[without_effects["metric"].str.startswith("DSC") & without_effects["p"].notna()]
    once = tested.drop_duplicates(keys)
    assert len(once) < len(tested)  # vasomim - consistency is in two claims
    assert once["p_holm"].to_numpy() == pytest.approx(holm(once["p"].to_numpy()))
    assert (tested.groupby(keys)["p_holm"].nunique() == 1).all()


def test_how_many_published_effects_are_power_note(judged, without_effects):
    some = ("in_domain", "both", "rise")
    known = without_effects[
        without_effects["text"].isin([TEXTS[name] for name in some]) & (without_effects["published"] > 0)
    ]
    count = len(known.drop_duplicates(["comparison", "dataset"]))
    assert count < len(known)
    for spread, want in ((0.01, count), (1000.0, 0)):
        sentence = power_note(judged(segmentations(spread=spread), only=some))
        assert sentence.startswith(f"Of {count} published effects, {want} are at least as large as")


def test_a_ledger_of_forty_images_takes_seconds(judged):
    raw = segmentations(images=40)
    start = time.process_time()
    assert len(judged(raw)) > 100
    assert time.process_time() - start < 5
