"""Pictures of label maps: colours by number, names where they belong, predictions beside labels, confusion."""

import numpy as np
import pytest
from matplotlib import colors

from vasolib.downstream.segments import CLASSES
from vasolib.generator_plots import segment_colour
from vasolib.v2.pictures import beside_labels, boxed_sheet, confusion_picture, label_sheet

IMAGES = np.full((3, 16, 16), 100, np.uint8)
MAPS = np.zeros((3, 16, 16), np.uint8)
MAPS[0, 2:5, 2:13], MAPS[0, 8, 8], MAPS[1, 10:13, 4:7] = 6, 10, 25


def words(axes) -> dict[str, tuple[float, float]]:
    return {text.get_text(): text.get_position() for text in axes.texts}


def test_numbers_have_the_colours_of_segments_and_none_is_clear():
    axes = label_sheet(IMAGES, MAPS, ["a", "b", "c"], 2).axes[0]
    assert np.array_equal(axes.images[0].get_array(), IMAGES[0])
    tint = axes.images[1].get_array()
    assert np.allclose(tint[3, 3, :3], colors.to_rgb(segment_colour(6)))
    assert 0 < tint[3, 3, 3] < 1 and tint[0, 0, 3] == 0


@pytest.mark.parametrize("columns", [1, 2, 3, 5])
def test_a_sheet_has_a_place_for_each_image_and_draws_no_other(columns):
    figure = label_sheet(IMAGES, MAPS, ["a", "b", "c"], columns)
    drawn = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title() for axes in drawn] == ["a", "b", "c"]
    assert not any(axes.axison for axes in figure.axes)


def test_names_stand_inside_of_what_they_name_and_only_where_asked_for():
    named = label_sheet(IMAGES, MAPS, ["a", "b", "c"], 3, CLASSES).axes
    assert set(words(named[0])) == {"6", "9a"} and set(words(named[1])) == {"14b"} and not words(named[2])
    for name, (x, y) in words(named[0]).items():
        assert CLASSES[MAPS[0, y, x]] == name
    assert words(named[0])["6"][1] == 3  # the middle of its width
    assert not any(words(axes) for axes in label_sheet(IMAGES, MAPS, ["a", "b", "c"], 3).axes)


def test_predictions_stand_beside_labels_row_by_row():
    other = np.roll(MAPS, 1, axis=0)
    axes = np.reshape(beside_labels(IMAGES, {"label": MAPS, "prediction": other}, list("abc"), CLASSES).axes, (3, 3))
    assert [a.get_title() for a in axes[0]] == ["a", "label", "prediction"]
    assert [a.get_title() for a in axes[1]] == ["b", "", ""]
    for row in range(3):
        for column, maps in ((1, MAPS), (2, other)):
            tint = axes[row, column].images[1].get_array()
            assert np.array_equal(tint[:, :, 3] > 0, maps[row] > 0)


def test_boxes_are_drawn_around_their_pixels_with_their_scores():
    truth = [np.array([[1.0, 2, 4, 6]]), np.empty((0, 4))]
    none = np.empty((0, 4)), np.empty(0)
    found = {"a": [(np.array([[0.0, 0, 2, 2], [3, 3, 5, 5]]), np.array([0.9, 0.25])), none], "b": [none, none]}
    axes = np.reshape(boxed_sheet(IMAGES[:2], truth, found, ["x", "y"]).axes, (2, 2))
    assert [each.get_title() for each in axes.flat] == ["x", "y", "", ""]
    solid, first, second = axes[0, 0].patches
    assert solid.get_bbox().extents.tolist() == [0.5, 1.5, 3.5, 5.5]  # pixels 1 to 3 and 2 to 5, each from -0.5 to 0.5
    assert [box.get_linestyle() for box in (solid, first, second)] == ["solid", "--", "--"]
    assert [text.get_text() for text in axes[0, 0].texts] == ["0.90", "0.25", "a"]
    assert len(axes[1, 0].patches) == 1 and not axes[0, 1].patches
    assert [text.get_text() for text in axes[1, 0].texts] == ["b"]


def test_confusion_shows_shares_of_the_classes_that_occur():
    counts = np.zeros((26, 26), np.int64)
    counts[0, 0], counts[1, 1], counts[1, 10], counts[10, 0] = 100, 3, 1, 5
    counts[0, 25] = 100  # predicted only
    figure = confusion_picture(counts, CLASSES)
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["background", "1", "9a", "14b"]
    share = np.ma.filled(axes.images[0].get_array(), np.nan)
    assert np.allclose(share[:3], [[50, 0, 0, 50], [0, 75, 25, 0], [100, 0, 0, 0]])
    assert np.isnan(share[3]).all()
    assert "label" in axes.get_ylabel() and "predicted" in axes.get_xlabel()
