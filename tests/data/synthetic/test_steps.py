"""A frame taken apart: the steps are those of the finished frame, and each does what it says."""

import numpy as np
import pytest

from vasolib.data.synthetic.exposure import signal_of
from vasolib.data.synthetic.frame import make_frame
from vasolib.data.synthetic.scene import Scene, draw_scene
from vasolib.data.synthetic.steps import Layers, Moment, annotated, exposed, layers, snapshot
from vasolib.data.synthetic.styles import STYLES, Style, named_style

SIZE = 96
ABSORPTIONS = ("vessels", "body", "devices")


@pytest.fixture(scope="module")
def scene() -> Scene:
    return draw_scene(0, 11, named_style("c"))


@pytest.fixture(scope="module")
def moment(scene: Scene) -> Moment:
    return snapshot(scene)


@pytest.fixture(scope="module")
def parts(scene: Scene, moment: Moment) -> Layers:
    return layers(scene, moment, SIZE)


def test_the_steps_make_the_frame(scene: Scene, moment: Moment, parts: Layers):
    frame, image = make_frame(0, 11, named_style("c"), SIZE), exposed(scene, moment, parts)
    np.testing.assert_array_equal(image, frame.image)
    np.testing.assert_array_equal(annotated(scene, parts, image).segments, frame.labels.segments)
    assert (moment.cardiac, moment.respiratory) == (frame.cardiac, frame.respiratory)


def test_all_maps_are_of_the_size_asked_for(parts: Layers):
    for name in (*ABSORPTIONS, "field"):
        array = getattr(parts, name)
        assert array.shape == (SIZE, SIZE) and array.min() >= 0, name
    assert parts.field.max() <= 1 and parts.vessels.max() > 0.2
    assert len(parts.washed) == len(parts.tree.stretches)


def test_a_known_body_is_taken_as_it_is(scene: Scene, moment: Moment, parts: Layers):
    still = np.full((SIZE, SIZE), 0.5, np.float32)
    other = layers(scene, moment, SIZE, still)
    assert other.body is still
    np.testing.assert_array_equal(other.vessels, parts.vessels)


def test_before_the_injection_no_vessel_absorbs(scene: Scene):
    assert layers(scene, Moment(0, 0.0, 0.0, 0.0), SIZE).vessels.max() < 0.01


@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES)
def test_every_labelled_pixel_gets_less_light_than_without_contrast_agent(style: Style):
    """Before noise and display; beside what is left of the light where there is no vessel (exposure control)."""
    for index in range(4):
        scene = draw_scene(0, index, style)
        parts = layers(scene, snapshot(scene), 256)
        labels = annotated(scene, parts, exposed(scene, snapshot(scene), parts))
        others = parts.body, parts.devices, parts.field
        left = signal_of(scene.exposure, parts.vessels, *others) / signal_of(scene.exposure, 0 * parts.vessels, *others)
        free = np.median(left[(parts.vessels == 0) & (parts.field > 0.9)])
        assert labels.mask.any() and (left[labels.mask == 1] < free).all(), index


def test_without_noise_a_picture_is_the_same_at_all_moments_and_near_the_finished_one(
    scene: Scene, moment: Moment, parts: Layers
):
    clean, later = (exposed(scene, Moment(n, 0.0, 0.0, 0.0), parts, noise=False) for n in (0, 1))
    np.testing.assert_array_equal(clean, later)
    finished = exposed(scene, moment, parts)
    assert not np.array_equal(clean, finished)
    assert abs(float(clean.mean()) - float(finished.mean())) < 2
