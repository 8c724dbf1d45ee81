import xml.etree.ElementTree as ElementTree

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from vasolib import plots


@pytest.fixture(autouse=True)
def style():
    with mpl.rc_context():
        plots.use_style()
        yield


def log(**columns) -> pd.DataFrame:
    return pd.DataFrame({"epoch": [1, 2, 3], **columns})


def curves():
    logs = {"mae": log(loss=[3.0, 2.0, 1.0]), "full": log(loss=[4.0, 3.0, 2.0], consistency=[0.3, 0.2, 0.1])}
    return plots.training_curves(logs, ["loss", "consistency"])


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_equal_figures_are_equal_bytes(tmp_path, suffix):
    for name in ("a", "b"):
        plots.save(curves(), tmp_path / "new" / f"{name}.{suffix}")
    first, second = ((tmp_path / "new" / f"{name}.{suffix}").read_bytes() for name in ("a", "b"))
    assert first == second and len(first) > 1000


def test_files_are_what_their_suffix_says_and_nothing_else_is_left(tmp_path):
    plots.save(curves(), tmp_path / "x.svg")
    plots.save(curves(), tmp_path / "x.png")
    assert ElementTree.parse(tmp_path / "x.svg").getroot().tag.endswith("svg")
    assert b"date" not in (tmp_path / "x.svg").read_bytes().lower()
    with Image.open(tmp_path / "x.png") as image:
        assert image.size == (720, 336) and "Software" not in image.info
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.png", "x.svg"]


def test_an_unknown_suffix_is_refused(tmp_path):
    with pytest.raises(ValueError, match="png, svg"):
        plots.save(curves(), tmp_path / "x.jpg")


def test_training_curves_show_each_log_in_the_panels_it_has():
    loss, consistency = curves().axes
    assert [line.get_label() for line in loss.lines] == ["mae", "full"]
    assert [line.get_label() for line in consistency.lines] == ["full"]
    assert loss.lines[0].get_xydata().tolist() == [[1, 3], [2, 2], [3, 1]]
    assert consistency.lines[0].get_color() == loss.lines[1].get_color() != loss.lines[0].get_color()


def test_many_arms_find_a_style():
    logs = {f"arm {i}": log(loss=[i, i, i]) for i in range(9)}
    figure = plots.training_curves(logs, ["loss"])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(logs)


def test_contact_sheet_tints_the_overlay_only():
    images = np.full((3, 4, 5), 100, np.uint8)
    overlays = np.zeros_like(images)
    overlays[1, 2, 3] = 1
    axes = plots.contact_sheet(images, overlays, ["a", "b", "c"], 2).axes
    assert [a.get_title() for a in axes] == ["a", "b", "c", ""]
    assert [len(a.images) for a in axes] == [2, 2, 2, 0]
    np.testing.assert_array_equal(axes[1].images[0].get_array(), images[1])
    np.testing.assert_array_equal(axes[1].images[1].get_array()[..., 3] > 0, overlays[1] > 0)
    assert all(len(a.images) == 1 for a in plots.contact_sheet(images, None, "abc", 3).axes)


def test_a_notebook_can_show_a_figure():
    assert curves()._repr_png_().startswith(b"\x89PNG")
