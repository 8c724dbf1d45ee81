"""A small study for the real pipeline: a store, three trainings, a table and a figure, in seconds."""

from pathlib import Path

import yaml

from tests.test_run import write_notebook
from vasolib.study import ROOT
from vasolib.workspace import copy_project

ARMS = ["mae", "simmim", "vasomim"]
DATA = (
    """import hashlib, time
import numpy as np
from vasolib.data.building import Frames, build_store
from vasolib.data.store import Frame
from vasolib.files import put
from vasolib.study import Study""",
    """def make(index):
    time.sleep(0.02)
    image = np.random.default_rng(index).integers(0, 256, (32, 32), dtype=np.uint8)
    return Frame(str(index), "toy", "train", str(index), hashlib.sha256(image).hexdigest(), image, image > 127)""",
    """study = Study.open(run)
unfinished = study.state("stores", "toy").with_suffix("")
build_store(unfinished / "corpus", Frames(range(100), make), 32, resume=True, jobs=1)
put(unfinished, study.work("stores"))""",
)
PRETRAIN = (
    """import time, torch
from vasolib import training
from vasolib.data.store import ImageStore
from vasolib.files import atomic, digest, write_csv
from vasolib.networks import save_weights
from vasolib.settings import Recipe
from vasolib.study import Study""",
    """class Batches:
    def __len__(self):
        return 4
    def epoch(self, number):
        for part in torch.from_numpy(store.images[:].astype("float32") / 255).reshape(4, 25, -1):
            time.sleep(STEP)
            yield part
    def images(self, epoch, step):
        return []""",
    """STEP, training.SAVE_EVERY = 0.05, 0.2
study = Study.open(run)
store = ImageStore.open(study.require("stores", "corpus", made_by="10_data"))
with training.seeded(len(arm)):
    model = torch.nn.Sequential(torch.nn.Linear(1024, 8), torch.nn.Dropout(0.1), torch.nn.Linear(8, 1024))
loss = lambda batch, progress, generator: {"loss": (model(batch).float() - batch).square().mean()}
recipe = Recipe(epochs=8, batch_size=25, lr=0.01)
state = study.state(arm, store.folder / "table.csv")
log = training.fit(model, loss, Batches(), recipe, seed=0, state=state, name=arm)""",
    """with atomic(study.work("pretrain", arm)) as folder:
    save_weights(folder / "model.safetensors", model)
    write_csv(folder / "log.csv", log)""",
)
TABLES = (
    """import pandas as pd
from vasolib.files import write_csv
from vasolib.plots import save, training_curves
from vasolib.study import Study""",
    """study = Study.open(run)
logs = {arm: pd.read_csv(study.work("pretrain", arm, "log.csv")) for arm in ARMS}
write_csv(study.results("table.csv"), pd.concat(logs.values(), keys=logs).reset_index(level=0))
save(training_curves(logs, ["loss"]), study.figures("curves.svg"))""",
)


def stage(notebook: str, deps: list[str], outs: list, arm: str = "") -> dict:
    """One of dvc.yaml, `arm` a key of its matrix."""
    command = f"python -m vasolib.run {notebook} run=smoke" + (" arm=${item.arm}" if arm else "")
    matrix = {"matrix": {"arm": ARMS}} if arm else {}
    return {**matrix, "cmd": command, "deps": [f"notebooks/{notebook}.ipynb", *deps], "outs": outs}


def toy_project(folder: Path) -> Path:
    """The study in a new folder, a project complete in itself."""
    project = copy_project(ROOT, folder, {"run": "smoke", "scale": "smoke"}).root
    for path in (project / "notebooks").glob("*.ipynb"):
        path.unlink()
    tables = (TABLES[0], f"ARMS = {ARMS}\n{TABLES[1]}")
    for name, cells in {"10_data": DATA, "40_pretrain": PRETRAIN, "60_tables": tables}.items():
        write_notebook(project / "notebooks" / f"{name}.ipynb", *cells)
    logs, tracked = [f"work/smoke/pretrain/{arm}" for arm in ARMS], {"cache": False}
    made = [{"results/smoke/table.csv": tracked}, {"figures/smoke/curves.svg": tracked}]
    stages = {
        "data": stage("10_data", [], ["work/smoke/stores"]),
        "pretrain": stage("40_pretrain", ["work/smoke/stores"], ["work/smoke/pretrain/${item.arm}"], "arm"),
        "tables": stage("60_tables", logs, made),
    }
    (project / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}), encoding="utf-8")
    return project
