"""Nothing stale: what changes makes exactly those stages stale that use it, as DVC itself says.

In a copy of the project with two arms, hence a stage of each kind, whose outs are made up and committed to DVC. Who
uses what is told by a table (`tests.uses`) and, for modules, by the byte code of notebooks; neither looks at dvc.yaml.
"""

from collections.abc import Iterator
from functools import reduce
from operator import getitem
from pathlib import Path

import pytest
import yaml
from dvc.repo import Repo

from tests.test_closure import NOTEBOOKS, reached
from tests.test_dvc import notebook_of
from tests.test_readme import outdated
from tests.uses import inputs_of, libraries_of, parameters_of
from vasolib.study import ROOT
from vasolib.workspace import copy_project

CHOSEN = {  # a stage of each kind
    "run": "doll", "scale": "smoke", "pretrain_arms": ["mae", "vasomim"], "scratch_arms": ["unet", "vit"],
    "few_labels_arms": ["mae", "vasomim"], "denoise_arms": ["vit", "mae"],
}  # fmt: skip
RUNNERS = {  # how notebooks are run, which no number depends on: a change of these makes nothing stale
    "agreement", "cores", "data/archives", "doctor", "doctor_study", "intact", "kernels", "leftovers", "lockfile",
    "nursery", "pages", "pipeline", "remedies", "room", "run", "scheduler", "v2/choose", "verify", "whole",
    "workspace",
}  # fmt: skip
IMPORTING = ("data/__main__", "data/catalogue", "data/fetch", "data/importers/", "data/transfer")  # before any stage
MORE = {  # and of the extended part
    "pretrain": ["mae", "vasomim_v2"], "scratch": ["unet", "vit"], "published": ["dinov3", "dinov2"],
    "detect": {"scratch": ["resnet", "vit"], "pretrained": ["mae", "vasomim_v2"]},
    "labels": {"scratch": ["vit", "dinov2"], "pretrained": ["mae", "vasomim_v2"]}, "percents": [10, 25],
}  # fmt: skip
FILES = ("params.yaml", "params_v2.yaml")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The copy, with all outs committed, as working directory."""
    root = tmp_path_factory.mktemp("stale") / "project"
    shipped = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    kept = {
        "arms": {
            name: {key: value for key, value in shipped["arms"][name].items() if key != "lr"}  # by scales left out here
            for name in (*CHOSEN["pretrain_arms"], "moco")
        },
        "scales": {name: shipped["scales"][name] for name in ("smoke", "paper")},
    }
    more = yaml.safe_load((ROOT / "params_v2.yaml").read_text(encoding="utf-8"))["v2"]
    arms = {name: {k: v for k, v in more["arms"][name].items() if k != "lr"} for name in (*MORE["pretrain"], "eta_0")}
    scales = {name: more["scales"][name] for name in kept["scales"]}
    copy_project(ROOT, root, CHOSEN | kept, MORE | {"arms": arms, "scales": scales})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DVC_SITE_CACHE_DIR", str(root.parent / "site"))
        patch.chdir(root)
        with Repo(str(root)) as repo:
            for entry in [entry for stage in repo.index.stages for entry in (*stage.outs, *stage.deps)]:
                make_up(Path(entry.fs_path))
            repo.commit(force=True)
        assert status(root) == {}
        yield root


def make_up(path: Path) -> None:
    """A file, or a folder with a file in it, where there is none."""
    file = path if path.suffix else path / "file.csv"
    if not path.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"made up: {path.name}\n", encoding="utf-8")


def status(root: Path) -> dict[str, list]:
    """What `dvc status` says changed, by stage."""
    with Repo(str(root)) as repo:
        return repo.status()


def changed_deps(changes: list) -> tuple[set[str], set[str]]:
    """What `dvc status` says changed of the inputs of a stage: parameters, and files."""
    found = next((change["changed deps"] for change in changes if "changed deps" in change), {})
    return {key for name in FILES for key in found.get(name, {})}, found.keys() - set(FILES)


@pytest.fixture(scope="module")
def stages(project: Path) -> dict[str, tuple[str, str]]:
    """Name of each stage -> its kind and its arm (or other item)."""
    with Repo(str(project)) as repo:
        names = [stage.addressing for stage in repo.index.stages]
    return {name: (name.partition("@")[0], name.partition("@")[2].split("-")[-1]) for name in names}


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Notebook -> itself and the modules that it reaches."""
    scratch = tmp_path_factory.mktemp("scripts")
    return {n.stem: reached(n, scratch) | {f"notebooks/{n.name}"} for n in NOTEBOOKS}


