"""Annotations of pictures whose vessels are known: a straight line of each kind on a noisy ground."""

from dataclasses import replace

import numpy as np
import pytest

from vasolib.data.synthetic.labels import Rule, annotate, boxes_of
from vasolib.data.synthetic.projection import Tube
from vasolib.data.synthetic.raster import cut, scatter, thickness

RULE = Rule(least_width=1.6, least_contrast=1.0, widen=0.5)


def line(y, radius, agent=1.0, code=26, depth=50.0):
    x = np.linspace(40, 470, 120)
    agent = np.broadcast_to(agent, 120).astype(float)
    return Tube(np.stack([x, np.full(120, float(y))], 1), np.full(120, depth), np.full(120, radius), agent, code)


def annotated(tubes, size=512, noise=4.0, spans=(), rule=RULE, field=None, strength=0.04, parents=None):
    pieces = cut(tubes, size)
    fragments = scatter(pieces, 1.0)
    absorption = strength * thickness(pieces, fragments)
    grain = np.random.default_rng(0).normal(0, noise * size / 512, (size, size))
    image = np.clip(120 * np.exp(-absorption) + grain, 0, 255).astype(np.uint8)
    field = np.ones((size, size)) if field is None else field
    return annotate(image, absorption, field, pieces, fragments, strength, spans, parents or [-1] * len(tubes), rule)


@pytest.mark.parametrize("size", [128, 256, 512])
def test_parts_agree(size):
    spans = [(0, 30, 50), (1, 60, 70)]
    labels = annotated([line(150, 6.0, code=6), line(300, 4.0, code=9), line(400, 2.0)], size, spans=spans)
    np.testing.assert_array_equal(labels.segments > 0, labels.mask == 1)
    assert set(np.unique(labels.segments)) == {0, 6, 9, 26}
    assert not np.any(labels.stenosis[labels.mask == 0])
    assert labels.mask.dtype == labels.segments.dtype == labels.stenosis.dtype == np.uint8
    for number, (x0, y0, x1, y1) in enumerate(labels.boxes.astype(int), start=1):
        rows, columns = np.nonzero(labels.stenosis == number)
        assert (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) == (x0, y0, x1, y1)
    assert len(labels.boxes) == 2


def test_a_stenosis_lies_where_the_tree_has_it():
    (x0, y0, x1, y1) = annotated([line(150, 6.0)], spans=[(0, 30, 50)]).boxes[0]
    step = 430 / 119
    assert (x0, x1) == pytest.approx((40 + 30 * step, 40 + 50 * step), abs=5)
    assert (y0, y1) == pytest.approx((150 - 6.5, 150 + 6.5), abs=1.01)


def test_only_what_can_be_seen_is_outlined():
    kinds = {1: line(60, 6.0), 2: line(160, 0.5, code=2), 3: line(260, 3.0, 0.02, code=3), 4: line(360, 2.0, code=4)}
    seen = set(np.unique(annotated(list(kinds.values()), noise=6.0).segments)) - {0}
    assert seen == {26, 4}


def test_thin_vessels_are_left_out_only_beside_thicker_ones():
    rule = replace(RULE, least_width=6.0)
    beside = annotated([line(100, 6.0), line(300, 2.0)], rule=rule).mask
    assert beside[100].any() and not beside[300].any()
    assert annotated([line(300, 2.0)], rule=rule).mask[300].any()
    assert not annotated([line(300, 1.0)], rule=rule).mask.any()  # thinner than half of the rule's width


def test_the_way_to_what_can_be_seen_is_outlined():
    near, faint, far = (line(200, radius, agent) for radius, agent in ((6.0, 1.0), (6.0, 0.3), (6.0, 1.0)))
    parts = [replace(near, xy=near.xy[:40]), replace(faint, xy=faint.xy[40:80]), replace(far, xy=far.xy[80:])]
    tubes = [replace(t, **{n: getattr(t, n)[: len(t.xy)] for n in ("depth", "radii", "concentration")}) for t in parts]
    alone, joined = (annotated(tubes, noise=30.0, parents=p).mask[200, 190:320].mean() for p in ([-1] * 3, [-1, 0, 1]))
    assert alone < 0.5 < 0.95 < joined


def test_noise_hides_vessels():
    clear, noisy = (annotated([line(100, 6.0), line(300, 1.2)], noise=noise).mask[300].any() for noise in (1.0, 40.0))
    assert clear and not noisy


def test_a_vessel_ends_where_it_fades():
    labels = annotated([line(100, 6.0), line(300, 3.0, np.linspace(1, 0, 120) ** 2)])
    shown = np.flatnonzero(labels.mask[300])
    assert shown.min() < 45
    assert 150 < shown.max() < 440
    assert len(shown) == shown.max() - shown.min() + 1


def test_nothing_without_contrast_agent():
    labels = annotated([line(100, 6.0, 0.0), line(300, 3.0, 0.0)], spans=[(0, 3, 9)])
    assert not labels.mask.any()
    assert labels.boxes.shape == (0, 4)
    assert labels.centreline.shape == (0, 5)


def test_nothing_where_the_vessels_are_elsewhere():
    outside = Tube(np.array([[900.0, 900], [950, 900]]), np.zeros(2), np.full(2, 2.5), np.ones(2), 9)
    assert not annotated([outside]).mask.any()


def test_nothing_behind_the_shutter():
    field = np.ones((512, 512))
    field[:, :256] = 0.1
    labels = annotated([line(150, 6.0)], field=field)
    assert not labels.mask[:, :256].any()
    assert labels.mask[:, 260:460].any(axis=0).all()


def test_widening_widens():
    narrow, wide = (annotated([line(150, 6.0)], rule=Rule(1.6, 1.0, w)).mask[:, 250].sum() for w in (0.0, 1.0))
    assert (narrow, wide) == (12, 14)


def test_centreline_lies_inside():
    labels = annotated([line(150, 6.0, code=6), line(300, 4.0, code=9)])
    x, y, radius, code, stretch = labels.centreline.T
    np.testing.assert_array_equal(labels.segments[y.astype(int), x.astype(int)], code)
    np.testing.assert_allclose(radius, np.where(code == 6, 6, 4))
    np.testing.assert_array_equal(stretch, code == 9)


def test_specks_are_left_out():
    short = Tube(np.array([[200.0, 300], [220, 300]]), np.zeros(2), np.full(2, 2.5), np.ones(2), 9)
    labels = annotated([line(150, 6.0, code=6), short])
    assert not (labels.segments == 9).any() and not (labels.centreline[:, 3] == 9).any()


def test_boxes_skip_numbers_that_are_hidden():
    assert boxes_of(np.array([[0, 3, 3], [0, 0, 1]])).tolist() == [[2, 1, 3, 2], [1, 0, 3, 1]]
