"""Whole frames: what they depend on, how their parts agree, and that none of very many is degenerate."""

from dataclasses import replace

import numpy as np
import pytest

from vasolib.data.synthetic.contrast import Injection
from vasolib.data.synthetic.frame import make_frame, make_frames, take
from vasolib.data.synthetic.scene import draw_scene
from vasolib.data.synthetic.steps import Moment
from vasolib.data.synthetic.styles import CORPUS_STYLE, STYLES, Style

NEVER = Injection(start=1e6, duration=1.0, velocity=150.0, mixing=0.05)
ALWAYS = Injection(start=-10.0, duration=1e6, velocity=150.0, mixing=0.05)


def same(first, second):
    return np.array_equal(first.image, second.image) and all(
        np.array_equal(a, b) for a, b in zip(vars(first.labels).values(), vars(second.labels).values(), strict=True)
    )


@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES)
def test_parts_agree(style: Style):
    for index in range(4):
        frame = make_frame(0, index, style, 128)
        assert frame.style == style.name
        labels = frame.labels
        assert frame.image.shape == labels.mask.shape == labels.segments.shape == labels.stenosis.shape == (128, 128)
        assert frame.image.dtype == np.uint8
        np.testing.assert_array_equal(labels.segments > 0, labels.mask == 1)
        assert labels.segments.max() <= 26
        assert not labels.stenosis[labels.mask == 0].any()
        numbers = np.unique(labels.stenosis[labels.stenosis > 0])
        assert len(numbers) == len(labels.boxes) and (not len(numbers) or numbers.max() <= len(frame.stenoses))
        assert 0 <= frame.contrast <= 1


def test_frames_depend_on_their_seed_index_and_style_alone():
    first = make_frame(0, 3, STYLES["a"], 64)
    assert same(first, make_frame(0, 3, STYLES["a"], 64))
    others = [(1, 3, STYLES["a"]), (0, 4, STYLES["a"]), (0, 3, STYLES["b"])]
    assert not any(same(first, make_frame(*other, 64)) for other in others)


def test_a_frame_names_what_made_it():
    frame = make_frame(7, 3, STYLES["b"], 64)
    assert frame.key == (7, STYLES["b"].number, 3)
    scene = draw_scene(7, 3, STYLES["b"])
    assert (frame.view, frame.exposure, frame.stenoses) == (scene.view, scene.exposure, scene.stenoses)


def test_a_renumbered_style_draws_anew_and_a_renamed_one_does_not():
    style = STYLES["a"]
    first = make_frame(0, 3, style, 64)
    assert same(first, make_frame(0, 3, replace(style, name="z"), 64))
    assert not same(first, make_frame(0, 3, replace(style, number=77), 64))


def test_only_the_mask_changes_with_the_annotation_rule():
    style = STYLES["a"]
    usual, generous = (make_frame(0, 3, one, 128) for one in (style, replace(style, widen=style.widen + 4)))
    assert np.array_equal(usual.image, generous.image)
    assert usual.labels.mask.sum() < generous.labels.mask.sum()


def test_workers_change_nothing():
    alone, together = (list(make_frames(0, range(5, 15), STYLES["a"], 64, workers)) for workers in (1, 2))
    assert all(same(a, b) for a, b in zip(alone, together, strict=True))
    assert same(alone[7], make_frame(0, 12, STYLES["a"], 64))


def test_a_picture_of_thin_vessels_alone_has_a_label():
    frame = make_frame(1, 3479, STYLES["a"], 64)  # a small right artery, half filled
    assert frame.labels.mask.mean() > 0.004


def test_sizes_show_the_same_picture():
    fine, coarse = (make_frame(0, 0, STYLES["a"], size) for size in (256, 128))
    assert fine.view == coarse.view
    shrunk = fine.labels.mask.reshape(128, 2, 128, 2).mean(axis=(1, 3)) >= 0.5
    both, either = np.sum(shrunk & (coarse.labels.mask == 1)), np.sum(shrunk | (coarse.labels.mask == 1))
    assert both / either > 0.6


@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES)
def test_labelled_pixels_are_darker_than_without_contrast_agent(style: Style):
    """Finished pictures with the same noise are compared, and means over all of the mask and over its segments."""
    scene, moment = draw_scene(0, 8, style), Moment(0, 0.0, 0.2, 0.0)
    filled = take(replace(scene, injection=ALWAYS), moment, 256)
    empty = take(replace(scene, injection=NEVER), moment, 256)
    loss = empty.image.astype(float) - filled.image
    loss -= np.median(loss[filled.labels.mask == 0])  # the exposure control answers to the vessels
    assert empty.labels.mask.sum() == 0
    assert np.mean(loss[filled.labels.mask == 1] > 0) > 0.9
    codes = np.unique(filled.labels.segments[filled.labels.mask == 1])
    assert all(loss[filled.labels.segments == code].mean() > 1 for code in codes)


def test_an_empty_series_is_empty():
    assert list(make_frames(0, [], STYLES["a"], 64)) == []


@pytest.mark.slow
def test_no_frame_of_ten_thousand_is_degenerate():
    for index, frame in enumerate(make_frames(1, range(10_000), STYLES[CORPUS_STYLE], 64, workers=2)):
        assert frame.image.std() > 3, index
        assert 0.004 < frame.labels.mask.mean() < 0.4, index
