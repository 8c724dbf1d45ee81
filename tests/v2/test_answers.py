"""Sets of tasks in a doll's house: opened or refused, their test parts, and where answers lie."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.v2.miniature import smoke_house
from vasolib.errors import UserError
from vasolib.v2.answers import answers_of, finetuned, held_out, open_labelled
from vasolib.v2.study import Extended
from vasolib.v2.tasks import TASKS, Task

SETS = {"vessels": ["v"], "segments": ["s"], "stenoses": ["l"], "boxes": ["b"]}
SIDE = 128  # of stored images; networks of scale smoke see 64
each_task = pytest.mark.parametrize("task", TASKS.values(), ids=TASKS.keys())


@pytest.fixture
def house(tmp_path: Path) -> Extended:
    """A run at scale smoke with three images of each task, of which the last two are tested on."""
    extended = smoke_house(tmp_path, SETS)
    for task, [name] in SETS.items():
        folder = extended.work("stores", name)
        folder.mkdir(parents=True)
        images = np.stack([np.full((SIDE, SIDE), number, np.uint8) for number in range(3)])
        np.save(folder / "images.npy", images)
        rows = [(f"0{n}", "made", "test" if n else "train", "", "") for n in range(3)]
        table = pd.DataFrame(rows, columns=["id", "source", "split", "patient", "sha256"])
        table.to_csv(folder / "table.csv", index=False)
        if task == "boxes":
            boxes = pd.DataFrame([("02", 8, 8, 24, 24)], columns=["id", "x0", "y0", "x1", "y1"])
            boxes.to_csv(folder / "boxes.csv", index=False)
        else:
            np.save(folder / "masks.npy", (images > 1).astype(np.uint8))
    return extended


@each_task
def test_the_test_part_is_as_the_network_sees_it(house: Extended, task: Task):
    part = held_out(house, task, open_labelled(house, task, SETS[task.name][0]))
    assert (part.name, part.ids) == (SETS[task.name][0], ["01", "02"])
    assert part.frames.shape == (2, 1, task.side(house), task.side(house))
    assert part.frames[:, 0, 0, 0].tolist() == [1, 2]
    if task.name == "boxes":
        scale = task.side(house) / SIDE
        assert [boxes.tolist() for boxes in part.truth] == [[], [[8 * scale, 8 * scale, 24 * scale, 24 * scale]]]
    else:
        assert [mask.mean() for mask in part.truth] == [0, 1]


@each_task
def test_answers_lie_with_their_task_and_their_share_of_the_labels(house: Extended, task: Task):
    part = held_out(house, task, open_labelled(house, task, SETS[task.name][0]))
    answers = part.truth if task.name != "boxes" else [(boxes, np.ones(len(boxes))) for boxes in part.truth]
    folder = finetuned(house, "mae", task)
    assert folder == house.work("detect" if task.name == "boxes" else "finetune", "mae")
    with pytest.raises(UserError, match=f"{task.notebook}"):
        answers_of(house, "mae", task, part)
    folder.mkdir(parents=True)
    task.keep(folder, answers, part)
    found = answers_of(house, "mae", task, part.first(1))
    assert len(found) == 1 and np.array_equal(found[0], answers[0]) if task.name != "boxes" else len(found[0][0]) == 0
    assert finetuned(house, "mae", TASKS["vessels"], 25) == house.work("labels", "25", "mae")


def test_boxes_are_no_label_maps_and_the_other_way_round(house: Extended):
    with pytest.raises(
        UserError, match=r"b has no label maps, expected segments .* name a set of this kind in params_v2"
    ):
        open_labelled(house, TASKS["segments"], "b")
    with pytest.raises(UserError, match=r"v has no boxes\.csv, expected boxes of stenoses"):
        open_labelled(house, TASKS["boxes"], "v")
