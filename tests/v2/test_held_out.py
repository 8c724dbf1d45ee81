"""Held-out images: the first of them."""

import torch

from vasolib.v2.held_out import HeldOut


def test_the_first_ones_keep_their_truth_and_names():
    part = HeldOut("set", torch.arange(12).view(3, 1, 2, 2), [[1], [2], [3]], ["a", "b", "c"])
    first = part.first(2)
    assert torch.equal(first.frames, part.frames[:2])
    assert (first.name, first.truth, first.ids) == ("set", [[1], [2]], ["a", "b"])
    assert part.first(9).ids == part.ids
