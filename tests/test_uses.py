"""The table of what each stage uses is true: all notebooks run once, and what they read is recorded.

In a copy of the project whose `vasolib` tells of each parameter that is read and each file that is opened in a kernel.
"""

from pathlib import Path

import pytest
import timm
import yaml
from safetensors.torch import save_file

from tests.test_dvc import EXTENDED
from tests.uses import EXTENDED as EXTENDED_USES
from tests.uses import USES, inputs_of, parameters_of
from vasolib.pipeline import run_stages
from vasolib.study import ROOT
from vasolib.workspace import copy_project

pytestmark = pytest.mark.slow  # some minutes: a pipeline with the arms that notebooks ask for
ARMS = ["mae", "mae_50", "guidance", "consistency", "vasomim", "dino", "spt"]
CHOSEN = {
    "run": "doll", "scale": "smoke", "pretrain_arms": ARMS, "few_labels_arms": ["mae"], "denoise_arms": ["vit", "mae"],
}  # fmt: skip
MORE_ARMS = ["mae", "vasomim", "vasomim_v2", "guidance", "data_50", "distinct", "model_2", "distilled", "tuned"]
MORE = {
    "pretrain": MORE_ARMS, "arms": EXTENDED["v2"]["arms"] | {"tuned": {"method": "spt"}},
    "published": ["tiny"], "percents": [10],
    "detect": {"scratch": ["resnet", "vit", "tiny"], "pretrained": ["mae", "vasomim_v2", "model_2"]},
    "labels": {"scratch": ["vit", "tiny"], "pretrained": ["vasomim_v2", "model_2"]},
}  # fmt: skip
TINY = {"model": "vit_tiny_patch16_224", "file": "tiny.safetensors", "home": "made up"}
EVERYWHERE = {"run", "scale", "scales.smoke.threads"}  # the runner reads these
EVERYWHERE |= {"v2.weights_state"}  # stands for files that lie outside of the project
# Of what kind a stage's arm is, is told by the list that it is in, which dvc.yaml has too.
KIND_OF_ARM = {"scratch_arms", *(f"v2.{name}" for name in ("pretrain", "scratch", "published", "external", "arms"))}
FILES = """
import dataclasses, os, sys
from threading import local
quiet = local()

def note(kind, name):
    if "ipykernel" in sys.argv[0] and not getattr(quiet, "on", False):
        quiet.on = True
        with open(os.path.join(RECORDS, f"{os.environ['DVC_STAGE']}.txt"), "a") as file:
            file.write(f"{kind} {name}\\n")
        quiet.on = False

def opened(event, arguments):
    if event == "open" and isinstance(arguments[0], str):
        note("file", arguments[0])

def hushed(function):
    def call(*arguments, **more):
        before, quiet.on = getattr(quiet, "on", False), True
        try:
            return function(*arguments, **more)
        finally:
            quiet.on = before
    return call

copied = hushed(dataclasses.replace)  # of all fields, whether anything will read them or not

def replace(instance, /, **changes):
    copy = copied(instance, **changes)
    if hasattr(copy, "__dict__"):
        object.__setattr__(copy, "changed", {*changes, *getattr(instance, "changed", ())})
    return copy

sys.addaudithook(opened)
dataclasses.replace = replace
"""
PARAMETERS = """
from vasolib import hushed, note

def silent(cls, name):
    call = hushed(getattr(cls, name))
    setattr(cls, name, staticmethod(call) if name in ("load", "beside") else call)

def watch(cls, prefix):
    function = cls.__getattribute__
    def read(self, name):
        if name in cls.__dataclass_fields__ and name not in self.__dict__.get("changed", ()):
            note("parameter", prefix(self) + name)
        return function(self, name)
    cls.__getattribute__ = read

def named(cls, kind, found):
    function = getattr(cls, kind)
    def call(self, name):
        value = function(self, name)
        found(value, name)
        return value
    setattr(cls, kind, call)

for cls, name in ((Study, "load"), (Study, "arm"), (Study, "scale_named"), (Params, "__repr__"), (Scale, "__repr__")):
    silent(cls, name)
silent(Scale, "__post_init__")
named(Study, "arm", lambda value, name: note("parameter", f"arms.{name}"))
named(Study, "scale_named", lambda value, name: object.__setattr__(value, "place", f"scales.{name}."))
watch(Params, lambda self: "")
watch(Scale, lambda self: self.__dict__.get("place", "scales.smoke."))
require = Study.require

def required(self, *parts, made_by):
    note("file", str(self.work(*parts)))
    return require(self, *parts, made_by=made_by)

Study.require = required
"""
MORE_PARAMETERS = """
from vasolib import note
from vasolib.study import named, silent, watch

for cls, name in (
    (Extended, "beside"), (Extended, "arm"), (Extended, "scale_named"),
    (ExtendedParams, "__repr__"), (ExtendedParams, "__post_init__"),
    (ExtendedScale, "__repr__"), (ExtendedScale, "__post_init__"),
):
    silent(cls, name)
named(Extended, "arm", lambda value, name: note("parameter", f"v2.arms.{name}"))
watch(ExtendedParams, lambda self: "v2.")
watch(ExtendedScale, lambda self: "v2.scales.smoke.")
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The copy, all its stages run; beside it the folder `records`, a file for each stage."""
    folder = tmp_path_factory.mktemp("uses")
    records = folder / "records"
    records.mkdir()
    tiny = timm.create_model(TINY["model"], pretrained=False).state_dict()
    save_file(tiny, folder / TINY["file"])
    more = MORE | {"weights": str(folder), "external": {"tiny": TINY, "dinov2": dict(TINY)}}
    study = copy_project(ROOT, folder / "project", CHOSEN, more)
    code = {"__init__": f"RECORDS = {str(records)!r}\n{FILES}", "study": PARAMETERS, "v2/study": MORE_PARAMETERS}
    for name, text in code.items():
        with (study.root / "vasolib" / f"{name}.py").open("a", encoding="utf-8") as file:
            file.write(text)
    run_stages(study, 2, warm=True)
    return study.root


