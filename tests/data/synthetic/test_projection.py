"""The C-arm against a camera built from scratch, and its conventions."""

from types import SimpleNamespace

import numpy as np
import pytest

from vasolib.data.synthetic.projection import USED, VIEWS, View, aimed, draw_view, project, tubes
from vasolib.errors import UserError

FIELD = (130.0, 200.0)  # mm
AP = View(lao=0.0, cranial=0.0, source=750.0, detector=1050.0, field=160.0)


def turned(axis, degrees):
    """Rotation by Rodrigues' formula."""
    x, y, z = axis
    k, a = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]]), np.deg2rad(degrees)
    return np.eye(3) + np.sin(a) * k + (1 - np.cos(a)) * k @ k


def pin_hole(point, view):
    """Turn source and detector about the isocentre, then cut the ray with the detector's plane."""
    gantry = turned((0, 0, 1), view.lao) @ turned(
        (1, 0, 0), -view.cranial
    )  # cranial tilt first, in the patient's plane
    source, centre = gantry @ [0, view.source, 0], gantry @ [0, view.source - view.detector, 0]
    normal = gantry @ [0, -1, 0]
    hit = source + (point - source) * ((centre - source) @ normal) / ((point - source) @ normal)
    right, down = gantry @ [1, 0, 0], gantry @ [0, 0, -1]
    a = np.deg2rad(view.roll)
    x, y = (hit - centre) @ right, (hit - centre) @ down
    x, y = np.cos(a) * x - np.sin(a) * y, np.sin(a) * x + np.cos(a) * y
    return 256 + 512 / view.field * (np.array([x, y]) - view.shift)


@pytest.mark.parametrize("angles", [(0, 0), (45, 0), (0, 30), (-30, 20), (45, -25), (90, 0)])
def test_agrees_with_a_pin_hole_camera(angles):
    view = View(*angles, 760.0, 1100.0, 150.0, shift=(7.0, -11.0), roll=12.0)
    points = np.random.default_rng(0).uniform(-60, 60, (20, 3))
    np.testing.assert_allclose(project(points, view)[0], [pin_hole(point, view) for point in points], atol=1e-6)


def test_magnifies_by_the_ratio_of_the_distances():
    xy, scale = project(np.array([[0.0, 0, 0]]), AP)
    np.testing.assert_allclose(xy, [[256, 256]])
    assert scale[0] == pytest.approx(1050 / 750 * 512 / 160)
    assert AP.scale == pytest.approx(scale[0])


def test_left_is_on_the_right_and_the_head_above():
    (left, head), _ = project(np.array([[20.0, 0, 0], [0, 0, 20.0]]), AP)
    assert left[0] > 256
    assert head[1] < 256


def test_nearer_to_the_source_is_larger():
    _, (front, back) = project(np.array([[0, -40.0, 0], [0, 40.0, 0]]), AP)
    assert back > front


def test_cranial_tilt_moves_what_lies_in_front_down():
    """Seen from above, the front wall is nearer to the viewer and so lower in the picture than the back wall."""
    view = View(0.0, 30.0, 750.0, 1050.0, 160.0)
    (front, back), _ = project(np.array([[0, -40.0, 0], [0, 40.0, 0]]), view)
    assert front[1] > back[1]


def test_left_oblique_moves_the_spine_to_the_right():
    spine = np.array([[0, 70.0, 0]])
    assert (
        project(spine, View(45, 0, 750, 1050, 160))[0][0, 0]
        > 256
        > project(spine, View(-30, 0, 750, 1050, 160))[0][0, 0]
    )


def test_aims_at_the_vessels():
    points = np.random.default_rng(0).normal((30, 20, -40), 10, (200, 3))
    view = aimed(np.random.default_rng(1), View(-30, 20, 750, 1050, 200), points)
    assert np.all(np.abs(project(points, view)[0] - 256) < 300)
    assert np.mean(np.all(np.abs(project(points, view)[0] - 256) < 256, axis=1)) > 0.9


@pytest.mark.parametrize("side", ["left", "right"])
def test_draws_the_views_of_the_side(side):
    views = [draw_view(np.random.default_rng(i), side, dict.fromkeys(VIEWS, 1.0), FIELD) for i in range(300)]
    assert all(130 <= view.field <= 200 and view.source < view.detector for view in views)
    nearest = {min(VIEWS, key=lambda n, v=v: np.hypot(VIEWS[n][0] - v.lao, VIEWS[n][1] - v.cranial)) for v in views}
    assert set(USED[side]) <= nearest


def test_keeps_to_the_habits():
    views = [draw_view(np.random.default_rng(i), "right", {"RAO": 1.0, "LAO": 0.0}, FIELD) for i in range(50)]
    assert all(view.lao < 0 for view in views)
    assert draw_view(np.random.default_rng(0), "left", {"LAO": 1.0}, FIELD).lao > 0  # nothing else is left


@pytest.mark.parametrize(
    ("side", "habits", "message"),
    [
        ("middle", {"LAO": 1.0}, "unknown side 'middle'"),
        ("left", {"LOA": 1.0}, "unknown view 'LOA'.*'LAO'"),
        ("left", {"RAO": 0.0}, "no view of the left"),
    ],
)
def test_refuses_what_it_does_not_know(side, habits, message):
    with pytest.raises(UserError, match=message):
        draw_view(np.random.default_rng(0), side, habits, FIELD)


def test_projects_each_stretch():
    stretches = (
        SimpleNamespace(segment="5", points=np.array([[0.0, 0, 0], [0, -10, 0]]), radii=np.array([2.0, 1.8])),
        SimpleNamespace(segment="", points=np.array([[0.0, -10, 0], [5, -10, 0], [9, -10, 0]]), radii=np.full(3, 1.0)),
    )
    main, twig = tubes(SimpleNamespace(stretches=stretches), AP, [np.ones(2), np.full(3, 0.5)])
    np.testing.assert_allclose(main.xy, 256)  # along the beam
    np.testing.assert_allclose(main.depth, [0, 10 * AP.scale])
    np.testing.assert_allclose(main.radii[0], 2 * AP.scale)
    np.testing.assert_array_equal(twig.concentration, 0.5)
    assert (main.code, twig.code) == (5, 26)
