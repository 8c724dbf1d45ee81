"""Path lengths against closed forms: straight, tilted, crossing, branching and faint vessels."""

import numpy as np
import pytest

from vasolib.data.synthetic.projection import Tube
from vasolib.data.synthetic.raster import cut, owners, scatter, thickness


def tube(start, end, radius, depth=(0.0, 0.0), agent=1.0, n=80):
    share = np.linspace(0, 1, n)
    radii = np.interp(share, [0, 1], np.broadcast_to(radius, 2))
    xy = np.array(start) + share[:, None] * np.subtract(end, start)
    return Tube(xy, np.interp(share, [0, 1], depth), radii, np.full(n, agent))


def rendered(tubes, size=512, reach=1.0):
    pieces = cut(tubes, size)
    return thickness(pieces, scatter(pieces, reach))


def owned(tubes, size=512, widen=0.0, drawn=None):
    pieces = cut(tubes, size)
    drawn = np.ones(len(pieces), bool) if drawn is None else drawn(pieces)
    owner = owners(pieces, scatter(pieces, max(widen, 0.55)), drawn, widen)
    return np.where(owner < 0, -1, pieces.tube[owner])


def test_a_straight_vessel_has_the_chords_of_a_cylinder():
    profile = rendered([tube((50, 256), (450, 256), 12)])[:, 200]
    distance = np.arange(512) + 0.5 - 256
    exact = 2 * np.sqrt(np.maximum(144 - distance**2, 0))
    np.testing.assert_allclose(profile[np.abs(distance) < 11], exact[np.abs(distance) < 11], rtol=0.01)
    assert profile.sum() == pytest.approx(np.pi * 144, rel=1e-3)
    assert np.all(profile[np.abs(distance) > 13] == 0)


@pytest.mark.parametrize("radius", [0.2, 0.5, 1.0, 3.0])
@pytest.mark.parametrize("end", [(450, 256), (450, 300), (340, 400)])
def test_no_vessel_is_too_thin_to_keep_its_volume(radius, end):
    total = rendered([tube((50, 256), end, radius)]).sum()
    assert total == pytest.approx(np.pi * radius**2 * np.hypot(end[0] - 50, end[1] - 256), rel=0.05)


def test_a_cone_narrows():
    chords = rendered([tube((50, 256), (450, 256), (10, 2))])[254:258].max(axis=0)
    np.testing.assert_allclose(chords[[60, 250, 430]], [19.6, 12.0, 4.8], rtol=0.05)


def test_a_tilted_vessel_lengthens_the_path():
    flat, tilted = (rendered([tube((100, 256), (400, 256), 8, depth)])[256, 250] for depth in ((0, 0), (0, 300)))
    assert tilted == pytest.approx(np.sqrt(2) * flat, rel=0.02)


def test_a_vessel_along_the_beam_absorbs_by_its_length():
    assert rendered([tube((256, 256), (256.1, 256), 6, (-50, 50))])[256, 256] == pytest.approx(112, rel=0.1)


def test_crossing_vessels_add_and_touching_ones_do_not():
    level, steep = tube((50, 256), (450, 256), 8), tube((256, 50), (256, 450), 5, (60, 60))
    assert rendered([level, steep])[256, 256] == pytest.approx(16 + 10, rel=0.02)
    through = tube((256, 50), (256, 450), 5)  # at the same depth, inside the other
    assert rendered([level, through])[256, 256] == pytest.approx(16, rel=0.02)


def test_a_bifurcation_counts_once():
    whole = tube((50, 256), (450, 256), 8)
    first, second = tube((50, 256), (250, 256), 8), tube((250, 256), (450, 256), 8)
    np.testing.assert_allclose(rendered([first, second]), rendered([whole]), atol=0.05)
    twig = tube((250, 256), (350, 420), 5)
    assert rendered([first, second, twig]).max() < 16.5


def test_a_loop_of_one_vessel_adds_where_it_crosses_itself():
    angle = np.linspace(0, 2 * np.pi, 200)
    eight = np.stack([256 + 100 * np.sin(angle), 256 + 80 * np.sin(2 * angle)], axis=1)
    depth = 40 * np.cos(angle)
    assert rendered([Tube(eight, depth, np.full(200, 4.0), np.ones(200))])[254:258, 254:258].max() > 15


def test_weak_contrast_is_weak():
    full, half = (rendered([tube((50, 256), (450, 256), 6, agent=agent)]) for agent in (1.0, 0.5))
    np.testing.assert_allclose(half, full / 2, atol=0.02)
    assert not rendered([tube((50, 256), (450, 256), 6, agent=0.0)]).any()


def test_any_pixel_count_shows_the_same():
    tubes = [tube((50, 100), (450, 320), (9, 3)), tube((300, 60), (200, 480), (5, 1), (40, 80))]
    fine = rendered(tubes, 512)
    for size in (64, 128, 256):
        n = 512 // size
        means = fine.reshape(size, n, size, n).mean(axis=(1, 3))
        assert np.abs(rendered(tubes, size) - means).mean() < 0.03 * fine.max() * (fine > 0).mean()


def test_vessels_may_leave_the_picture():
    assert not rendered([tube((600, 600), (900, 700), 5)]).any()
    assert rendered([tube((-100, -100), (700, 650), 5)], 64).any()


def test_each_pixel_has_one_owner():
    owner = owned([tube((50, 256), (450, 256), 8), tube((256, 50), (256, 450), 4)])
    assert set(np.unique(owner)) == {-1, 0, 1}
    assert owner[256, 256] == 0  # the wider one in front
    distance = np.abs(np.arange(512) + 0.5 - 256)
    np.testing.assert_array_equal(owner[:, 100] == 0, distance <= 8)


def test_outlines_are_widened_and_never_fall_apart():
    distance = np.abs(np.arange(512) + 0.5 - 256)
    np.testing.assert_array_equal(owned([tube((50, 256), (450, 256), 5)], widen=2.0)[:, 100] == 0, distance <= 7)
    thin = owned([tube((50, 100), (450, 300), 0.2)], size=64) == 0
    columns = thin[:, 8:55].any(axis=0)
    assert columns.all()


def test_what_is_not_drawn_owns_nothing():
    tubes = [tube((50, 256), (450, 256), 8), tube((256, 50), (256, 450), 4)]
    owner = owned(tubes, drawn=lambda pieces: pieces.tube == 1)
    assert set(np.unique(owner)) == {-1, 1}
    assert owner[256, 256] == 1
