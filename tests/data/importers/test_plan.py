"""What is known of a plan, and the line that a user reads."""

from pathlib import Path

from vasolib.data.importers.plan import Item, Later, Plan, Summary
from vasolib.data.left_out import LeftOut


def test_a_summary_says_what_was_written_and_what_was_not():
    one = Summary("a", "boxes", 12, 3, {"test": 2, "train": 10}, 4, repairs=1)
    assert str(one) == (
        "a: 12 images (test 2, train 10), boxes, 4 patients, 3 files left out (left_out.csv), 1 repair (about.json)"
    )
    assert str(Summary("b", "", 1, 0, {"train": 1}, 0)) == "b: 1 image (train 1), no labels, patients unknown"


def test_items_that_come_later_are_found_once_and_when_they_are_asked_for():
    asked = []

    def find():
        asked.append(True)
        yield Item("a", Path("a"), "a", "train")
        yield LeftOut("unusable", "x", "b", "is empty")

    plan = Plan("x", "", Later(find))
    assert not asked
    assert plan.splits == {"train"} and len(plan.items) == 2 and plan.items[1].file == "b" and len(asked) == 1


def test_the_splits_of_a_plan_are_known_before_it_is_read():
    items = [
        Item("a", Path("a"), "a", "train"),
        LeftOut("unusable", "x", "b", "is empty"),
        Item("c", Path("c"), "c", "val"),
    ]
    assert Plan("x", "", items).splits == {"train", "val"}
    assert Plan("x", "", (one for one in items)).splits == {"unlabelled"}
