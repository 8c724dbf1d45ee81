"""Forks of a nursery: as `python -m` would have it, ended with whoever asked, and a stage's files byte for byte."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import yaml

from tests.processes import below, ended_within
from tests.test_run import SHIPPED, write_notebook
from vasolib.nursery import ADDRESS, ask, opened, short
from vasolib.run import kernel_environment
from vasolib.study import ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks are used on Linux alone")
ENVIRONMENT = {**os.environ, **kernel_environment(1)}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); from vasolib.nursery import main; "
            f"sys.exit(main({list(arguments)}))"]  # fmt: skip


@pytest.fixture
def nursery() -> Iterator[None]:
    with opened(ROOT, ENVIRONMENT, libraries=("json.tool",)):
        yield


@pytest.fixture
def module(tmp_path: Path):
    """Writes the module `made_up` where the command is run."""

    def write(source: str) -> Path:
        (tmp_path / "made_up.py").write_text(source, encoding="utf-8")
        return tmp_path

    return write


@pytest.mark.parametrize("warm", [True, False])
@pytest.mark.parametrize(
    ("last", "status"),
    [("", 0), ("sys.exit(3)", 3), ("sys.exit()", 0), ("raise ValueError('odd')", 1), ("sys.exit('no')", 1)],
)
def test_a_module_is_run_as_python_runs_it(request, module, warm: bool, last: str, status: int):
    if warm:
        request.getfixturevalue("nursery")
    source = "import os, sys\nprint(__name__, sys.argv[1:], os.getcwd(), os.environ['COLOUR'], sys.stdin.read())\n"
    folder = module(f"{source}print('told', file=sys.stderr)\n{last}\n")
    done = subprocess.run(
        command("made_up", "a b", "c"), cwd=folder, env={**os.environ, "COLOUR": "grün", "PYTHONPATH": str(folder)},
        input="typed", capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (status, f"__main__ ['a b', 'c'] {folder} grün typed\n")
    assert done.stderr.startswith("told\n") and ("ValueError: odd" in done.stderr) == ("odd" in last)


def test_libraries_are_imported_before_and_by_one_process(nursery, module):
    folder = module("import os, sys\nprint(os.getppid(), 'json.tool' in sys.modules, 'vasolib.study' in sys.modules)")
    outputs = [subprocess.check_output(command("made_up"), cwd=folder, text=True) for _ in range(2)]
    assert outputs[0] == outputs[1] and outputs[0].endswith("True False\n")


def test_a_fork_that_is_killed_fails(nursery, module):
    folder = module("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    assert subprocess.run(command("made_up"), cwd=folder).returncode == 137


def test_a_fork_and_its_children_end_with_whoever_asked(nursery, module):
    sleep = "[sys.executable, '-c', 'import time; time.sleep(60)']"
    folder = module(
        f"import os, subprocess, sys\np = subprocess.Popen({sleep})\nprint(os.getpid(), p.pid, flush=True)\np.wait()"
    )
    asker = subprocess.Popen(command("made_up"), cwd=folder, stdout=subprocess.PIPE, text=True)
    processes = [int(word) for word in asker.stdout.readline().split()]
    asker.kill()
    asker.communicate()
    assert ended_within(8, *processes)


def test_whoever_is_gone_before_the_request_is_whole_leaves_no_fork(nursery):
    [server] = below("nursery.serve")
    with socket.socket(socket.AF_UNIX) as connection:
        with short(Path(os.environ[ADDRESS])) as path:
            connection.connect(path)
        socket.send_fds(connection, [b'["json.tool", '], [0, 1, 2])
    assert ask("json.tool", ["--help"]) == 0  # the nursery has answered both then
    _, alive = psutil.wait_procs(server.children(), timeout=5)
    assert not alive


@pytest.mark.parametrize("source", ["raise ImportError('not for here')", "import os\nos.fork = lambda: os.open('', 0)"])
def test_whoever_asks_a_nursery_that_cannot_fork_goes_on_alone(module, source: str):
    environment = {**ENVIRONMENT, "PYTHONPATH": str(module(source))}
    with opened(ROOT, environment, libraries=("made_up",)):
        assert ask("json.tool", ["--help"]) is None
        assert ask("json.tool", ["--help"]) is None


def test_without_a_nursery_nobody_answers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.delenv(ADDRESS, raising=False)
    assert ask("json.tool", []) is None
    monkeypatch.setenv(ADDRESS, str(tmp_path / "gone"))
    assert ask("json.tool", []) is None


def test_a_project_may_lie_deeper_than_the_path_of_a_socket(tmp_path: Path):
    deep = tmp_path / ("x" * 100) / ("y" * 100)
    deep.mkdir(parents=True)
    with opened(deep, ENVIRONMENT, libraries=()):
        [address] = (deep / ".dvc" / "tmp").iterdir()
        assert str(address) == os.environ[ADDRESS] and address.stat().st_mode & 0o777 == 0o600
        assert ask("json.tool", ["--help"]) == 0
    assert not address.exists()


def test_a_nursery_ends_with_its_block_and_with_whoever_opened_it():
    with opened(ROOT, ENVIRONMENT, libraries=()):
        address = Path(os.environ[ADDRESS])
        assert address.is_socket()
    assert ADDRESS not in os.environ and not address.exists()
    code = f"""
