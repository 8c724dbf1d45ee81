"""Parts of real sets: as published where no patient is in both, else by patient."""

import pandas as pd
import pytest

from vasolib.data.folder import split_by_patient
from vasolib.errors import UserError
from vasolib.v2.parts import published_parts, split_by_names


def published(rows: dict[str, tuple[str, str, str]], task: str = "vessels", stems: set[str] | None = None):
    table = pd.DataFrame([(name, *row) for name, row in rows.items()], columns=["id", "split", "patient", "cine"])
    return published_parts("set", task, table, set(rows) if stems is None else stems)


@pytest.mark.parametrize(
    ("splits", "wanted"),
    [
        (["train", "test"], ["train", "test"]),
        (["train", "val", "test"], ["train", "train", "test"]),
        (["train", "val"], ["train", "test"]),
        (["val", "test"], ["train", "test"]),
        (["train", "test", "unlabelled"], ["train", "test", "unlabelled"]),
    ],
)
def test_published_parts_are_kept(splits: list[str], wanted: list[str]):
    parts = published({f"i{n}": (split, "", "") for n, split in enumerate(splits)})
    assert list(parts.of.values()) == wanted and parts.source == "parts of table.csv"
    assert parts.patient == {f"i{n}": f"i{n}" for n in range(len(splits))}  # nobody knows: each is its own


def test_a_cine_stands_for_a_patient_who_is_not_known():
    parts = published({"a": ("train", "", "c1"), "b": ("test", "p2", "c1"), "c": ("test", "", "")})
    assert parts.patient == {"a": "c1", "b": "p2", "c": "c"}


@pytest.mark.parametrize("field", ["patient", "cine"])
def test_a_patient_in_both_parts_moves_to_one(field: str):
    def row(split: str, who: str) -> tuple[str, str, str]:
        return (split, who, "") if field == "patient" else (split, "", who)

    rows = {f"i{n}": row("test" if n % 5 == 0 else "train", f"p_{n // 3}") for n in range(12)}
    parts = published(rows)
    assert parts.source == "split by patient, for 3 patients are in both parts of table.csv"
    sides = [{n // 3 for n in range(12) if parts.of[f"i{n}"] == part} for part in ("train", "test")]
    assert all(sides) and not sides[0] & sides[1]


def test_a_table_with_one_part_only_is_split_without_its_unlabelled_images():
    rows = {f"i{n}": ("train", f"p{n}", "") for n in range(10)} | {"u": ("unlabelled", "p0", "")}
    parts = published(rows)
    assert parts.of["u"] == "unlabelled" and parts.source == "split by patient, for no parts given"
    assert sorted(parts.of.values()).count("test") == 3


@pytest.mark.parametrize("count", [2, 10, 75])
def test_one_patients_frames_are_split_by_time_with_a_gap(count: int):
    names = [f"p_1_{n}" for n in range(count)]
    parts = published(dict.fromkeys(reversed(names), ("train", "p", "p_1")))
    of = [parts.of[name] for name in names]
    assert of == sorted(of, key=["train", "unused", "test"].index) and of.count("test") == max(1, round(0.3 * count))
    assert of.count("unused") == round(0.1 * count) and "proves little" in parts.source
    sides = [{parts.patient[name] for name in names if parts.of[name] == part} for part in ("train", "test")]
    assert all(sides) and not sides[0] & sides[1]


def test_without_labels_only_a_test_part_is_kept_apart():
    parts = published({n: (n, "", "") for n in ("train", "val", "test", "unlabelled")}, task="")
    assert parts.of == {"train": "train", "val": "train", "test": "test", "unlabelled": "train"}


def test_what_only_one_of_table_and_folder_has_is_told():
    parts = published({"a": ("train", "", ""), "b": ("test", "", "")}, stems={"b", "c"})
    assert parts.unknown == {"a", "c"}


def test_names_split_as_in_the_first_part():
    patients = {f"p{n}_{m}": f"p{n}" for n in range(7) for m in range(3)}
    assert list(split_by_names("x", patients).of.values()) == split_by_patient("x", patients)
    with pytest.raises(UserError, match="1 patient"):
        split_by_names("x", {"a_1": "a", "a_2": "a"})
