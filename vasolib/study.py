"""params.yaml as one object: the run, its scale, its arms, and where its files lie."""

__all__ = ["ROOT", "Study"]

import os
from dataclasses import dataclass, fields, replace
from pathlib import Path

from vasolib.errors import UserError, nearest
from vasolib.files import digest
from vasolib.parameters import Params, check_arm
from vasolib.parsing import parse, read_yaml
from vasolib.settings import Arm, Recipe, Scale

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Study:
    """One run of the study: its parameters and its files below `root`."""

    root: Path
    params: Params

    @classmethod
    def open(cls, run: str) -> "Study":
        """The run of this name: the checkout's own, or the one in its folder `runs`.

        Raises:
            UserError: there is no such run yet, or its params.yaml is wrong.
        """
        for root in (ROOT, ROOT / "runs" / run):
            if (root / "params.yaml").is_file():
                study = cls.load(root)
                if study.params.run == run:
                    return study
        raise UserError(f"there is no run {run!r} here yet: make it with `make study SCALE={run.split('-')[0]}`")

    @classmethod
    def load(cls, root: Path) -> "Study":
        """The study of the folder `root`, all of its params.yaml checked."""
        path = root / "params.yaml"
        study = cls(root, parse(Params, read_yaml(path), "params"))
        scales = {name: study.scale_named(name) for name in study.params.scales}
        for name in (*study.params.pretrain_arms, *study.params.arms):
            check_arm(name, study.arm(name), scales)
        return study

    @property
    def scale(self) -> Scale:
        """The settings of this run's scale."""
        return self.scale_named(self.params.scale)

    def scale_named(self, name: str) -> Scale:
        """The settings of a scale by its name."""
        if name not in self.params.scales:
            raise UserError(f"there is no scale {name!r}: {nearest(name, self.params.scales)}")
        return parse(Scale, self.params.scales[name], f"scales.{name}")

    def arm(self, name: str) -> Arm:
        """The settings of a pre-training arm by its name."""
        if name not in self.params.arms:
            raise UserError(f"there is no arm {name!r}: {nearest(name, self.params.arms)}")
        return parse(Arm, self.params.arms[name], f"arms.{name}")

    def pretraining(self, arm: str) -> Recipe:
        """How an arm is pre-trained at this scale: the scale's recipe with the arm's own rate and length."""
        chosen, recipe = self.arm(arm), self.scale.pretrain
        epochs = max(1, round(recipe.epochs * chosen.epochs))
        return replace(recipe, epochs=epochs, lr=float(chosen.lr.get(self.params.scale, recipe.lr)))

    def benchmarks_of(self, arm: str) -> list[str]:
        """The benchmarks that an arm is fine-tuned on; a position behind the last one means the last."""
        names = self.params.benchmarks
        positions = () if arm in self.params.scratch_arms else self.arm(arm).benchmarks
        return list(dict.fromkeys(names[min(p, len(names) - 1)] for p in positions)) or list(names)

    def runs(self, arm: str) -> list[tuple[int, int]]:
        """(pre-training seed, fine-tuning seed) of each run; -1 where nothing is pre-trained.

        Fine-tuning seeds take the pre-training runs in turn, so that their mean is over both.
        """
        if arm in self.params.scratch_arms:
            return [(-1, seed) for seed in self.scale.seeds]
        count = self.arm(arm).seeds
        return [(self.params.seed + i % count, seed) for i, seed in enumerate(self.scale.seeds)]

    def encoder_of(self, arm: str, pretrain_seed: int) -> Path:
        """The file of an arm's pre-trained network."""
        return self.require("pretrain", arm, f"seed{pretrain_seed}", "model.safetensors", made_by="40_pretrain")

    def work(self, *parts: str) -> Path:
        """A path below the run's intermediate files."""
        return self.root.joinpath("work", self.params.run, *parts)

    def results(self, *parts: str) -> Path:
        """A path below the run's tables."""
        return self.root.joinpath("results", self.params.run, *parts)

    def figures(self, *parts: str) -> Path:
        """A path below the run's figures."""
        return self.root.joinpath("figures", self.params.run, *parts)

    def require(self, *parts: str, made_by: str) -> Path:
        """A path below the run's intermediate files that an earlier notebook must have made."""
        path = self.work(*parts)
        if not path.exists():
            raise UserError(
                f"{path} is missing: run `make study SCALE={self.params.scale}`, or notebook {made_by} first"
            )
        return path

    def state(self, name: str, *parts: object) -> Path:
        """Where an unfinished training is kept, under a name that changes with `parts`: code, data, parameters.

        In a folder of the stage that DVC runs, so that it can be cleared once DVC has recorded the stage's results.
        """
        return self.unfinished(os.environ.get("DVC_STAGE", ""), f"{name}-{digest(*parts)[:16]}.pt")

    def unfinished(self, *parts: str) -> Path:
        """A path below what an interrupted run goes on from."""
        return self.work("unfinished", *parts)

    def facts(self) -> dict[str, str]:
        """What was run, for the head of a report."""
        data = "embedded synthetic angiograms" if self.params.data == "synthetic" else Path(self.params.data).name
        arms = self.params.pretrain_arms
        choices = {f.name: getattr(self.params, f.name) for f in fields(Params) if f.name not in ("scales", "data")}
        return {
            "run": self.params.run,
            "scale": self.params.scale,
            "data": f"{data}: {', '.join(self.params.benchmarks)}",
            "fine-tuning seeds": ", ".join(map(str, self.scale.seeds)),
            "pre-training seeds": ", ".join(map(str, sorted({p for arm in arms for p, _ in self.runs(arm)}))),
            "parameters": digest(choices, self.params.scales[self.params.scale])[:12],
        }
