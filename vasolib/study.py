"""params.yaml as one object: the run, its scale, its arms, and where its files lie."""

__all__ = ["ROOT", "Study"]

import os
import re
from dataclasses import dataclass, fields, replace
from pathlib import Path

from vasolib.errors import UserError, nearest
from vasolib.files import digest
from vasolib.parsing import parse, read_yaml, within
from vasolib.settings import Arm, Recipe, Scale

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Anatomy:
    """The vessel extraction's settings, see `vasolib.anatomy.extract_anatomy`."""

    percentile: float
    border: int
    working_side: int

    def __post_init__(self) -> None:
        within("percentile", self.percentile, 0.0, 100.0)
        if not 0 <= 2 * self.border < self.working_side:
            raise UserError(
                f"border {self.border}, working_side {self.working_side}: pixels; twice the border must be less than "
                "the side"
            )


@dataclass(frozen=True)
class Params:
    """All of params.yaml; `scales` and `arms` are read one by one when asked for."""

    run: str
    scale: str
    data: str
    data_state: str
    benchmarks: tuple[str, ...]
    stands_for: dict
    seed: int
    norm_pix_loss: bool
    anatomy: Anatomy
    pretrain_arms: tuple[str, ...]
    scratch_arms: tuple[str, ...]
    few_labels_arms: tuple[str, ...]
    denoise_arms: tuple[str, ...]
    noise_sigma: float
    arms: dict
    scales: dict

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[\w.-]*\w[\w.-]*", self.run):
            raise UserError(f"run is {self.run!r}: use letters, digits, '_', '-' and '.', as for a folder")
        if not self.data:
            raise UserError("data is '': expected `synthetic` or a folder of real sets")
        if strange := [name for name, value in self.stands_for.items() if not isinstance(value, str)]:
            raise UserError(f"stands_for.{strange[0]} is {self.stands_for[strange[0]]!r}: name a published column")
        if self.seed < 0:
            raise UserError(f"seed is {self.seed}: choose 0 or more")
        if self.scale not in self.scales:
            raise UserError(f"there is no scale {self.scale!r}: {nearest(self.scale, self.scales)}")
        for name in ("benchmarks", "pretrain_arms", "scratch_arms", "few_labels_arms", "denoise_arms"):
            self._check_names(name)
        within("noise_sigma", self.noise_sigma, 0.0, 255.0)
        if twice := set(self.pretrain_arms) & set(self.scratch_arms):
            raise UserError(f"{sorted(twice)} in both pretrain_arms and scratch_arms: an arm is one or the other")
        for field, known in (
            ("few_labels_arms", self.pretrain_arms),
            ("denoise_arms", (*self.scratch_arms, *self.pretrain_arms)),
        ):
            if strange := set(getattr(self, field)) - set(known):
                raise UserError(f"{field} has {sorted(strange)}, not among the arms that are trained: {list(known)}")

    def _check_names(self, field: str) -> None:
        """UserError unless the names can be folders, and none is given twice."""
        names = getattr(self, field)
        if not names or len(set(names)) < len(names):
            raise UserError(f"{field} is {list(names)}: give at least one name, none twice")
        for name in names:
            if not re.fullmatch(r"[\w.-]*\w", name):
                raise UserError(f"{field} has {name!r}: use letters, digits, '_', '-' and '.', as for a folder")


def check_arm(name: str, arm: Arm, scales: dict[str, Scale]) -> None:
    """UserError for an arm with a rate for no scale, or a mask that leaves no patch, or hides none, at some scale."""
    for scale in arm.lr:
        if scale not in scales:
            raise UserError(f"params.yaml: arms.{name}.lr.{scale} is for no scale: {nearest(scale, scales)}")
    for where, scale in scales.items():
        patches = (scale.image.side // scale.image.patch) ** 2
        visible = int(patches * (1 - arm.mask_ratio))
        if not 0 < visible < patches:
            raise UserError(
                f"params.yaml: arms.{name}: mask_ratio {arm.mask_ratio} leaves {visible} of the {patches} patches of "
                f"scale {where} visible, expected at least one visible and one hidden"
            )


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
