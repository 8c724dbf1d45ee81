"""dvc.yaml against params.yaml and the notebooks: what a stage reads it watches, what it writes it declares."""

import ast
import inspect
import itertools
import re
import subprocess
import sys
from functools import reduce
from operator import getitem
from pathlib import Path

import nbformat
import pytest
import yaml

from vasolib.downstream.finetune import finetune_arm, finetuned, train_once
from vasolib.pretrain import pretrain_arm
from vasolib.report import ITEMS
from vasolib.scheduler import dvc_environment

ROOT = Path(__file__).resolve().parents[1]
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
FIRST = [name for name in STAGES if not name.startswith("v2_")]  # of the first paper; the others: v2/test_stages.py
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
EXTENDED = yaml.safe_load((ROOT / "params_v2.yaml").read_text(encoding="utf-8"))
HEAVY = {"data", "anatomy", "segmentor", "pretrain", "finetune", "scratch", "labels", "scratch_labels"}
LIGHT = {"leaks", "methods", "denoise", "tables", "claims", "figures", "features", "report"}
ARMS = {"pretrain", "finetune", "scratch", "labels", "scratch_labels"}


WORK = {"40_pretrain": [pretrain_arm], "50_finetune": [finetune_arm, finetuned, train_once]}
READ_BY = {  # method of the study -> parameters that it reads
    "arm": {"arms"},
    "pretraining": {"arms", "pretrain"},
    "benchmarks_of": {"arms", "benchmarks", "scratch_arms"},
    "runs": {"arms", "seed", "seeds"},
}


def notebook_of(stage: str) -> str:
    return STAGES[stage]["cmd"].split()[3]


def code_of(stage: str) -> str:
    """What a stage's notebook does itself, and what it leaves to functions that several processes can run too."""
    notebook = nbformat.read(ROOT / "notebooks" / f"{notebook_of(stage)}.ipynb", as_version=4)
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return "\n".join(cells + [inspect.getsource(work) for work in WORK.get(notebook_of(stage), [])])


def items_of(stage: str) -> list[dict[str, object]]:
    """The combinations of a stage's matrix, [{}] for a plain stage."""
    matrix = STAGES[stage].get("matrix", {})
    lists = [value_of(v.strip("${}")) if isinstance(v, str) else v for v in matrix.values()]
    return [dict(zip(matrix, values, strict=True)) for values in itertools.product(*lists)]


def value_of(key: str) -> object:
    """A parameter of either file by its path, such as v2.detect.scratch; KeyError where there is none."""
    return reduce(getitem, key.split("."), PARAMS | EXTENDED)


def watched_by(stage: str) -> list[str]:
    """The parameters that a stage watches, of either file."""
    given = [key if isinstance(key, dict) else {"params.yaml": [key]} for key in STAGES[stage]["params"]]
    assert {file for one in given for file in one} <= {"params.yaml", "params_v2.yaml"}
    return [key for one in given for keys in one.values() for key in keys]


def outs_of(stage: str) -> dict[str, bool]:
    """Declared outs, and whether DVC caches each."""
    outs = [out if isinstance(out, dict) else {out: {}} for out in STAGES[stage]["outs"]]
    return {name: options.get("cache", True) for out in outs for name, options in out.items()}


def test_all_stages_are_known():
    assert set(FIRST) == HEAVY | LIGHT


@pytest.mark.parametrize("scale", PARAMS["scales"])
@pytest.mark.parametrize("stage", STAGES)
def test_every_parameter_watched_is_there(stage: str, scale: str):
    assert len(watched_by(stage)) == len(set(watched_by(stage)))
    for key in watched_by(stage):
        for item in items_of(stage):
            value_of(key.replace("${scale}", scale).replace("${item.arm}", str(item.get("arm"))))


@pytest.mark.parametrize("stage", FIRST)
def test_parameters_read_are_watched(stage: str):
    # `params.x` and `scale.x` as the notebooks write them; the report's facts are about all parameters.
    watched = {key.removeprefix("scales.${scale}.") for key in STAGES[stage]["params"]}
    if "scales.${scale}" in watched:
        watched |= PARAMS["scales"]["smoke"].keys()
    read = set(re.findall(r"\b(?:study\.)?(?:params|scale)\.(\w+)", code_of(stage)))
    known = PARAMS.keys() | PARAMS["scales"]["smoke"].keys()
    assert read <= known
    assert read <= watched | {"run", "scale"}, f"stage {stage} does not watch {sorted(read - watched)}"
    asked = set(re.findall(r"study\.(\w+)\(", code_of(stage)))
    wanted = set().union(*(READ_BY[method] for method in asked & READ_BY.keys()))
    if stage in ("scratch", "scratch_labels"):
        wanted -= {"arms", "seed"}  # what is not pre-trained has no settings of its own
    assert wanted <= {key.split(".")[0] for key in watched}, f"stage {stage} does not watch {sorted(wanted)}"


@pytest.mark.parametrize("stage", STAGES)
def test_run_and_scale_are_watched(stage: str):
    assert {"run", "scale"} <= set(watched_by(stage))


