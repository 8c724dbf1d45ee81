import numpy as np
import pytest

from vasolib.data.synthetic.courses import STEP, Course, Layout, bezier, resample, smooth, wandering
from vasolib.data.synthetic.heart import Heart, direction


def layout(tortuosity: float = 0.0) -> Layout:
    return Layout(np.random.default_rng(0), Heart(), tortuosity)


def test_resample_keeps_the_ends_and_the_step():
    curve = bezier(np.zeros(3), np.array([20.0, 0, 0]), np.array([20.0, 30, 5]), 100)
    points = resample(curve)
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    assert np.array_equal(points[[0, -1]], curve[[0, -1]])
    assert steps.max() <= STEP + 1e-9 and steps.min() > 0.95 * STEP


def test_smooth_passes_through_its_landmarks_and_keeps_a_line_straight():
    landmarks = np.random.default_rng(0).normal(0, 30, (5, 3))
    assert np.allclose(smooth(landmarks, 12)[::12], landmarks)
    line = np.outer([0.0, 1, 3, 4], [1.0, 2, 3])
    assert np.allclose(np.cross(smooth(line), [1.0, 2, 3]), 0)


def test_smooth_has_no_corner():
    points = smooth(np.array([[0.0, 0, 0], [10, 0, 0], [20, 15, 0], [20, 40, 5]]), 400)
    steps = np.diff(points, axis=0)
    steps /= np.linalg.norm(steps, axis=1, keepdims=True)
    assert (steps[1:] * steps[:-1]).sum(1).min() > 0.999


def test_wandering_starts_at_zero_and_has_the_slope_asked_for():
    points = STEP * np.arange(2000)[:, None] * [1.0, 0, 0]
    normals = np.tile([0.0, 0, 1], (2000, 1))
    slopes = []
    for seed in range(20):
        shift = wandering(np.random.default_rng(seed), points, normals, 0.1)
        assert np.array_equal(shift[0], np.zeros(3))
        slopes.append(np.gradient(shift[50:, 1], STEP).std())
    # Three of the four waves run sideways, each of a third of the slope's variance.
    assert np.mean(slopes) == pytest.approx(0.1 * np.sqrt(3) / 2, rel=0.15)


def test_branch_starts_on_its_parent_and_ends_at_its_target_on_the_epicardium():
    plan = layout()
    plan.main(direction(90.0, np.array([0.0, 30, 60, 90])), -1, 1.0)
    target = direction(130, 60)
    index = plan.branch(0, 20, target, 0.6, "9")
    course = plan.courses[index]
    assert np.allclose(course.points[0], plan.courses[0].points[20])
    assert np.allclose(course.points[-1], plan.heart.to_patient(target))
    # The chords of the curve cut a little below the surface.
    assert np.linalg.norm(plan.heart.to_sphere(course.points), axis=1) == pytest.approx(1, abs=0.03)


def test_main_goes_on_from_the_parents_end():
    plan = layout(0.3)
    plan.main(direction(90.0, np.array([0.0, 30])), -1, 1.0)
    plan.main(direction(90.0, np.array([50.0, 70])), 0, 1.0)
    assert np.allclose(plan.courses[1].points[0], plan.courses[0].points[-1])


def test_segment_is_the_last_name_begun():
    course = Course(np.zeros((30, 3)), ((0, "6"), (10, "7"), (20, "8")), -1, 0, 1.0)
    assert [course.segment(i) for i in (0, 9, 10, 19, 20, 29)] == ["6", "6", "7", "7", "8", "8"]