import os, sys, time
from pathlib import Path
from vasolib.nursery import opened
with opened(Path({str(ROOT)!r}), dict(os.environ), libraries=()):
    from psutil import Process
    print(Process().children()[0].pid, flush=True)
    time.sleep(60)
"""
    opener = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    child = int(opener.stdout.readline())
    opener.kill()
    opener.communicate()
    assert ended_within(8, child)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A made-up checkout with the run `doll`."""
    root = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "vasolib", root / "vasolib", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "params.yaml").write_text(yaml.safe_dump(SHIPPED | {"run": "doll", "scale": "smoke"}), encoding="utf-8")
    work = (
        "import os, sys\nprint(arm, os.getcwd(), sys.path[0], __name__)",
        "{n: v for n, v in sorted(os.environ.items()) if n[:3] in ('OMP', 'MKL', 'MAL', 'MPL', 'VAS', 'JUP')}",
        "import threading\nprint(sorted(t.name for t in threading.enumerate()))\nos.getsid(0) == os.getpid()",
    )
    write_notebook(root / "notebooks" / "10_tiny.ipynb", *work)
    write_notebook(root / "notebooks" / "20_killed.ipynb", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    return root


def stage(project: Path, notebook: str) -> subprocess.CompletedProcess:
    """The command of a stage."""
    arguments = [sys.executable, "-m", "vasolib.run", notebook, "run=doll"]
    return subprocess.run(arguments, cwd=project, env={**ENVIRONMENT, **warm()}, capture_output=True, text=True)


def warm() -> dict[str, str]:
    return {ADDRESS: os.environ[ADDRESS]} if ADDRESS in os.environ else {}


def test_a_warm_stage_leaves_the_same_bytes(project: Path):
    files = [project / "executed" / "doll" / f"10_tiny.{ending}" for ending in ("ipynb", "html")]
    assert stage(project, "10_tiny").returncode == 0
    plain = [path.read_bytes() for path in files]
    facts = project / "work" / "doll" / "runtimes" / "10_tiny.json"
    facts.unlink()
    with opened(project, ENVIRONMENT, libraries=("ipykernel.kernelapp",)):
        done = stage(project, "10_tiny")
    assert done.returncode == 0 and "10_tiny: " in done.stdout and facts.exists()
    assert [path.read_bytes() for path in files] == plain


def test_a_killed_warm_kernel_is_said_to_be_killed(project: Path):
    with opened(project, ENVIRONMENT, libraries=("ipykernel.kernelapp",)):
        done = stage(project, "20_killed")
    assert done.returncode == 1
    assert "error: the kernel of 20_killed.ipynb was killed at a peak of" in done.stderr
