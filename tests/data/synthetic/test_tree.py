from itertools import product

import numpy as np
import pytest

from vasolib.data.synthetic.tree import CODES, OTHER, SYNTAX, Stretch, Tree, grow_tree, numbered
from vasolib.errors import UserError

KINDS = list(product(("left", "right"), ("left", "right")))
SEEDS = range(25)
# SYNTAX segments of each side and dominance.
EXPECTED = {
    ("left", "right"): (*SYNTAX[4:18], "12b", "14b"),
    ("left", "left"): (*SYNTAX[4:19], "12b", "14b"),
    ("right", "right"): ("1", "2", "3", "4", "16", "16a", "16b", "16c"),
    ("right", "left"): ("1", "2", "3"),
}


def grown(seed: int, side: str, dominance: str) -> Tree:
    return grow_tree(np.random.default_rng(seed), side, dominance)


def children(tree: Tree) -> list[list[Stretch]]:
    lists = [[] for _ in tree.stretches]
    for stretch in tree.stretches[1:]:
        lists[stretch.parent].append(stretch)
    return lists


def test_codes_are_arcades_order():
    assert [CODES[name] for name in SYNTAX] == list(range(1, 26))
    assert CODES[""] == OTHER == 26


@pytest.mark.parametrize(("side", "dominance"), KINDS)
def test_tree_is_connected_with_parents_before_children(side, dominance):
    for seed in SEEDS:
        tree = grown(seed, side, dominance)
        assert tree.stretches[0].parent == -1
        for index, stretch in enumerate(tree.stretches[1:], start=1):
            assert 0 <= stretch.parent < index
            assert np.allclose(stretch.points[0], tree.stretches[stretch.parent].points[-1], atol=1e-9)


@pytest.mark.parametrize(("side", "dominance"), KINDS)
def test_cubes_of_the_radii_are_conserved_at_every_bifurcation(side, dominance):
    for seed in SEEDS:
        tree = grown(seed, side, dominance)
        for parent, family in zip(tree.stretches, children(tree), strict=True):
            if family:
                assert sum(child.radii[0] ** 3 for child in family) == pytest.approx(parent.radii[-1] ** 3, rel=1e-9)


@pytest.mark.parametrize(("side", "dominance"), KINDS)
def test_radii_are_positive_and_never_grow_along_a_stretch(side, dominance):
    for seed in SEEDS:
        for stretch in grown(seed, side, dominance).stretches:
            assert stretch.points.shape == (len(stretch.radii), 3) and len(stretch.radii) >= 2
            assert np.isfinite(stretch.points).all() and (stretch.radii >= 0.119).all()
            assert (np.diff(stretch.radii) <= 1e-12).all()
            assert np.linalg.norm(np.diff(stretch.points, axis=0), axis=1).max() < 1.3


@pytest.mark.parametrize(("side", "dominance"), KINDS)
def test_every_segment_of_its_side_occurs_and_no_other(side, dominance):
    found = {stretch.segment for seed in range(60) for stretch in grown(seed, side, dominance).stretches}
    assert found - {""} == set(EXPECTED[side, dominance])


def test_calibres_are_those_of_dodge():
    left = [grown(seed, "left", "right") for seed in range(60)]
    right = [grown(seed, "right", "right") for seed in range(60)]

    def ostium(trees: list[Tree], segment: str) -> float:
        return np.mean([next(s.radii[0] for s in tree.stretches if s.segment == segment) for tree in trees])

    assert ostium(left, "5") == pytest.approx(2.25, abs=0.1)
    assert ostium(left, "6") == pytest.approx(1.85, abs=0.15)
    assert ostium(left, "11") == pytest.approx(1.6, abs=0.2)
    assert ostium(right, "1") == pytest.approx(1.95, abs=0.1)
    assert ostium(right, "4") == pytest.approx(1.1, abs=0.25)


def test_left_tree_is_rich_and_tips_are_thin():
    for seed in SEEDS:
        tree = grown(seed, "left", "right")
        wide = [sum(child.radii[0] > 0.28 for child in family) > 1 for family in children(tree)]
        assert 15 < sum(wide) < 80
        tips = [s.radii[-1] for s, family in zip(tree.stretches, children(tree), strict=True) if not family]
        assert max(tips) <= 0.3


def test_tree_stays_about_the_isocentre():
    for seed, (side, dominance) in product(range(10), KINDS):
        for stretch in grown(seed, side, dominance).stretches:
            assert np.abs(stretch.points).max() < 110


def test_distances_are_path_lengths_from_the_ostium():
    line = np.array([[0.0, 0, 0], [1, 0, 0], [2, 0, 0]])
    stretches = (Stretch("5", line, np.ones(3), -1), Stretch("6", line[-1] + line[:, [1, 0, 2]], np.ones(3), 0))
    first, second = Tree("left", "right", stretches).distances()
    assert first.tolist() == [0, 1, 2] and second.tolist() == [2, 3, 4]


@pytest.mark.parametrize(("side", "dominance"), KINDS)
def test_numbered_keeps_what_syntax_numbers_and_nothing_else(side, dominance):
    for seed in range(5):
        tree = grown(seed, side, dominance)
        bare = numbered(tree)
        assert (bare.side, bare.dominance, bare.heart) == (side, dominance, tree.heart)
        kept = [stretch for stretch in tree.stretches if stretch.segment]
        for old, new in zip(kept, bare.stretches, strict=True):
            assert new.segment == old.segment and new.points is old.points and new.radii is old.radii
            parents = (tree.stretches[old.parent], bare.stretches[new.parent])
            assert (old.parent, new.parent) == (-1, -1) or parents[0].points is parents[1].points
        assert [a.tolist() for a in bare.distances()] == [
            a.tolist() for a, stretch in zip(tree.distances(), tree.stretches, strict=True) if stretch.segment
        ]


def test_numbered_leaves_out_what_hangs_on_a_branch_that_it_leaves_out():
    line, wide = np.zeros((2, 3)), np.ones(2)
    parents = (("5", -1), ("", 0), ("6", 0), ("9", 1), ("7", 2))
    tree = Tree("left", "right", tuple(Stretch(name, line, wide, parent) for name, parent in parents))
    assert [(s.segment, s.parent) for s in numbered(tree).stretches] == [("5", -1), ("6", 0), ("7", 1)]
    again = numbered(numbered(tree))
    assert [(s.segment, s.parent) for s in again.stretches] == [("5", -1), ("6", 0), ("7", 1)]


def test_same_seed_same_tree():
    first, second, other = (grown(seed, "left", "left") for seed in (3, 3, 4))
    for a, b in zip(first.stretches, second.stretches, strict=True):
        assert (a.segment, a.parent) == (b.segment, b.parent)
        assert np.array_equal(a.points, b.points) and np.array_equal(a.radii, b.radii)
    assert not np.array_equal(first.stretches[0].points, other.stretches[0].points)


@pytest.mark.parametrize(("side", "dominance"), [("lef", "right"), ("left", "both")])
def test_unknown_side_or_dominance_names_the_choices(side, dominance):
    with pytest.raises(UserError, match="left"):
        grown(0, side, dominance)