def used(kind: str, item: str, code: dict[str, set[str]]) -> set[str]:
    """Files and folders that a stage uses."""
    return inputs_of(kind, item) | code[notebook_of(kind)] | libraries_of(kind)


def files(root: Path) -> list[str]:
    """All files that stages read or write, but for those of parameters."""
    folders = ("vasolib", "notebooks", "paper", "work", "results", "figures")
    found = [path for name in folders for path in (root / name).rglob("*") if path.is_file()]
    return sorted(path.relative_to(root).as_posix() for path in (*found, *root.glob("requirements*.lock")))


def leaves(values: dict, *above: str) -> Iterator[tuple[str, ...]]:
    """The path of each parameter."""
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, *above, name)
        else:
            yield (*above, name)


def other(value: object) -> object:
    """Another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, list):
        return value[::-1] if value != value[::-1] else [other(value[0]), *value[1:]]
    if isinstance(value, str):
        return "paper" if value == "smoke" else value + "x"  # of scales, one that there is
    return {"lr": 1.0} if value == {} else value + 1  # the former where a block of settings changes nothing


def chosen(root: Path) -> dict:
    """All parameters of both files."""
    first, second = (yaml.safe_load((root / name).read_text(encoding="utf-8")) for name in FILES)
    return first | second


def change(root: Path, names: list[str], parameters: list[tuple[str, ...]] = ()) -> dict[str, list]:
    """What DVC says after one byte of each file and each of the parameters have changed; all is put back."""
    kept = {name: (root / name).read_bytes() for name in (*names, *FILES)}
    values = chosen(root)
    for *above, name in parameters:
        block = reduce(getitem, above, values)
        block[name] = other(block[name])
    try:
        for name in names:
            (root / name).write_bytes(kept[name][:-1] + bytes([kept[name][-1] ^ 1]))
        if parameters:
            more = {"v2": values.pop("v2")}
            for name, part in zip(FILES, (values, more), strict=True):
                (root / name).write_text(yaml.safe_dump(part, sort_keys=False), encoding="utf-8")
        return status(root)
    finally:
        for name, data in kept.items():
            (root / name).write_bytes(data)


def below(name: str, places: set[str], separator: str) -> bool:
    """Whether `name` is one of the places, or lies below one."""
    return any(name == place or name.startswith(place + separator) for place in places)


def test_each_stage_names_just_what_it_uses_when_all_has_changed(project: Path, stages: dict, code: dict):
    parameters = [path for path in leaves(chosen(project)) if path not in (("run",), ("scale",))]  # which move all outs
    found = change(project, files(project), parameters)
    assert found.keys() == stages.keys() and len(stages) > 50 and len(parameters) > 250
    for name, (kind, item) in stages.items():
        keys, paths = changed_deps(found[name])
        assert keys == parameters_of(kind, item) - {"run", "scale"}, name
        assert paths == used(kind, item, code), name
    assert status(project) == {}


@pytest.mark.slow  # some minutes
def test_one_byte_of_one_file_makes_those_stale_that_use_it(project: Path, stages: dict, code: dict):
    for file in files(project):
        found = {name for name, changes in change(project, [file]).items() if any(changed_deps(changes))}
        assert found == {name for name, about in stages.items() if below(file, used(*about, code), "/")}, file


@pytest.mark.slow  # some minutes
def test_one_parameter_makes_those_stale_that_use_it(project: Path, stages: dict):
    for path in leaves(chosen(project)):
        found, key = change(project, [], [path]).keys(), ".".join(path)
        assert found == {n for n, about in stages.items() if below(key, parameters_of(*about), ".")}, key


def test_modules_that_no_stage_uses_are_those_that_run_notebooks(code: dict):
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "vasolib").rglob("*.py")}
    before = tuple(f"vasolib/{name}" for name in IMPORTING)
    others = {name for name in modules - set().union(*code.values()) if not name.startswith(before)}
    assert others == {f"vasolib/{name}.py" for name in RUNNERS}


def test_results_of_other_code_are_noticed_in_a_fresh_clone(project: Path):
    # test_readme.py asks the same of the checkout, where heavy outs are absent too.
    (project / "work").rename(project / "away")
    module = project / "vasolib" / "ledger.py"
    shipped = module.read_bytes()
    try:
        assert outdated(project) == []
        module.write_bytes(shipped + b"\n")
        assert outdated(project) == ["claims"]
    finally:
        module.write_bytes(shipped)
        (project / "away").rename(project / "work")