def read_by(project: Path, stage: str) -> tuple[set[str], set[str]]:
    """The parameters that a stage read, and the files but for its own outs and what is on its way."""
    lines = (project.parent / "records" / f"{stage}.txt").read_text(encoding="utf-8").splitlines()
    found = {kind: {line.split(" ", 1)[1] for line in lines if line.startswith(kind)} for kind in ("parameter", "file")}
    locked = yaml.safe_load((project / "dvc.lock").read_text(encoding="utf-8"))["stages"][stage]
    passing = ("unfinished", "runtimes", "v2/seconds")  # on its way, and how long it took
    own = {Path(out["path"]) for out in locked["outs"]} | {Path("work/doll", name) for name in passing}
    paths = {project / name for name in found["file"]}
    inside = {path.relative_to(project) for path in paths if path.is_relative_to(project)}
    inputs = {path for path in inside if path.parts[0] in ("work", "results", "figures", "paper")}
    above = {folder for path in own for folder in path.parents}  # opened to bring renames below them to the disk
    inputs -= {path for path in inputs if own & {path, *path.parents} or any(p.startswith(".") for p in path.parts)}
    inputs -= above
    return found["parameter"] - EVERYWHERE, {path.as_posix() for path in inputs}


def related(name: str, other: str, separator: str) -> bool:
    """Whether one is the other, or holds it."""
    return all(a == b for a, b in zip(name.split(separator), other.split(separator), strict=False))


@pytest.mark.parametrize("kind", USES | EXTENDED_USES)
def test_a_stage_reads_just_what_the_table_says(project: Path, kind: str):
    stages = [path.stem for path in (project.parent / "records").iterdir() if path.stem.partition("@")[0] == kind]
    assert stages
    unused: dict[str, set[str]] = {".": set(), "/": set()}
    for number, stage in enumerate(sorted(stages)):
        item = stage.partition("@")[2].split("-")[-1]
        parameters, files = read_by(project, stage)
        told = parameters_of(kind, item) - EVERYWHERE
        known = KIND_OF_ARM if item else set()
        for separator, read, table in ((".", parameters, told), ("/", files, inputs_of(kind, item))):
            untold = {name for name in read - known if not any(related(name, t, separator) for t in table)}
            assert untold == set(), stage
            idle = {t.replace(item or "*", "*") for t in table if not any(related(name, t, separator) for name in read)}
            unused[separator] = idle if number == 0 else unused[separator] & idle
    assert unused == {".": set(), "/": set()}, "no stage of the kind reads these"
