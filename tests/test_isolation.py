"""Notebooks, commands and imports are alone: with what they were given, without the network, whoever starts them."""

import configparser
import json
import os
import re
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import nbformat
import pytest

from tests.test_closure import NOTEBOOKS
from tests.test_run import write_notebook
from vasolib.nursery import ADDRESS, opened
from vasolib.run import kernel_environment
from vasolib.study import ROOT
from vasolib.workspace import copy_project

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="forks are used on Linux alone")


def test_no_program_of_ours_tells_anybody_about_itself(tmp_path: Path):
    for root in (ROOT, copy_project(ROOT, tmp_path, {"run": "doll"}).root):
        config = configparser.ConfigParser()
        config.read(root / ".dvc" / "config")
        assert (config["core"]["analytics"], config["core"]["check_update"]) == ("false", "false")
    assert "news_url=None" in (ROOT / "Makefile").read_text(encoding="utf-8")


GUARDED = """
import json, os, sys
from dataclasses import replace
given = json.load(sys.stdin)

def guard(event, arguments):
    if event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        host = arguments[0]
    elif event in ("socket.connect", "socket.sendto", "socket.sendmsg") and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    if host not in (None, "", "localhost", "127.0.0.1", "::1"):
        os.write(2, f"guarded: {event} {host}\\n".encode())  # for whoever asks may swallow what is raised
        raise PermissionError(f"{event} {host}")

sys.addaudithook(guard)
try:
    sys.audit("socket.connect", None, ("192.0.2.1", 80))
except PermissionError as refused:
    print(refused)
for source in given["sources"]:
    exec(source)
from safetensors.torch import save_file
from vasolib import doctor
from vasolib.data.synthetic.frame import make_frames
from vasolib.data.synthetic.styles import STYLES
from vasolib.errors import UserError
from vasolib.pretrain import build_method
from vasolib.segmentor import UNeXt
from vasolib.study import ROOT, Study
from vasolib.v2.encoders import external_encoder, external_file
from vasolib.v2.finetune import network_of
from vasolib.v2.pretrain import build_extended
from vasolib.v2.study import Extended
from vasolib.v2.tasks import TASKS
from vasolib.v2.weights import weights_file
study = Study.load(ROOT)
for arm in study.params.pretrain_arms[:12]:
    build_method(study.arm(arm), study.scale_named("smoke"), True, 0, UNeXt().forward)
next(iter(make_frames(0, range(1), STYLES["a"], 64)))
print(len(doctor.run_checks()))

extended = Extended.beside(replace(study, params=replace(study.params, scale="smoke")))
for arm in extended.params.pretrain:
    build_extended(extended.arm(arm), extended.scale(arm), True, 0, UNeXt().forward)
for task in TASKS.values():
    for arm in (task.plain, "vit"):
        network_of(extended, arm, task, (-1, 0))
extended = replace(extended, params=replace(extended.params, weights=given["weights"]))
for name in extended.params.external:
    save_file({}, external_file(extended, name))
    try:
        external_encoder(extended, name)
    except UserError as error:  # timm has built it; nothing fills it
        print("does not fit the architecture" in str(error))
print(weights_file(given["weights"], "absent.safetensors", "https://huggingface.co/timm/absent").name)
"""


