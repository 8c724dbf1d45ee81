"""Twins have the labels of their task, and no anatomy of one is another's."""

import numpy as np
import pytest

from vasolib.data.sources import BENCHMARK_OFFSET
from vasolib.data.store import Frame
from vasolib.data.synthetic.frame import make_frame
from vasolib.data.synthetic.labels import boxes_of
from vasolib.data.synthetic.styles import named_style
from vasolib.data.synthetic.tree import OTHER, SYNTAX
from vasolib.errors import UserError
from vasolib.v2.redundancy import Alike
from vasolib.v2.settings import Sizes
from vasolib.v2.twins import TURNS, corpus_frames, diseased_frame, numbered_segments, scored_lesions, twin_frames

SIDE, SIZES = 48, Sizes(train=2, test=1)


def indices(frames) -> set[int]:
    return {index for index, _ in frames.items}


def test_no_index_is_in_two_twins_the_corpus_or_the_first_part():
    sizes = Sizes(train=200_000, test=200_000)
    ranges = [indices(corpus_frames(200_000, 1, 0, SIDE)), set(range(200_000))]
    ranges += [set(range(BENCHMARK_OFFSET, BENCHMARK_OFFSET + 200_000))]
    twins = [indices(twin_frames(f"t{n}", "boxes", "d", n, sizes, 0, SIDE)) for n in range(6)]
    ranges += [{i + turn * BENCHMARK_OFFSET for i in found} for found in twins for turn in range(TURNS)]
    assert len(set.union(*ranges)) == sum(map(len, ranges))


def test_parts_come_in_order_and_the_corpus_has_no_labels():
    twin = twin_frames("t", "vessels", "b", 1, SIZES, 0, SIDE)
    assert [part for _, part in twin.items] == ["train", "train", "test"]
    frame = corpus_frames(1, 1, 0, SIDE).make(corpus_frames(1, 1, 0, SIDE).items[0])
    assert frame.mask is None and frame.split == "train" and frame.id.startswith("corpus/")


def test_frames_of_a_recording_are_one_patients_and_alike():
    corpus = corpus_frames(3, 2, 0, 96)
    frames = [corpus.make(item) for item in corpus.items]
    assert len({frame.id for frame in frames}) == len({frame.sha256 for frame in frames}) == 6
    assert [frame.patient for frame in frames][::2] == [frame.patient for frame in frames][1::2]
    group = Alike.of(np.stack([frame.image for frame in frames])).group
    assert group[::2].tolist() == group[1::2].tolist() and len(set(group)) == 3
    still = make_frame(0, corpus.items[0][0], named_style("a"), 96).image
    assert np.array_equal(frames[0].image, still)


def test_lesions_count_from_half_of_the_diameter_and_each_frame_has_one():
    twin = twin_frames("t", "stenoses", "d", 3, Sizes(train=8, test=1), 0, 96)
    mild = 0
    for item in twin.items:
        made = diseased_frame(0, item[0], named_style("d"), 96)
        severe = {n for n, lesion in enumerate(made.stenoses, 1) if lesion.severity >= 0.5}
        drawn = set(np.unique(made.labels.stenosis)) - {0}
        assert set(np.unique(twin.make(item).labels)) - {0} == drawn & severe != set()
        mild += len(drawn - severe)
    assert mild > 0


@pytest.mark.parametrize("task", ["vessels", "segments", "stenoses", "boxes"])
def test_a_twin_has_the_label_of_its_task(task: str):
    twin, style = twin_frames("t", task, "d", 3, SIZES, 7, SIDE), named_style("d")
    item = twin.items[0]
    draw = diseased_frame if task in ("stenoses", "boxes") else make_frame
    made, drawn = twin.make(item), draw(7, item[0], style, SIDE)
    frame = made if task == "vessels" else made.frame
    assert isinstance(frame, Frame) and np.array_equal(frame.image, drawn.image)
    assert (frame.id, frame.source, frame.patient, frame.split) == (f"t/{item[0]}", "t", str(item[0]), "train")
    if task == "vessels":
        assert np.array_equal(made.mask, drawn.labels.mask)
    elif task == "boxes":
        assert made.labels is None and np.array_equal(made.boxes, boxes_of(scored_lesions(drawn))) and len(made.boxes)
    else:
        wanted = drawn.labels.segments * (drawn.labels.segments != OTHER)
        assert np.array_equal(made.labels, wanted if task == "segments" else scored_lesions(drawn))
        assert made.boxes is None and made.labels.dtype == np.uint8


def test_branches_without_a_number_are_background():
    segments = np.arange(OTHER + 1, dtype=np.uint8)[None]
    assert numbered_segments(segments)[0].tolist() == [*range(len(SYNTAX) + 1), 0]


def test_another_seed_is_another_twin():
    one, other = (twin_frames("t", "stenoses", "a", 0, SIZES, seed, SIDE) for seed in (0, 1))
    assert one.make(one.items[0]).frame.sha256 != other.make(other.items[0]).frame.sha256


def test_an_unknown_style_is_refused():
    with pytest.raises(UserError, match="unknown style 'z'"):
        twin_frames("t", "segments", "z", 0, SIZES, 0, SIDE)
