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
import torch
from safetensors.torch import load_file

from vasolib.downstream.finetune import finetune_arm
from vasolib.launch import pairs
from vasolib.pretrain import build_method, pretrain_arm
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


def test_commands_for_one_machine_are_found():
    assert [start.split()[4] for start, _ in ALONE] == ["vasolib.pretrain", "vasolib.downstream.finetune"]


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
def test_two_processes_come_to_what_the_study_did(copy: Path, start: str, arguments: str):
    given = dict(pair.split("=") for pair in arguments.split())
    study = Study.load(copy)
    folder = study.work("finetune" if "labels" in given else "pretrain", given["arm"])
    before = put_aside(folder)
    done = subprocess.run([*start.split()[:-1], "run=smoke", *arguments.split()], cwd=copy, env=dvc_environment(),
                          capture_output=True, text=True, timeout=300)  # fmt: skip
    assert done.returncode == 0, done.stderr
    agree(study, before, folder)


def put_aside(folder: Path) -> Path:
    """The study's folder under another name, the first time; what a test made is removed."""
    before = folder.with_name(f"{folder.name}-before")
    if before.exists():
        shutil.rmtree(folder)
        return before
    return folder.rename(before)


def agree(study: Study, before: Path, after: Path) -> None:
    """Logs, and what pre-training learned, are those of one process but for rounding, which is another's for sure.

    Gradients that each process kept for itself would change the weights by a third of what they learned.
    """
    logs = [pd.read_csv(folder / "log.csv") for folder in (after, before)]
    assert len(logs[0]) and logs[0].notna().any().all()
    pd.testing.assert_frame_equal(*logs, rtol=0.02)
    for path in before.rglob("*.safetensors"):
        seed = int(path.parent.name.removeprefix("seed"))
        built = build_method(study.arm("vasomim"), study.scale, study.params.norm_pix_loss, seed, torch.nn.Identity())
        begun, one, two = built.state_dict(), load_file(path), load_file(after / path.relative_to(before))
        learned = flat({name: one[name] - begun[name] for name in one})
        assert 0 < (flat(two) - flat(one)).norm() < 0.1 * learned.norm()


def flat(weights: dict[str, torch.Tensor]) -> torch.Tensor:
    return torch.cat([weights[name].flatten().double() for name in sorted(weights)])


def test_two_agents_come_to_what_the_study_did(copy: Path):
    """README's command of several machines, both on this one."""
    study = Study.load(copy)
    folder = study.work("pretrain", "vasomim")
    before = put_aside(folder)
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
    agree(study, before, folder)