def test_nothing_asks_the_network(tmp_path: Path):
    imports = [nbformat.read(path, as_version=4).cells[2].source for path in NOTEBOOKS]
    given = json.dumps({"sources": imports, "weights": str(tmp_path)})
    done = subprocess.run(
        [sys.executable, "-c", GUARDED], cwd=ROOT, input=given, capture_output=True, text=True,
        env=without_caches(tmp_path),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["socket.connect 192.0.2.1", "12", "True", "True", "True", "absent.safetensors"]
    assert done.stderr.count("guarded: ") == 1, done.stderr  # the one that was made to see whether the guard stands


def without_caches(empty: Path) -> dict[str, str]:
    """The environment, in which weights of earlier downloads are not found and nothing says to stay offline."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    return kept | {"HF_HOME": str(empty), "TORCH_HOME": str(empty)}


INTRUDER = "import builtins\nbuiltins.intruder = True\n"
FACTS = """processes = psutil.Process(), psutil.Process().parent()
facts = {
    "vasolib": vasolib.__file__,
    "style": matplotlib.rcParams["lines.markersize"],
    "threads": os.environ["OMP_NUM_THREADS"],
    "intruder": hasattr(builtins, "intruder"),
    "given": [run, arm],
    "executable": sys.executable,
    "hosts": sorted({c.laddr.ip for p in processes for c in p.net_connections() if c.laddr}),
}
print(json.dumps(facts))"""


@pytest.mark.parametrize("warm", [False, pytest.param(True, marks=LINUX)])
def test_a_notebook_runs_as_it_is_whoever_starts_it(tmp_path: Path, warm: bool):
    # Start-up files, a style, a kernel and a package of the user's are there; none is taken.
    root, home = copy_project(ROOT, tmp_path / "project", {"run": "doll", "scale": "smoke"}).root, tmp_path / "home"
    write_notebook(
        root / "notebooks" / "10_tiny.ipynb",
        "import builtins, json, os, sys\nimport matplotlib, psutil, vasolib",
        FACTS,
    )
    for name, text in {
        ".ipython/profile_default/startup/00.py": INTRUDER,
        "start.py": INTRUDER,
        ".config/matplotlib/matplotlibrc": "lines.markersize: 77",
        ".local/share/jupyter/kernels/python3/kernel.json": json.dumps({"argv": ["false"], "display_name": "x"}),
        "packages/vasolib/__init__.py": INTRUDER,
    }.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text, encoding="utf-8")
    mine = {"HOME": str(home), "PYTHONSTARTUP": str(home / "start.py"), "PYTHONPATH": str(home / "packages")}
    hidden = ("XDG_CONFIG_HOME", "MPLCONFIGDIR", "IPYTHONDIR", "JUPYTER_DATA_DIR")
    kept = {name: value for name, value in os.environ.items() if name not in hidden}
    given = {**kept, **mine, "OMP_NUM_THREADS": "7"}
    nursery = opened(root, given | kernel_environment(1), ("ipykernel.kernelapp",)) if warm else nullcontext()
    with nursery:
        done = subprocess.run(
            [sys.executable, "-m", "vasolib.run", "10_tiny", "run=doll", "arm=vasomim"], capture_output=True, text=True,
            cwd=root, env=given | {name: value for name, value in os.environ.items() if name == ADDRESS},
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    facts = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{")))
    assert Path(facts["vasolib"]).parent == root / "vasolib"
    assert (facts["style"], facts["threads"], facts["intruder"]) == (6.0, "1", False)
    assert facts["given"] == ["doll", "vasomim"] and facts["executable"] == sys.executable
    assert set(facts["hosts"]) <= {"127.0.0.1", "::1"}
    page = (root / "executed" / "doll" / "10_tiny_vasomim.html").read_text(encoding="utf-8")
    assert "markersize" in page
    assert not re.search(r"(?:src|href)\s*=\s*[\"']https?:|import\([\"']https?:", page)


ODD = ["a b", "it's", 'x"y', "a;touch pwned", "$(touch pwned)", "$(shell touch pwned)", "`touch pwned`", "$HOME", "-rf"]


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A folder with the Makefile, set up, whose python tells what it is given."""
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text(encoding="utf-8"), encoding="utf-8")
    program = tmp_path / ".venv" / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@" "$VASOLIB_DASK" "$VASOLIB_PROCESSES"\n', encoding="utf-8")
    program.chmod(0o755)
    for name in ("requirements.lock", "requirements-v2.lock", "pyproject.toml", ".venv/installed"):
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.skipif(os.name == "nt", reason="make and a POSIX shell are needed")
@pytest.mark.parametrize("name", ODD)
def test_make_hands_on_names_as_they_are(made: Path, name: str):
    given = [f"{variable}={name}" for variable in ("DATA", "SCALE", "JOBS", "PART", "WEIGHTS", "DASK", "PROCESSES")]
    options = [f"--scale={name}", f"--data={name}", f"--weights={name}", f"--part={name}"]
    told = subprocess.check_output(["make", "-s", "study", *given], cwd=made, text=True).splitlines()
    assert told == ["-m", "vasolib.pipeline", *options, f"--jobs={name}", name, name]
    told = subprocess.check_output(["make", "-s", "doctor", *given], cwd=made, text=True).splitlines()
    assert told == ["-m", "vasolib.doctor", *options, "", ""]
    assert not (made / "pwned").exists()


@pytest.mark.skipif(os.name == "nt", reason="make and a POSIX shell are needed")
@pytest.mark.parametrize(
    ("given", "jobs"),
    [([], []), (["PROCESSES=1"], []), (["PROCESSES=2"], ["--jobs=1"]), (["PROCESSES=2", "JOBS=3"], ["--jobs=3"])],
)
def test_several_processes_a_training_are_one_stage_at_a_time(
    made: Path, monkeypatch: pytest.MonkeyPatch, given: list, jobs: list
):
    monkeypatch.delenv("VASOLIB_PROCESSES", raising=False)
    told = subprocess.check_output(["make", "-s", "study", *given], cwd=made, text=True).splitlines()
    wanted = given[0].removeprefix("PROCESSES=") if given else ""
    assert told == ["-m", "vasolib.pipeline", "--scale=laptop", *jobs, "", wanted]
