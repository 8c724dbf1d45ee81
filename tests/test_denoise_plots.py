import matplotlib as mpl
import numpy as np
import pytest

from vasolib import denoise_plots, plots

SIDE, BOX = 32, (4, 10, 8)
CLEAN = np.random.default_rng(0).integers(20, 230, (SIDE, SIDE), dtype=np.uint8)
ERRORS = {"noisy": 10.0, "filter": -2.0, "network": 0.5}
ESTIMATES = {method: CLEAN + error for method, error in ERRORS.items()}


@pytest.fixture(autouse=True)
def style():
    with mpl.rc_context():
        plots.use_style()
        yield


def draw(estimates: dict[str, np.ndarray] = ESTIMATES):
    """The figure's panels as rows x columns, and the axes of its colour bar."""
    *axes, bar = denoise_plots.denoised(CLEAN, estimates, BOX).axes
    return np.array(axes).reshape(3, -1), bar


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_a_rerun_gives_the_same_bytes(tmp_path, suffix):
    for run in "ab":
        plots.save(denoise_plots.denoised(CLEAN, ESTIMATES, BOX), tmp_path / f"{run}.{suffix}")
    assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


def test_a_column_per_method_with_its_score():
    grid, _ = draw()
    whole = [axes.images[0].get_array() for axes in grid[0]]
    for shown, image in zip(whole, [CLEAN, *ESTIMATES.values()], strict=True):
        np.testing.assert_allclose(shown, image)
    titles = [axes.get_title() for axes in grid[0]]
    scores = [20 * np.log10(255 / abs(error)) for error in ERRORS.values()]
    assert titles == ["clean", *(f"{m}\n{s:.1f} dB" for m, s in zip(ERRORS, scores, strict=True))]
    assert all(axes.images[0].get_clim() == (0, 255) for axes in grid[:2].flat)


def test_the_detail_is_what_the_box_holds():
    grid, _ = draw()
    top, left, size = BOX
    for axes, image in zip(grid[1], [CLEAN, *ESTIMATES.values()], strict=True):
        np.testing.assert_allclose(axes.images[0].get_array(), image[top : top + size, left : left + size])
    (box,) = grid[0, 2].patches
    assert (box.get_x(), box.get_y(), box.get_width()) == (left - 0.5, top - 0.5, size)


def test_errors_share_a_scale_set_by_the_best():
    grid, bar = draw()
    assert not grid[2, 0].images
    for axes, error in zip(grid[2, 1:], ERRORS.values(), strict=True):
        np.testing.assert_allclose(axes.images[0].get_array(), error)
        assert axes.images[0].get_clim() == pytest.approx((-2, 2))
    assert "grey levels" in bar.get_ylabel()


def test_estimates_are_clipped_to_what_an_image_holds():
    grid, _ = draw({"wild": np.full((SIDE, SIDE), 400.0), "low": np.full((SIDE, SIDE), -90.0)})
    assert grid[0, 1].images[0].get_array().max() == 255
    np.testing.assert_allclose(grid[2, 2].images[0].get_array(), -CLEAN.astype(float))
