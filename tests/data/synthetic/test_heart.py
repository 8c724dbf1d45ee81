import numpy as np

from vasolib.data.synthetic.heart import Heart, direction, draw_heart, unit


def test_sphere_and_patient_coordinates_are_inverse():
    points = np.random.default_rng(0).normal(0, 40, (20, 3))
    heart = draw_heart(np.random.default_rng(1))
    assert np.allclose(heart.to_patient(heart.to_sphere(points)), points)


def test_heart_points_left_front_and_down_with_the_right_ventricle_to_the_right_front():
    heart = Heart()
    base, apex, right, groove, left = heart.to_patient(
        np.stack([np.zeros(3), direction(0, 90), direction(0, 0), direction(90, 0), direction(180, 0)])
    )
    assert (apex - base)[0] > 0 and (apex - base)[1] < 0 and (apex - base)[2] < 0
    assert (right - base)[0] < 0 and (right - base)[1] < 0
    assert (groove - base)[2] > 0  # the anterior groove lies above
    assert (left - base)[0] > 0 and (left - base)[1] > 0


def test_base_has_the_stated_width():
    heart = Heart(width=44, depth=37, length=78)
    across = heart.to_patient(direction(0, 0)) - heart.to_patient(direction(180, 0))
    assert np.isclose(np.linalg.norm(across), 88)


def test_normals_are_square_to_the_surface_and_point_outwards():
    heart = draw_heart(np.random.default_rng(2))
    sphere = unit(np.random.default_rng(3).normal(size=(50, 3)))
    point = heart.to_patient(sphere)
    tangent = unit(np.cross(sphere, [0.3, 0.5, 0.8]))
    nudged = heart.to_patient(unit(sphere + 1e-5 * tangent))
    normals = heart.normals(point)
    assert np.abs((normals * unit(nudged - point)).sum(1)).max() < 1e-3
    assert ((point - heart.centre) * normals).sum(1).min() > 0


def test_direction_beyond_the_apex_comes_down_the_other_side():
    assert np.allclose(direction(90, 120), direction(270, 60))
