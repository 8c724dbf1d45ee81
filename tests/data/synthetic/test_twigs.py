import numpy as np

from vasolib.data.synthetic.arteries import lay_left
from vasolib.data.synthetic.courses import Layout
from vasolib.data.synthetic.heart import draw_heart, unit
from vasolib.data.synthetic.twigs import grow_twigs


def grown(seed: int) -> tuple[Layout, int]:
    rng = np.random.default_rng(seed)
    layout = Layout(rng, draw_heart(rng), 0.3)
    lay_left(layout, "right")
    arteries = len(layout.courses)
    grow_twigs(layout)
    return layout, arteries


def test_twigs_start_on_their_parents_in_three_generations():
    layout, arteries = grown(0)
    for course in layout.courses[arteries:]:
        parent = layout.courses[course.parent]
        assert course.generation == parent.generation + 1
        assert np.array_equal(course.points[0], parent.points[course.origin])
    assert {course.generation for course in layout.courses} == {0, 1, 2, 3}


def test_epicardial_twigs_keep_their_depth_and_their_step():
    layout, arteries = grown(1)
    for course in layout.courses[arteries:]:
        height = np.linalg.norm(layout.heart.to_sphere(course.points), axis=1)
        assert course.deep or np.allclose(height, height[0])
        assert np.linalg.norm(np.diff(course.points, axis=0), axis=1).max() < 1.3


def test_twigs_leave_at_an_angle_to_either_side():
    angles, sides = [], []
    for seed in range(5):
        layout, arteries = grown(seed)
        for course in layout.courses[arteries:]:
            host = layout.courses[course.parent].points
            along = unit(host[course.origin + 2] - host[course.origin - 2])
            leave = unit(course.points[2] - course.points[0])
            angles.append(np.degrees(np.arccos(np.clip(along @ leave, -1, 1))))
            across = np.cross(along, layout.heart.normals(course.points[0]))
            sides.append(float(across @ leave) > 0)
    assert 35 < np.median(angles) < 75
    assert 0.4 < np.mean(sides) < 0.6
