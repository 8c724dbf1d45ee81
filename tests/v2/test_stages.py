"""The extended part's stages in dvc.yaml: what a notebook reads or writes is declared, and none needs the first part's.

That they watch what they use, and nothing else, is seen by tests/test_stale.py.
"""

import re

import nbformat
import pytest

from tests.test_dvc import EXTENDED, ROOT, STAGES, items_of, notebook_of, outs_of, watched_by
from tests.test_dvc import FIRST as FIRST_PART
from vasolib.v2.items import ITEMS

NAMES = [name for name in STAGES if name not in FIRST_PART]
ARMS = ("v2_pretrain", "v2_finetune", "v2_labels", "v2_detect")
WORK, RESULTS, FIGURES = "work/${run}/v2/", "results/${run}/v2/", "figures/${run}/v2/"


def source_of(stage: str) -> str:
    """All code of a stage's notebook."""
    cells = nbformat.read(ROOT / "notebooks" / f"{notebook_of(stage)}.ipynb", as_version=4).cells
    return "\n".join(cell.source for cell in cells if cell.cell_type == "code")


def of_others(stage: str) -> list[str]:
    """What a stage depends on that other stages make."""
    return [dep for dep in STAGES[stage]["deps"] if dep.startswith(("work/", "results/", "figures/"))]


@pytest.mark.parametrize("stage", NAMES)
def test_it_needs_no_stage_of_the_first_part(stage: str):
    assert all(name.startswith((WORK, RESULTS, FIGURES)) for name in [*of_others(stage), *outs_of(stage)])


@pytest.mark.parametrize("stage", NAMES)
def test_what_it_needs_is_made_by_another(stage: str):
    made = {out.replace("${item.arm}", "*") for name in NAMES for out in outs_of(name)}
    made |= {out.split("/${item")[0] for name in NAMES for out in outs_of(name)}
    for dep in of_others(stage):
        dep = dep.replace("${item.arm}", "*")
        assert any(dep == out or dep.startswith(out + "/") for out in made), dep


@pytest.mark.parametrize("stage", NAMES)
def test_heavy_outs_are_cached_and_tables_and_figures_left_to_git(stage: str):
    for name, cached in outs_of(stage).items():
        assert name.startswith(WORK) == cached, name


@pytest.mark.parametrize("stage", [name for name in NAMES if "matrix" not in STAGES[name]])
def test_tables_and_figures_written_are_the_declared_ones(stage: str):
    source = source_of(stage)
    written = {RESULTS + name for name in re.findall(r'extended\.results\("([^"{]+)"\)', source)}
    written |= {FIGURES + name for name in re.findall(r'extended\.figures\("([^"{]+)"\)', source)}
    written |= {FIGURES + name for name in re.findall(r'show\(.*, "([\w.]+)"\)$', source, flags=re.MULTILINE)}
    if stage == "v2_tables":  # one loop writes many
        literals = re.findall(r"^tables \|?= (\{\".*\})$", source, flags=re.MULTILINE)
        written |= {f"{RESULTS}{name}.csv" for text in literals for name in re.findall(r'"(\w+)":', text)}
    if stage == "v2_figures":  # one of each task
        written |= {f"{FIGURES}{task}.png" for task in ("vessels", "segments", "stenoses", "boxes")}
    written -= set(STAGES[stage]["deps"])  # read, not written
    assert written == {name for name, cached in outs_of(stage).items() if not cached}


@pytest.mark.parametrize("stage", ARMS)
def test_an_arm_depends_on_itself_alone(stage: str):
    arms = [key for key in watched_by(stage) if key.startswith("v2.arms")]
    assert arms == ["v2.arms.${item.arm}"]
    assert [dep for dep in of_others(stage) if "/pretrain" in dep] == [WORK + "pretrain/${item.arm}"] * (
        stage != "v2_pretrain"
    )
    assert all(out.endswith("/${item.arm}") for out in outs_of(stage))


def test_every_arm_named_anywhere_is_trained():
    trained = {stage: {item["arm"] for item in items_of(stage)} for stage in NAMES if "matrix" in STAGES[stage]}
    v2 = EXTENDED["v2"]
    assert trained["v2_pretrain"] == trained["v2_finetune"] == set(v2["pretrain"])
    assert trained["v2_scratch"] == set(v2["scratch"]) and trained["v2_published"] == set(v2["published"])
    for stage, name in (("v2_labels", "labels"), ("v2_detect", "detect")):
        assert trained[stage] == set(v2[name]["pretrained"]) <= trained["v2_pretrain"]
        assert trained[stage.replace("v2_", "v2_scratch_")] == set(v2[name]["scratch"])


def test_the_report_depends_on_all_that_it_shows():
    shown = {f"{item.folder}/${{run}}/v2/{item.file}" for item in ITEMS}
    watched = {dep for dep in STAGES["v2_report"]["deps"] if dep.startswith(("results/", "figures/"))}
    made = {(name.split("/")[-1], notebook_of(stage)) for stage in NAMES for name in outs_of(stage)}
    assert shown - watched == {RESULTS + "runtimes.csv", RESULTS + "costs.csv"}  # which it makes itself
    assert watched - shown == {RESULTS + "targets.csv"}  # of which costs.csv is made
    assert {(item.file, item.notebook) for item in ITEMS} <= made


def test_both_files_of_libraries_are_watched():
    for stage in NAMES:
        assert {"requirements.lock", "requirements-v2.lock"} <= set(STAGES[stage]["deps"]), stage
