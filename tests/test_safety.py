"""Safe by default: no code comes out of files, no shell and no network is used, and no unknown variable is read."""

import ast
import pickle
import re
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.test_closure import NOTEBOOKS, source_of
from tests.test_style import tracked
from tests.test_training import run
from vasolib.data.store import COLUMNS, ImageStore
from vasolib.errors import UserError
from vasolib.files import write_csv
from vasolib.run import parsed_pair
from vasolib.study import ROOT, Study

SOURCES = sorted([*(ROOT / "vasolib").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")])
PICKLES = {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal"}
NETWORK = {
    "socket",
    "socketserver",
    "ssl",
    "http",
    "urllib",
    "urllib3",
    "requests",
    "httpx",
    "aiohttp",
    "ftplib",
    "smtplib",
    "pooch",
    "huggingface_hub",
}
FETCHING = {  # of whichever library
    "load_state_dict_from_url", "load_state_dict_from_hf", "load_url", "download_url", "download_url_to_file",
    "urlopen", "urlretrieve", "hf_hub_download", "snapshot_download",
}  # fmt: skip
CALLS = {
    "eval", "exec", "compile", "__import__", "os.system", "os.popen", "pd.read_pickle", "pandas.read_pickle",
    "joblib.load", "yaml.load", "yaml.full_load", "yaml.unsafe_load", "subprocess.getoutput",
    "subprocess.getstatusoutput",
}  # fmt: skip
IMPORTED = {"torch.load", *CALLS}  # by which a call would escape the rules for calls
OPTIONS = {  # if given at all
    "weights_only": "True", "allow_pickle": "False", "pretrained": "False", "shell": "False", "weights": "None",
    "weights_backbone": "None",
}  # fmt: skip
# torchvision's networks whose backbone's weights are downloaded unless one says otherwise.
WITH_BACKBONE = re.compile(r"(fasterrcnn|maskrcnn|keypointrcnn|retinanet|fcos|ssd\w*|deeplabv3|fcn|lraspp)_\w+")
ENVIRONMENT = {  # variables that vasolib reads: none of them changes a result
    "DVC_STAGE",  # the stage that DVC runs
    "VASOLIB_NURSERY",  # the process that starts stages
    "VASOLIB_DRIVER",  # the process that a stage ends with
    "VASOLIB_DASK",  # where images are computed
    "VASOLIB_PROCESSES",  # how many share a training
    "LOCAL_RANK",  # torchrun's: which GPU
    "PATH",  # handed on
}


def faults(source: str) -> list[str]:
    """What Python source does that could run code out of a file, or a shell, or reach the network."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            above = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            found += sorted(n for n in (above + alias.name for alias in node.names) if strange_import(n))
        elif isinstance(node, ast.Call):
            found += faults_of_call(node)
        elif isinstance(node, ast.Attribute | ast.Name):  # called, or handed on
            name = ast.unparse(node)
            found += [name] if name == "torch.hub" or name.split(".")[-1] in FETCHING else []
    return found


def strange_import(name: str) -> bool:
    """Whether what is imported has no place here."""
    parts = name.split(".")
    if parts[0] in PICKLES | NETWORK or parts[:2] == ["torch", "hub"]:
        return True
    return parts[-1] in FETCHING or parts[-1].endswith("_Weights") or name in IMPORTED


def faults_of_call(call: ast.Call) -> list[str]:
    """The same of one call."""
    name = ast.unparse(call.func)
    options = {option.arg: ast.unparse(option.value) for option in call.keywords}
    strange = [f"{k}={options[k]}" for k, safe in OPTIONS.items() if options.get(k, safe) != safe]
    if name.startswith("np."):  # whose weights are numbers
        strange = [one for one in strange if not one.startswith("weights=")]
    if WITH_BACKBONE.fullmatch(name.split(".")[-1]) and "weights_backbone" not in options:
        strange.append(f"{name} without weights_backbone")
    if name == "torch.load" and "weights_only" not in options:
        strange.append("torch.load without weights_only")
    if (
        name.startswith("subprocess.")
        and call.args
        and isinstance(call.args[0], ast.Constant | ast.JoinedStr | ast.BinOp)
    ):
        strange.append(f"{name} of a string")
    return [*strange, *([name] if name in CALLS else [])]


@pytest.mark.parametrize(
    "source",
    [
        "import pickle", "from urllib import request", "import socket as s", "from torch import load", "eval(text)",
        "exec('x')", "torch.load(f)", "torch.load(f, weights_only=False)", "np.load(f, allow_pickle=True)",
        "np.load(f, allow_pickle=trusted)", "joblib.load(f)", "pd.read_pickle(f)", "yaml.load(f, Loader=L)",
        "os.system(x)", "subprocess.run(x, shell=True)", "subprocess.run(f'ls {x}')", "subprocess.Popen('ls ' + x)",
        "timm.create_model(n, pretrained=True)", "import pooch", "from pooch import HTTPDownloader",
        "import huggingface_hub as hub", "import torch.hub", "from torch import hub", "from torch.hub import load",
        "torch.hub.load(r, m)", "get = torch.hub.get_dir", "from torchvision._api import load_state_dict_from_url",
        "model_zoo.load_url(u)", "x.urlopen(u)", "import requests", "from urllib.request import urlopen",
        "resnet18(weights='DEFAULT')", "models.resnet18(weights=chosen)", "resnet18(weights=Weights.V1)",
        "from torchvision.models import ResNet18_Weights", "fasterrcnn_resnet50_fpn(weights=None)",
        "fasterrcnn_resnet50_fpn(weights=None, weights_backbone=ResNet50)",
    ],
)  # fmt: skip
def test_what_is_unsafe_is_found(source: str):
    assert faults(source)


@pytest.mark.parametrize(
    "source",
    [
        "model.eval()", "torch.load(f, weights_only=True)", "np.load(f)", "yaml.safe_load(f)", "json.load(f)",
        "subprocess.run([sys.executable, f])", "re.compile(x)", "self.popen(name)", "resnet18(weights=None)",
        "fasterrcnn_resnet50_fpn(weights=None, weights_backbone=None)", "np.bincount(x, weights=w)", "torch.hubs",
        "arms(weights_only=True)", "hub = requests = 1",
    ],
)  # fmt: skip
def test_what_is_safe_is_not(source: str):
    assert faults(source) == []


def test_no_source_is_unsafe():
    found = {path.relative_to(ROOT).as_posix(): faults(path.read_text(encoding="utf-8")) for path in SOURCES}
    found |= {path.name: faults(source_of(path)) for path in NOTEBOOKS}
    assert {name: set(all_) for name, all_ in found.items() if all_} == {
        "vasolib/nursery.py": {"socket"},  # a file of this machine
        "vasolib/data/transfer.py": {"pooch.HTTPDownloader", "huggingface_hub", "hub.hf_hub_download"},  # when asked
        "vasolib/v2/weights.py": {"huggingface_hub.try_to_load_from_cache", "urllib.parse.urlsplit"},  # reads files
    }


def test_pickles_are_written_for_unfinished_trainings_alone():
    saving = {path.stem for path in SOURCES if "torch.save(" in path.read_text(encoding="utf-8")}
    assert len(saving) == 1 and saving < {"training", "checkpoint"}
    assert not [path for path in tracked() if path.suffix in (".pt", ".pth", ".pkl", ".joblib", ".ckpt")]


def test_finished_runs_hold_no_pickle():
    work = ROOT / "runs" / "smoke" / "work" / "smoke"
    if not work.is_dir():
        pytest.skip("make study SCALE=smoke has not been run here")
    assert list(work.glob("pretrain/*/*/*.safetensors"))
    kept = [path for path in work.rglob("*") if path.is_file() and "unfinished" not in path.parts]
    assert {path.suffix for path in kept} <= {".safetensors", ".npy", ".csv", ".json"}


class Evil:
    """Touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)


def test_a_pickle_in_place_of_a_state_is_not_executed(tmp_path: Path, capsys: pytest.CaptureFixture):
    touched, state = tmp_path / "touched", tmp_path / "s.pt"  # of `run`
    state.write_bytes(pickle.dumps({"rows": Evil(touched)}))
    try:
        run(tmp_path)
    except Exception as refused:
        told = str(refused)
    else:  # the training has begun anew
        told = capsys.readouterr().out
        assert state.name in told and "continuing" not in told
    assert told and not touched.exists()


def test_a_pickle_in_place_of_images_is_not_executed(tmp_path: Path):
    touched = tmp_path / "touched"
    np.save(tmp_path / "images.npy", np.array([Evil(touched)]), allow_pickle=True)
    write_csv(tmp_path / "table.csv", pd.DataFrame([dict.fromkeys(COLUMNS, "x")]))
    with pytest.raises(UserError, match=r"images\.npy cannot be read"):
        ImageStore.open(tmp_path)
    assert not touched.exists()


def test_yaml_makes_no_objects(tmp_path: Path):
    tag = f"!!python/object/apply:pathlib.Path.touch [!!python/object/apply:pathlib.Path [{tmp_path / 'touched'}]]"
    (tmp_path / "params.yaml").write_text(f"run: {tag}\n", encoding="utf-8")
    for read in (lambda: Study.load(tmp_path), lambda: parsed_pair(f"arm={tag}")):
        with pytest.raises(UserError, match="cannot be read"):
            read()
    assert not (tmp_path / "touched").exists()


def test_variables_read_are_the_known_ones():
    found = set()
    for path in (path for path in SOURCES if path.is_relative_to(ROOT / "vasolib")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
                place, name = ast.unparse(node.value), node.slice
            elif isinstance(node, ast.Call) and node.args:
                place, name = ast.unparse(node.func), node.args[0]
            else:
                continue
            if place in ("os.environ", "os.environ.get", "os.environ.pop", "os.getenv"):
                found.add(name.value if isinstance(name, ast.Constant) else getattr(import_module(module), name.id))
    assert found == ENVIRONMENT
