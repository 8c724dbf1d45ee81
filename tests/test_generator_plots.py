"""Pictures of the generator's steps: what is drawn where, from arrays and trees that tests can count."""

from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import colors

from vasolib import generator_plots, plots
from vasolib.data.synthetic.labels import Labels
from vasolib.data.synthetic.projection import UNITS, View
from vasolib.data.synthetic.tree import CODES, OTHER, SYNTAX, Stretch, Tree

SIZE = 16
FRONT = View(lao=0.0, cranial=0.0, source=750.0, detector=1000.0, field=200.0)


@pytest.fixture(autouse=True)
def style():
    with mpl.rc_context():
        plots.use_style()
        yield


def line(start, end, count=11) -> np.ndarray:
    return np.linspace(start, end, count)


@pytest.fixture
def tree() -> Tree:
    """A main stem that forks into a named and a nameless branch."""
    stem, fork = line((0, 0, 40), (0, 0, 10)), (0, 0, 10)
    branches = (("6", line(fork, (30, 0, -20))), ("", line(fork, (-30, 0, -20))))
    children = (Stretch(name, points, np.full(11, 1.0), 0) for name, points in branches)
    return Tree("left", "right", (Stretch("5", stem, np.full(11, 2.0), -1), *children))


def texts(axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def test_neighbouring_segments_differ_in_colour():
    for pair in ("5 6", "5 11", "6 7", "6 9", "6 11", "7 8", "11 13", "1 2", "3 4", "3 16", "4 16"):
        one, other = pair.split()
        assert generator_plots.segment_colour(CODES[one]) != generator_plots.segment_colour(CODES[other])
    nameless = generator_plots.segment_colour(OTHER)
    assert nameless not in {generator_plots.segment_colour(CODES[name]) for name in SYNTAX}


@pytest.mark.parametrize(
    ("lao", "cranial", "name"),
    [(40, 25, "LAO 40°, cranial 25°"), (-30, -20.4, "RAO 30°, caudal 20°"), (0, 0, "LAO 0°, cranial 0°")],
)
def test_views_are_named_as_in_clinics(lao, cranial, name):
    assert generator_plots.view_name(replace(FRONT, lao=lao, cranial=cranial)) == name


def test_a_tree_is_drawn_in_space_and_from_each_view(tree: Tree):
    side = replace(FRONT, lao=90.0)
    space, *projected = sorted(generator_plots.tree_in_space(tree, [FRONT, side]).axes, key=lambda a: a.name != "3d")
    assert space.name == "3d" and len(space.lines) == 3
    assert [axes.get_title() for axes in projected] == ["LAO 0°, cranial 0°", "LAO 90°, cranial 0°"]
    for axes in projected:
        assert len(axes.collections) == 3 and sorted(texts(axes)) == ["5", "6"]
        assert axes.get_ylim() == (UNITS, 0)  # the head is up
    nameless, left, stem = (c.get_segments() for c in projected[0].collections)
    assert stem[0][0][1] < stem[-1][-1][1]
    assert left[-1][-1][0] > UNITS / 2 > nameless[-1][-1][0]  # the patient's left is on the right


def test_absorptions_share_one_scale():
    maps = {"body": np.full((SIZE, SIZE), 0.5), "vessels": np.full((SIZE, SIZE), 2.0)}
    *shown, bar = generator_plots.absorption_maps(maps).axes
    assert [axes.get_title() for axes in shown] == ["body", "vessels"] and bar.get_ylabel() == "absorption"
    assert {axes.images[0].get_clim() for axes in shown} == {(0, 2.0)}
    assert shown[0].images[0].get_cmap().name == "gray_r"


def test_shares_and_grey_levels_are_shown_alike():
    maps = {"share": np.full((SIZE, SIZE), 0.5), "image": np.full((4, 4), 128, np.uint8)}
    share, image = generator_plots.grey_maps(maps).axes
    assert share.images[0].get_array()[0, 0] == 127.5 and image.images[0].get_array()[0, 0] == 128
    assert share.images[0].get_clim() == image.images[0].get_clim() == (0, 255)


def test_a_profile_stacks_what_one_row_absorbs():
    maps = {"body": np.full((SIZE, SIZE), 0.5), "vessels": np.zeros((SIZE, SIZE))}
    maps["vessels"][3, 5] = 2.0
    image = np.arange(SIZE * SIZE, dtype=np.uint8).reshape(SIZE, SIZE)
    absorbed, grey = generator_plots.beam_profile(maps, {"finished": image, "without noise": image}, 3).axes
    assert [text.get_text() for text in absorbed.get_legend().get_texts()] == ["body", "vessels"]
    peak = max(path.vertices[:, 1].max() for c in absorbed.collections for path in c.get_paths())
    assert peak == 2.5
    np.testing.assert_array_equal(grey.lines[0].get_ydata(), image[3])


def test_a_label_shows_segments_names_boxes_and_centrelines():
    segments = np.zeros((SIZE, SIZE), np.uint8)
    segments[2:4, 2:14], segments[10, :] = CODES["7"], OTHER
    centre = np.array([[8.0, 3.0, 1.0, CODES["7"], 0], [8.0, 10.5, 0.5, OTHER, 1]])
    labels = Labels((segments > 0).astype(np.uint8), segments, segments * 0, np.array([[2.0, 2, 6, 4]]), centre)
    plain, coloured, boxed = generator_plots.label_panels(np.zeros((SIZE, SIZE), np.uint8), labels).axes
    assert len(plain.images) == 1 and texts(coloured) == ["7"]
    tint = coloured.images[1].get_array()
    np.testing.assert_array_equal(tint[..., 3] > 0, segments > 0)
    assert colors.to_hex(tint[2, 2]) == generator_plots.segment_colour(CODES["7"]).lower()
    (box,) = boxed.patches
    assert (box.get_xy(), box.get_width(), box.get_height()) == ((1.5, 1.5), 4, 2)
    np.testing.assert_array_equal(boxed.lines[0].get_xydata(), centre[:, :2] - 0.5)


def test_a_label_without_vessels_is_drawn():
    empty = np.zeros((SIZE, SIZE), np.uint8)
    figure = generator_plots.label_panels(empty, Labels(empty, empty, empty, np.zeros((0, 4)), np.zeros((0, 5))))
    assert figure._repr_png_().startswith(b"\x89PNG")


def test_what_has_moved_since_the_first_frame_is_coloured():
    first, second = (np.full((SIZE, SIZE), 200, np.uint8) for _ in range(2))
    first[3], second[5] = 50, 50
    one, other = generator_plots.beat_strip([first, second], ["then", "now"]).axes
    assert np.ptp(one.images[0].get_array(), axis=2).max() == 0
    picture = other.images[0].get_array()
    assert tuple(picture[3, 0]) == (50, 200, 200) and tuple(picture[5, 0]) == (200, 50, 50)
