"""`python -m benchmarks.targets`: what a pre-training step takes by what its consistency loss compares.

At scale laptop. The general encoder is built as the arm `distilled` would have it, with random weights: its time does
not depend on them, and the true ones may be absent. Targets take turns, so that a busy machine is busy for all.
"""

__all__ = ["TARGETS", "main", "measured"]

import argparse
import statistics

import pandas as pd
import torch

from benchmarks.command import told
from benchmarks.side_by_side import seconds, step_parser
from benchmarks.steps import drawn, our_judge, our_step, pictures
from vasolib.files import write_csv
from vasolib.pretrain import pretraining_loss
from vasolib.run import cpu_name
from vasolib.segmentor import freeze
from vasolib.training import place, seeded
from vasolib.v2.encoders import external_network
from vasolib.v2.pretrain import TEACHER, build_extended
from vasolib.v2.study import Extended

SCALE, BATCH = "laptop", 16
TARGETS = {"none": "guidance", "segmentor": "vasomim_v2", "features": "distilled"}  # what is compared -> an arm


def teacher(extended: Extended) -> torch.nn.Module:
    """The general encoder, frozen, of random weights."""
    with seeded(0):
        return place(freeze(external_network(extended, TEACHER)))


def measured(turns: int) -> pd.DataFrame:
    """A row per target: step (ms: median, least, largest) and how many times that without any target (median)."""
    extended, steps = Extended.open(SCALE), {}
    batch = pictures(BATCH, extended.study.scale.image.side)
    asked = {"segmentor": our_judge(), "features": teacher(extended)}
    for target, arm in TARGETS.items():
        model = build_extended(extended.arm(arm), extended.scale(arm), True, 0, **asked)
        loss_fn, generator = pretraining_loss(model), drawn()
        steps[target] = our_step(model, lambda f=loss_fn, g=generator: f(batch, 1.0, g)["loss"])
        steps[target]()  # what is done once only
    times = pd.DataFrame([{target: 1e3 * seconds(step) for target, step in steps.items()} for _ in range(turns)])
    rows = [
        {"target": target, "ms": statistics.median(times[target]), "least": times[target].min(),
         "largest": times[target].max(), "ratio": (times[target] / times["none"]).median()}
        for target in steps
    ]  # fmt: skip
    return pd.DataFrame(rows).assign(processor=cpu_name())


def run(given: argparse.Namespace) -> None:
    """Measure, print and write."""
    torch.set_num_threads(given.threads)
    table = measured(given.turns)
    write_csv(given.results / "targets.csv", table)
    print(table.to_string(index=False, float_format="%.3g"))


def main(arguments: list[str] | None = None) -> int:
    """Command line, see --help."""
    options = step_parser("targets", "A step by what its consistency loss compares.")
    given = options.parse_args(arguments)
    return told(lambda: run(given))


if __name__ == "__main__":
    raise SystemExit(main())
