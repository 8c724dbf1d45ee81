"""The same bytes twice: stopped or not, whoever reads the crops, whatever the number of stages side by side."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from benchmarks.study import carry_out
from tests.faults.runs import NOT_COMPARED
from vasolib import training
from vasolib.data.crops import CropDataset, CropLoader
from vasolib.downstream.finetune import segmentation_loss
from vasolib.files import digest
from vasolib.networks import segmentation_network
from vasolib.pretrain import build_method, pretraining_loss
from vasolib.segmentor import UNeXt, freeze, segmentor_loss
from vasolib.settings import Recipe
from vasolib.study import ROOT, Study
from vasolib.training import fit, normalise, place, seeded
from vasolib.workspace import copy_project

STUDY = Study.load(ROOT)
SMOKE = STUDY.scale_named("smoke")
MADE = (".csv", ".npy", ".png", ".safetensors", ".svg")
WALL_TIMES = {*NOT_COMPARED, "seconds"}  # names of files and of a folder


def segmentor():
    with seeded(0):
        model = place(UNeXt())

    def loss_fn(batch, progress, generator):
        images, masks = batch
        return {"loss": segmentor_loss(model(normalise(images, torch.device("cpu"))), masks)}

    return model, loss_fn


def pre_training():
    with seeded(1):
        judge = place(freeze(UNeXt()))
    model = build_method(STUDY.arm("vasomim"), SMOKE, True, 0, judge.forward)
    return model, pretraining_loss(model)


def fine_tuning(arm: str):
    model = segmentation_network(arm, SMOKE, 0)
    return model, segmentation_loss(model)


TRAININGS = {
    "segmentor": segmentor,
    "vasomim": pre_training,
    "unet": lambda: fine_tuning("unet"),
    "vit": lambda: fine_tuning("vit"),
}


class Stopped(CropLoader):
    """A loader that is interrupted after two epochs."""

    def epoch(self, epoch: int):
        if epoch == 2:
            raise KeyboardInterrupt
        return super().epoch(epoch)


def trained(what: str, state: Path, workers: int = 0, kind: type[CropLoader] = CropLoader) -> list[bytes]:
    """Weights and log of four epochs of a training on noise, as bytes."""
    noise = np.random.default_rng(0).integers(0, 256, (8, 96, 96), dtype=np.uint8)
    crops = CropDataset(noise, (noise > 200).astype(np.uint8), SMOKE.image.side, (0.5, 1.0), 0)
    model, loss_fn = TRAININGS[what]()
    recipe = Recipe(epochs=4, batch_size=4, lr=1e-3)
    log = fit(model, loss_fn, kind(crops, 4, 8, workers), recipe, seed=0, state=state, name=what)
    return [value.numpy().tobytes() for value in model.state_dict().values()] + [log.to_csv().encode()]


@pytest.mark.parametrize("what", TRAININGS)
def test_two_and_two_epochs_are_four(what: str, tmp_path: Path, monkeypatch):
    whole = trained(what, tmp_path / "a")
    monkeypatch.setattr(training, "SAVE_EVERY", -1.0)
    with pytest.raises(KeyboardInterrupt):
        trained(what, tmp_path / "b", kind=Stopped)
    assert (tmp_path / "b").is_file()
    assert trained(what, tmp_path / "b") == whole


@pytest.mark.parametrize("what", TRAININGS)
def test_whoever_reads_the_crops(what: str, tmp_path: Path):
    alone, one, two = (trained(what, tmp_path / "s", workers) for workers in (0, 1, 2))
    assert alone == one == two


def made(study: Study) -> dict[str, str]:
    """Digests of a run's tables, figures, checkpoints and arrays by their places."""
    places = {kind: getattr(study, kind)() for kind in ("results", "figures", "work")}
    found = {
        f"{kind}/{path.relative_to(folder).as_posix()}": digest(path)
        for kind, folder in places.items()
        for path in folder.rglob("*")
        if path.suffix in MADE and not WALL_TIMES & set(path.parts)
    }
    return dict(sorted(found.items()))


def differences(first: Study, second: Study) -> dict[str, str]:
    """The files of two runs that are not the same, and why."""
    left, right = made(first), made(second)
    gone = dict.fromkeys(sorted(left.keys() ^ right.keys()), "of one run only")
    return gone | {name: "other bytes" for name in left if name in right and left[name] != right[name]}


def test_differences_are_told_by_file(tmp_path: Path):
    runs = [replace(STUDY, root=tmp_path / name) for name in "ab"]
    for number, study in enumerate(runs):
        for name, text in {
            "same.csv": "1",
            "other.csv": number,
            "v2/runtimes.csv": number,
            f"{number}.csv": "",
        }.items():
            study.results(name).parent.mkdir(parents=True, exist_ok=True)
            study.results(name).write_text(str(text))
    one = "of one run only"
    assert differences(*runs) == {"results/0.csv": one, "results/1.csv": one, "results/other.csv": "other bytes"}


def smoke_run(root: Path, jobs: int, workers: int) -> Study:
    """A whole run at scale smoke in a copy of the project."""
    scales = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))["scales"]
    scales["smoke"]["workers"] = workers
    study = copy_project(ROOT, root, {"run": "smoke", "scale": "smoke", "scales": scales})
    carry_out(study, "vasolib.pipeline", "--scale", "smoke", "--jobs", str(jobs))
    return study


@pytest.mark.slow
def test_two_runs_are_the_same_bytes_whatever_the_jobs_and_the_workers(tmp_path: Path):
    first, second = smoke_run(tmp_path / "a", 1, 0), smoke_run(tmp_path / "b", 2, 2)
    kinds = {Path(name).suffix for name in made(first)}
    assert kinds == set(MADE) and len(made(first)) > 200
    assert differences(first, second) == {}
