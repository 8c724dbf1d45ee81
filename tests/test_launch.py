"""Trainings as commands: under torchrun they write what one process writes; a killed process is named and made up."""

import shutil
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
import yaml
from safetensors.torch import load_file
from torch.distributed.elastic.multiprocessing.errors import ProcessFailure

from tests.processes import below
from vasolib import launch as module
from vasolib import training
from vasolib.data.building import Frames, build_store
from vasolib.data.store import Frame
from vasolib.downstream.finetune import finetune_arm
from vasolib.errors import UserError
from vasolib.files import write_text
from vasolib.launch import command, launch, main, pairs
from vasolib.pretrain import pretrain_arm
from vasolib.study import ROOT, Study

SHIPPED = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
EDITS = {"SAVE_EVERY = 20.0": "SAVE_EVERY = -1.0", 'return "bf16" if supported else "fp32"': 'return "fp32"'}


def frames(count: int):
    """Noise with a dark bar, the first half of them to learn from."""
    rng = np.random.default_rng(0)
    for i in range(count):
        image, mask = rng.integers(100, 200, (128, 128), dtype=np.uint8), np.zeros((128, 128), np.uint8)
        mask[:, 20 + 5 * i : 30 + 5 * i] = 1
        split = "train" if i < count // 2 else "test"
        yield Frame(f"f{i}", "doll", split, f"p{i}", f"{i}", np.where(mask, image // 2, image), mask)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the code with a run `doll`: one arm, one small benchmark, states saved after every epoch."""
    for name in ("vasolib", "notebooks"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    loop = tmp_path / "vasolib" / "training.py"
    text = loop.read_text(encoding="utf-8")
    for old, new in EDITS.items():
        assert old in text
        text = text.replace(old, new)
    loop.write_text(text, encoding="utf-8")
    scale = SHIPPED["scales"]["smoke"]
    scale = scale | {"seeds": [3], "pretrain": scale["pretrain"] | {"epochs": 40, "batch_size": 8}}
    arms = {"pretrain_arms": ["mae"], "few_labels_arms": ["mae"], "denoise_arms": ["mae"], "arms": {"mae": {}}}
    values = SHIPPED | arms | {"run": "doll", "scale": "smoke", "benchmarks": ["a"], "scales": {"smoke": scale}}
    write_text(tmp_path / "params.yaml", yaml.safe_dump(values))
    work = tmp_path / "work" / "doll"
    for name in ("a", "corpus"):
        store = build_store(work / "stores" / name, Frames(list(frames(16))), 128, jobs=1)
    (work / "anatomy" / "reference").mkdir(parents=True)
    np.save(work / "anatomy" / "reference" / "corpus.npy", store.masks)
    for place in ("study", "launch", "pretrain", "downstream.finetune"):
        monkeypatch.setattr(f"vasolib.{place}.ROOT", tmp_path)
    monkeypatch.setattr(training, "precision", lambda device: "fp32")
    monkeypatch.setattr(module, "end_with_parent", lambda: None)
    return tmp_path


def moved(folder: Path) -> Path:
    """The folder under another name."""
    return folder.rename(folder.with_name(f"{folder.name}-before"))


def kill_a_worker(states: Path) -> None:
    """Once there is a state, end the second process of the training as the system does when memory is short."""
    while not list(states.glob("*.pt")):
        time.sleep(0.02)
    for process in below("vasolib.pretrain", recursive=True):
        with suppress(psutil.Error):  # it may have ended just now
            if process.environ().get("RANK") == "1":
                process.kill()


def test_a_killed_process_ends_the_run_by_name_and_the_same_command_goes_on(checkout, capfd):
    folder = checkout / "work" / "doll" / "pretrain" / "mae"
    pretrain_arm("doll", "mae")
    before = moved(folder)
    killer = threading.Thread(target=kill_a_worker, args=[checkout / "work" / "doll" / "unfinished"], daemon=True)
    killer.start()
    with pytest.raises(UserError, match=r"process 1 of 2 was ended by signal 9 \(SIGKILL\).* same command goes on"):
        launch(2, "vasolib.pretrain", run="doll", arm="mae")
    told = capfd.readouterr().out
    assert told.count("error:") == 1 and "Traceback" not in told
    assert not folder.exists()
    launch(2, "vasolib.pretrain", run="doll", arm="mae")
    assert "continuing after epoch" in capfd.readouterr().out
    assert sorted(path.name for path in folder.iterdir()) == ["log.csv", "seed0"]
    one, two = (pd.read_csv(path / "log.csv") for path in (before, folder))
    pd.testing.assert_frame_equal(one, two, rtol=1e-3)
    one, two = (load_file(path / "seed0" / "model.safetensors") for path in (before, folder))
    assert one.keys() == two.keys()
    assert all(np.allclose(two[name], one[name], atol=1e-3) for name in one)
    assert not list((checkout / "work" / "doll" / "unfinished").iterdir())


def test_fine_tuning_in_two_processes_writes_what_one_writes(checkout):
    folder = Study.open("doll").work("labels", "50", "vit")
    finetune_arm("doll", "vit", "50")
    before = moved(folder)
    launch(2, "vasolib.downstream.finetune", run="doll", arm="vit", labels="50")
    assert sorted(path.name for path in folder.iterdir()) == ["a.npy", "log.csv", "scores.csv"]
    logs = [pd.read_csv(path / "log.csv") for path in (before, folder)]
    pd.testing.assert_frame_equal(*logs, rtol=1e-3)
    scores = [pd.read_csv(path / "scores.csv") for path in (before, folder)]
    pd.testing.assert_frame_equal(*scores, atol=1.0)  # a pixel may change sides
    assert scores[0]["labels"].eq(50).all() and len(scores[0]) == 8
    masks = [np.unpackbits(np.load(path / "a.npy"), axis=-1) for path in (before, folder)]
    assert masks[0].shape == (8, 64, 64) and np.mean(masks[0] != masks[1]) < 0.01


def test_a_wrong_call_under_torchrun_is_one_line(checkout, capfd):
    with pytest.raises(UserError, match="there is no arm 'mea': did you mean 'mae'"):
        launch(2, "vasolib.pretrain", run="doll", arm="mea")
    assert capfd.readouterr().out.count("error:") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run=doll"], "missing a required argument: 'arm'; usage: run=<run> arm=<arm>"),
        (["run=doll", "arm=mae", "seed=1"], "unexpected keyword argument 'seed'; usage:"),
        (["doll", "mae"], "usage: run=<run> arm=<arm>"),
        (["run=none", "arm=mae"], "there is no run 'none'"),
        (["run=doll", "arm=mea"], "there is no arm 'mea'"),
    ],
)
def test_a_wrong_call_is_one_line(checkout, capsys, arguments: list, message: str):
    assert command(pretrain_arm, arguments) == 1
    told = capsys.readouterr()
    assert told.err.startswith("error: ") and message in told.err and told.err.count("\n") == 1 and not told.out


def test_parameters_are_those_of_the_work():
    assert pairs(pretrain_arm, ["run=a=b", "arm="]) == {"run": "a=b", "arm": ""}
    assert pairs(finetune_arm, ["run=a", "arm=b"]) == {"run": "a", "arm": "b"}


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        ({1: 1}, ""),  # it has told itself
        ({0: 1, 1: -15}, ""),  # torchrun has ended the second because of the first
        ({0: 1, 2: -9, 3: -15}, "process 2 of 4 was ended by signal 9 (SIGKILL), and so were the others"),
        ({0: -15, 1: -15}, "process 0 of 4 was ended by signal 15 (SIGTERM), and so were the others"),
    ],
)
def test_the_process_that_failed_first_is_named(monkeypatch: pytest.MonkeyPatch, capsys, ends: dict, said: str):
    class Ended(ProcessFailure):
        def __init__(self, exitcode: int) -> None:
            self.exitcode = exitcode

    def fail(arguments) -> None:
        failure = module.ChildFailedError.__new__(module.ChildFailedError)
        failure.failures = {number: Ended(end) for number, end in ends.items()}
        raise failure

    monkeypatch.setattr(module, "end_with_parent", lambda: None)
    monkeypatch.setattr("torch.distributed.run.run", fail)
    assert main(["4", "some.module", "run=x"]) == 1
    told = capsys.readouterr().err
    assert said in told and told.count("\n") == bool(said)