@pytest.mark.parametrize("stage", sorted(ARMS))
def test_an_arm_depends_on_itself_alone(stage: str):
    texts = [*STAGES[stage]["params"], *STAGES[stage]["deps"], *outs_of(stage)]
    arms = [key for key in STAGES[stage]["params"] if key.startswith("arms")]
    assert arms == ([] if stage.startswith("scratch") else ["arms.${item.arm}"])
    folders = [t for t in texts if re.search(r"/(pretrain|finetune|labels)\b(?!\.)", t) and t.startswith("work/")]
    assert all(text.endswith("/${item.arm}") for text in folders) and folders
    assert "arm=${item.arm}" in STAGES[stage]["cmd"]


def test_heavy_outs_are_cached_and_tables_and_figures_left_to_git():
    for stage in HEAVY:
        assert all(name.startswith("work/${run}/") and cached for name, cached in outs_of(stage).items()), stage
    for stage in LIGHT:
        for name, cached in outs_of(stage).items():
            assert name.startswith(("results/${run}/", "figures/${run}/")) != cached, name


def test_every_notebook_belongs_to_a_stage_and_every_stage_to_a_notebook():
    notebooks = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
    assert sorted({notebook_of(stage) for stage in STAGES}) == notebooks


def test_commands_are_of_one_form():
    for stage, parts in STAGES.items():
        expected = f"python -m vasolib.run {notebook_of(stage)} run=${{run}}"
        given = "".join(f" {key}=${{item.{key}}}" for key in sorted(parts.get("matrix", ())))
        assert parts["cmd"] == expected + given
        assert parts["desc"]


def paths_of(source: str, *methods: str) -> set[tuple[str, ...]]:
    """Leading constant parts of the paths that `study.<method>(...)` is asked for."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
            continue
        if node.func.attr in methods and getattr(node.func.value, "id", "") == "study":
            found.add(tuple(a.value if isinstance(a, ast.Constant) else "*" for a in node.args))
    return found


@pytest.mark.parametrize("stage", FIRST)
def test_what_a_notebook_reads_or_writes_is_declared(stage: str):
    declared = [*STAGES[stage]["deps"], *outs_of(stage)]
    folders = {path.split("/")[2] for path in declared if path.startswith("work/${run}/")}
    asked = {path[0] for path in paths_of(code_of(stage), "require", "work")}
    if "study.encoder_of(" in code_of(stage):
        asked.add("pretrain")
    unfinished = {"runtimes"} if stage == "report" else set()  # run times are no result: the report reads what is there
    shared = (
        {"pretrain", "finetune", "labels"} if notebook_of(stage) == "50_finetune" else set()
    )  # four stages, one notebook
    assert asked - unfinished - shared <= folders
    assert stage.startswith("scratch") or not shared or "pretrain" in folders
    assert "*" not in asked


@pytest.mark.parametrize("stage", sorted(LIGHT))
def test_tables_and_figures_written_are_the_declared_ones(stage: str):
    source = code_of(stage)
    written = {f"results/${{run}}/{name}" for name in re.findall(r'study\.results\("([^"{]+)"\)', source)}
    written |= {f"figures/${{run}}/{name}" for name in re.findall(r'study\.figures\("([^"{]+)"\)', source)}
    if stage == "tables":  # one loop writes many: their names are the keys of two literals
        literals = re.findall(r"^(?:tables = |for name, table in \(tables \| )(\{.*?\})", source, flags=re.MULTILINE)
        written |= {f"results/${{run}}/{name}.csv" for text in literals for name in re.findall(r'"(\w+)":', text)}
    if stage in ("figures", "tables"):
        written |= {f"figures/${{run}}/{name}" for name in re.findall(r', "([\w.]+\.(?:svg|png))"\)', source)}
    written -= set(STAGES[stage]["deps"])  # read, not written
    assert written == {name for name, cached in outs_of(stage).items() if not cached}


def test_the_report_depends_on_all_that_it_shows():
    shown = {f"{'figures' if item.kind == 'figure' else 'results'}/${{run}}/{item.file}" for item in ITEMS}
    watched = {dep for dep in STAGES["report"]["deps"] if dep.startswith(("results/", "figures/"))}
    assert shown - watched == {"results/${run}/runtimes.csv"}  # which it makes itself
    assert watched <= shown
    made = {(name.split("/")[-1], notebook_of(stage)) for stage in LIGHT for name in outs_of(stage)}
    assert {(item.file, item.notebook) for item in ITEMS} <= made


def test_inputs_of_the_paper_are_watched_where_they_are_read():
    for stage in STAGES:
        assert ('"published.csv"' in code_of(stage)) == ("paper/published.csv" in STAGES[stage]["deps"]), stage


def test_dvc_understands_the_file():
    command = [sys.executable, "-m", "dvc", "stage", "list"]
    done = subprocess.run(command, cwd=ROOT, env=dvc_environment(), capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    listed = {line.split()[0] for line in done.stdout.splitlines()}
    wanted = {
        "@".join([stage, *(["-".join(map(str, item.values()))] if item else [])])
        for stage in STAGES
        for item in items_of(stage)
    }
    assert listed == wanted
