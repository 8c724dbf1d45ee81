"""`python -m benchmarks.long_run`: memory and open files of a long pre-training, which must stay as they are.

VasoMIM at scale smoke, with its frozen segmentor, on synthetic frames mapped into memory, in a process with the
environment of a notebook's kernel. Memory counts as flat where the line fitted to it after the first quarter of the
steps rises by less than a hundredth. Writes a table below results/reliability and a figure below figures/reliability.
"""

__all__ = ["check", "main", "picture", "rise", "train"]

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from math import ceil
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import torch
from matplotlib.figure import Figure

from benchmarks.command import parser, told
from vasolib.data.crops import CropDataset, CropLoader
from vasolib.data.synthetic.frame import make_frames
from vasolib.data.synthetic.styles import STYLES
from vasolib.errors import UserError
from vasolib.files import write_csv
from vasolib.plots import panels, save
from vasolib.pretrain import build_method, pretraining_loss
from vasolib.run import kernel_environment
from vasolib.scheduler import dvc_environment
from vasolib.segmentor import UNeXt, freeze
from vasolib.study import ROOT, Study
from vasolib.training import fit, place

ARM, SCALE = "vasomim", "smoke"
EPOCH = 20  # steps
MIB = 2**20
LIMIT = 0.01  # share of the memory by which it may rise over the last three quarters


def look(step: int) -> dict[str, float]:
    """MiB of this process that are resident, and those of them that are its own; its open files."""
    process = psutil.Process()
    memory = process.memory_info()
    own = memory.rss - getattr(memory, "shared", 0)
    return {"step": step, "resident_mib": memory.rss / MIB, "own_mib": own / MIB, "open_files": process.num_fds()}


def watched(loss_fn: Callable, every: int, looks: list[dict[str, float]]) -> Callable:
    """The loss, with a look at every so many of its calls, which are steps."""
    step = 0

    def loss(*arguments: object) -> dict[str, torch.Tensor]:
        nonlocal step
        if step % every == 0:
            looks.append(look(step))
        step += 1
        return loss_fn(*arguments)

    return loss


def mapped(folder: Path, count: int, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Synthetic frames and their vessels, (count, side, side) uint8 each, mapped from files in the folder."""
    frames = list(make_frames(0, range(count), STYLES["a"], side))
    np.save(folder / "images.npy", np.stack([frame.image for frame in frames]))
    np.save(folder / "masks.npy", np.stack([frame.labels.mask for frame in frames]).astype(np.uint8))
    return tuple(np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("images", "masks"))


def train(steps: int, every: int) -> pd.DataFrame:
    """Pre-train for so many steps; a row per look: step, resident_mib, own_mib, open_files."""
    study = Study.load(ROOT)
    arm, scale = study.arm(ARM), study.scale_named(SCALE)
    samples = min(EPOCH, steps) * scale.pretrain.batch_size
    recipe = replace(scale.pretrain, epochs=ceil(steps / EPOCH), samples=samples)
    looks: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as scratch:
        images, masks = mapped(Path(scratch), scale.synthetic.corpus, scale.image.store_side)
        model = build_method(arm, scale, True, 0, place(freeze(UNeXt())).forward)
        crops = CropDataset(images, masks, scale.image.side, recipe.crop, 0, model.VIEWS)
        loader = CropLoader(crops, recipe.batch_size, samples, scale.workers)
        loss = watched(pretraining_loss(model), every, looks)
        fit(model, loss, loader, recipe, seed=0, state=Path(scratch, "state.pt"), name=ARM)
    return pd.DataFrame([*looks, look(len(loader) * recipe.epochs)])


def rise(table: pd.DataFrame, column: str) -> float:
    """By which share the line fitted to a column after the first quarter of the steps rises, of its mean there."""
    late = table[table["step"] >= table["step"].max() / 4]
    slope = np.polyfit(late["step"], late[column], 1)[0]
    return float(slope * np.ptp(late["step"]) / late[column].mean())


def check(table: pd.DataFrame) -> str:
    """What was found, in words.

    Raises:
        AssertionError: memory rises by LIMIT or more, or files are left open.
    """
    late = table[table["step"] >= table["step"].max() / 4]
    shares = {column: rise(table, column) for column in ("resident_mib", "own_mib")}
    files = late["open_files"].iloc[[0, -1]].tolist()
    words = f"resident memory {late['resident_mib'].mean():.0f} MiB, " + ", ".join(
        f"{name} {100 * share:+.2f} %" for name, share in shares.items()
    )
    words += (
        f" over the last three quarters of {table['step'].max()} steps; open files {files[0]} then, {files[1]} last"
    )
    if max(shares.values()) >= LIMIT or files[1] > files[0]:
        raise AssertionError(f"not flat: {words}")
    return words


def picture(table: pd.DataFrame) -> Figure:
    """Memory and open files against steps."""
    figure, grid = panels(1, 2, 3.2, 2.8)
    memory, files = grid.flat
    memory.plot(table["step"], table["resident_mib"], label="resident")
    memory.plot(table["step"], table["own_mib"], label="own")
    memory.set(title="memory (MiB)", xlabel="step", ylim=(0, None))
    memory.legend()
    files.plot(table["step"], table["open_files"])
    files.set(title="open files", xlabel="step", ylim=(0, None))
    return figure


def run(given: argparse.Namespace) -> None:
    """Train in a process of its own; write the table and the figure, and judge them."""
    if given.steps < EPOCH or given.every < 1:
        raise UserError(
            f"--steps {given.steps} --every {given.every}: give at least {EPOCH} steps, looks 1 or more apart"
        )
    file = given.results / "memory.csv"
    command = [sys.executable, "-m", "benchmarks.long_run", "--inside", "--results", str(given.results)]
    command += ["--steps", str(given.steps), "--every", str(given.every)]
    environment = dvc_environment() | kernel_environment(Study.load(ROOT).scale_named(SCALE).threads)
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    table = pd.read_csv(file)
    save(picture(table), given.figures / "memory.svg")
    print(check(table))


def main(arguments: list[str] | None = None) -> int:
    """Command line, see --help."""
    options = parser("long_run", "Memory and open files of a long pre-training.", real=False)
    options.set_defaults(results=ROOT / "results" / "reliability")
    options.add_argument("--figures", type=Path, default=ROOT / "figures" / "reliability", help="folder of the figure")
    options.add_argument("--steps", type=int, default=2000, help="of training (default: 2000)")
    options.add_argument("--every", type=int, default=10, help="steps between two looks (default: 10)")
    options.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)  # this is the process that trains
    given = options.parse_args(arguments)
    if given.inside:
        torch.set_num_threads(Study.load(ROOT).scale_named(SCALE).threads)
        return told(lambda: write_csv(given.results / "memory.csv", train(given.steps, given.every)))
    return told(lambda: run(given))


if __name__ == "__main__":
    raise SystemExit(main())
