"""README's torchrun commands, as they stand there, on the finished run at scale smoke."""

import inspect
import re
import shutil
import socket
import subprocess
from importlib import import_module
from pathlib import Path

import pandas as pd
import pytest

from vasolib.downstream.finetune import finetune_arm
from vasolib.launch import pairs
from vasolib.pretrain import pretrain_arm
from vasolib.scheduler import dvc_environment
from vasolib.study import ROOT, Study
from vasolib.v2.finetune import finetune_extended
from vasolib.v2.pretrain import pretrain_extended

TEXT = (ROOT / "README.md").read_text(encoding="utf-8").replace("\\\n", " ")
NAMED = re.findall(r"(vasolib(?:\.\w+)+) ((?:\w+=\S+ ?)+)", TEXT)
ALONE = re.findall(r"^(torchrun --standalone .+ run=)laptop (arm=\w+.*)$", TEXT, re.MULTILINE)
SEVERAL = re.search(r"^(torchrun --nnodes=2 .+?)  +#", TEXT, re.MULTILINE)[1]
FINISHED = ROOT / "runs" / "smoke"
WORKS = {work.__module__: work for work in (pretrain_arm, finetune_arm, pretrain_extended, finetune_extended)}


def test_every_training_named_takes_the_parameters_that_stand_behind_it():
    given = {module: text.strip(" `").split() for module, text in NAMED if module in WORKS}
    assert given.keys() == WORKS.keys()
    for module, arguments in given.items():
        assert inspect.getsource(import_module(module)).count("__main__") == 1
        assert pairs(WORKS[module], arguments)["run"]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished run's code and work, in which trainings may be done again."""
    if not (FINISHED / "results" / "smoke" / "report.html").is_file():
        pytest.skip("make study SCALE=smoke has not been run here")
    unneeded = shutil.ignore_patterns(".dvc", "executed", "figures", "results", "v2", "denoise", "__pycache__")
    return Path(shutil.copytree(FINISHED, tmp_path_factory.mktemp("torchrun") / "copy", ignore=unneeded))


@pytest.mark.parametrize(("start", "arguments"), ALONE, ids=[start.split()[4] for start, _ in ALONE])
def test_two_processes_log_what_the_study_did(copy: Path, start: str, arguments: str):
    given = dict(pair.split("=") for pair in arguments.split())
    study = Study.load(copy)
    log = study.work("finetune" if "labels" in given else "pretrain", given["arm"], "log.csv")
    before = pd.read_csv(log)
    shutil.rmtree(log.parent)
    done = subprocess.run([*start.split()[:-1], "run=smoke", *arguments.split()], cwd=copy, env=dvc_environment(),
                          capture_output=True, text=True, timeout=300)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(before) and before.notna().any().all()
    pd.testing.assert_frame_equal(pd.read_csv(log), before, rtol=0.02)


def test_two_agents_log_what_the_study_did(copy: Path):
    """README's command of several machines, both on this one."""
    log = Study.load(copy).work("pretrain", "vasomim", "log.csv")
    before = pd.read_csv(log)
    shutil.rmtree(log.parent)
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    start = SEVERAL.replace("host0:29500", f"localhost:{port}").replace("--nproc-per-node=8", "--nproc-per-node=1")
    agents = [
        subprocess.Popen(start.replace("run=paper", "run=smoke").split(), cwd=copy, env=dvc_environment(), text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for _ in range(2)
    ]  # fmt: skip
    told = [agent.communicate(timeout=300)[0] for agent in agents]
    assert [agent.returncode for agent in agents] == [0, 0], told
    pd.testing.assert_frame_equal(pd.read_csv(log), before, rtol=0.02)
