import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import colors

from vasolib import figures, plots

SIDE = 32
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (2, SIDE, SIDE), dtype=np.uint8)
LABELS = (RNG.random((2, SIDE, SIDE)) < 0.2).astype(np.uint8)
LOGS = {
    arm: pd.DataFrame({"epoch": [1, 2, 3], "vessel_share": share})
    for arm, share in {"mae": [0.2, 0.2, 0.2], "full": [0.2, 0.3, 0.45]}.items()
}
RATES = {"mae": np.full((4, 4), 0.5), "full": np.linspace(0.2, 0.8, 16).reshape(4, 4)}
PREDICTIONS = {"mae": 1 - LABELS, "full": LABELS}
POINTS = {"mae": RNG.normal(size=(20, 2)), "full": RNG.normal(size=(20, 2))}
VESSEL = {"mae": np.arange(20) < 5, "full": np.arange(20) < 8}


@pytest.fixture(autouse=True)
def style():
    with mpl.rc_context():
        plots.use_style()
        yield


def beside() -> pd.DataFrame:
    nan = float("nan")
    columns = [
        "method",
        "dataset",
        "metric",
        "published_dataset",
        "published",
        "published_sd",
        "mean",
        "sd",
        "n",
    ]
    rows = [
        ("filter", "a", "DSC", "ARCADE", 41.3, nan, 50.0, nan, 1),
        ("full", "a", "DSC", "ARCADE", 68.85, 0.47, 60.0, 0.5, 3),
        ("filter", "b", "DSC", nan, nan, nan, 51.0, nan, 1),
        ("full", "b", "DSC", nan, nan, nan, 61.0, 0.6, 3),
        ("full", "a", "clDice", "ARCADE", 70.56, 0.36, 62.0, 0.7, 3),
    ]
    return pd.DataFrame(rows, columns=columns)


def reconstructed() -> list[dict]:
    masked = IMAGES[0].astype(float)
    masked[:16] = np.nan
    return [{"image": i, "masked": masked, "arms": {"mae": i * 0.5, "full": i * 1.0}} for i in IMAGES]


FIGURES = {
    "vessel_share": lambda: figures.vessel_share(LOGS),
    "masking_rate": lambda: figures.masking_rate(IMAGES[0], LABELS[0], RATES),
    "qualitative": lambda: figures.qualitative(IMAGES, LABELS, PREDICTIONS, [(0, 0, 8), (20, 20, 8)]),
    "reconstructions": lambda: figures.reconstructions(reconstructed()),
    "embedding": lambda: figures.embedding(POINTS, VESSEL),
    "bars": lambda: figures.bars(beside(), "DSC"),
}


@pytest.mark.parametrize("suffix", ["svg", "png"])
@pytest.mark.parametrize("name", FIGURES)
def test_a_rerun_gives_the_same_bytes(tmp_path, name, suffix):
    for run in "ab":
        plots.save(FIGURES[name](), tmp_path / f"{run}.{suffix}")
    assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


def test_vessel_share_is_in_per_cent_and_defined():
    (axes,) = FIGURES["vessel_share"]().axes
    assert axes.lines[1].get_xydata() == pytest.approx(np.array([[1, 20], [2, 30], [3, 45]]))
    assert "%" in axes.get_ylabel() and "at least one vessel pixel" in axes.get_ylabel()
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["mae", "full"]


def test_masking_rates_share_one_scale_and_one_bar():
    picture, mae, full, bar = FIGURES["masking_rate"]().axes
    np.testing.assert_array_equal(picture.images[0].get_array(), IMAGES[0])
    for axes, rate in ((mae, RATES["mae"]), (full, RATES["full"])):
        np.testing.assert_allclose(axes.images[0].get_array(), 100 * rate)
        assert axes.images[0].get_clim() == (0, pytest.approx(80))
    assert bar.get_ylabel() == "masked in % of epochs"


def test_every_pixel_of_a_prediction_is_a_hit_an_error_or_background():
    image = np.full((2, 2), 255, np.uint8)
    picture = figures.compare(image, np.array([[1, 1], [0, 0]]), np.array([[1, 0], [1, 0]]))
    hit, false_alarm, miss = (colors.to_rgb(c) for c in figures.HITS.values())
    assert picture.reshape(4, 3) == pytest.approx(np.array([hit, miss, false_alarm, (0.6, 0.6, 0.6)]))


def test_qualitative_has_a_zoom_of_the_box_in_each_panel():
    figure = FIGURES["qualitative"]()
    assert len(figure.axes) == 2 * 4
    assert [axes.get_title() for axes in figure.axes[:4]] == ["image", "label", "mae", "full"]
    for axes, image, (top, left) in (
        (figure.axes[0], IMAGES[0], (0, 0)),
        (figure.axes[4], IMAGES[1], (20, 20)),
    ):
        (inset,) = axes.child_axes
        np.testing.assert_array_equal(inset.images[0].get_array(), image[top : top + 8, left : left + 8])
        (box,) = axes.patches
        assert (box.get_x(), box.get_y(), box.get_width()) == (left - 0.5, top - 0.5, 8)
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["true positive", "false positive", "false negative"]


def test_reconstructions_hide_what_was_masked():
    axes = FIGURES["reconstructions"]().axes
    assert [a.get_title() for a in axes] == ["original", "masked input", "mae", "full", "", "", "", ""]
    assert axes[1].images[0].get_array().mask[:16].all() and not axes[1].images[0].get_array().mask[16:].any()
    np.testing.assert_allclose(axes[6].images[0].get_array(), IMAGES[1] * 0.5)
    assert all(a.images[0].get_clim() == (0, 255) for a in axes)


def test_embedding_separates_the_groups():
    axes = FIGURES["embedding"]().axes
    assert [a.get_title() for a in axes] == ["mae", "full"]
    background, vessel = axes[1].collections
    np.testing.assert_allclose(background.get_offsets(), POINTS["full"][8:])
    np.testing.assert_allclose(vessel.get_offsets(), POINTS["full"][:8])


def test_bars_show_ours_and_the_published():
    a, b = FIGURES["bars"]().axes
    assert (a.get_title(), b.get_title()) == ("a (published: ARCADE)", "b")
    ours, published = a.containers
    assert ours.lines[0].get_xdata().tolist() == [50, 60]
    assert published.lines[0].get_xdata().tolist() == [41.3, 68.85]
    assert ours.lines[2][0].get_segments()[1][:, 0] == pytest.approx([59.5, 60.5])
    assert pd.isna(b.containers[1].lines[0].get_xdata()).all()
    assert [label.get_text() for label in a.get_yticklabels()] == ["filter", "full"]


@pytest.mark.parametrize("size", [1, 3, 8, 12])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.7, 1.0])
def test_busiest_box_is_the_first_that_holds_most(size: int, share: float):
    label = (np.random.default_rng(size).random((12, 12)) < share).astype(np.uint8)
    corners = [(top, left) for top in range(13 - size) for left in range(13 - size)]
    top, left = max(corners, key=lambda c: label[c[0] : c[0] + size, c[1] : c[1] + size].sum(dtype=int))
    assert figures.busiest_box(label, size) == (top, left, size)


def test_busiest_box_finds_a_lonely_pixel_and_takes_booleans():
    label = np.zeros((300, 300), bool)
    label[299, 120] = True
    assert figures.busiest_box(label, 10) == (290, 111, 10)
    assert figures.busiest_box(np.ones((300, 300), np.uint8), 299) == (0, 0, 299)  # more than 255 pixels
