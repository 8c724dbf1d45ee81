"""params_v2.yaml as one object beside params.yaml's: arms, sets, scales of the extended part, and where its files lie.

It has a file of its own so that choices of one part make nothing of the other stale; run, scale, seed, images, encoder
and pre-training are those of params.yaml.
"""

__all__ = ["Extended", "ExtendedParams"]

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from pathlib import Path

from vasolib.errors import UserError, nearest
from vasolib.files import digest
from vasolib.parameters import check_arm
from vasolib.parsing import parse, read_yaml
from vasolib.settings import Recipe, Scale, Transformer
from vasolib.study import Study
from vasolib.v2.settings import SEGMENTATION, TASKS, ExtendedArm, ExtendedScale

NAME = "params_v2.yaml"


@dataclass(frozen=True)
class Compared:
    """Arms of a table: those that need nothing pre-trained here (from scratch, or published), and those that do."""

    scratch: tuple[str, ...]
    pretrained: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        """All of them, in the table's order."""
        return (*self.scratch, *self.pretrained)


@dataclass(frozen=True)
class ExtendedParams:
    """All of params_v2.yaml's block v2; `arms` and `scales` are read one by one when asked for.

    sets: task -> names of its sets, synthetic twins or sets of the data folder. data_state: digest of that folder's
    files. labelled_in_corpus: whether real images to fine-tune on are pre-trained on too, even if there are others.
    twins: name of a twin -> the style of its frames. stands_for: set -> the published data set beside which its values
    stand. scratch: arms without pre-training. detect, labels: arms of the detection table and of label efficiency.
    percents: of the labels. external: name -> a published encoder, see `vasolib.v2.encoders`. weights: the folder that
    such files lie in; weights_state: digest of those; published: names of the encoders whose files are there.
    """

    sets: dict
    data_state: str
    labelled_in_corpus: bool
    twins: dict
    stands_for: dict
    pretrain: tuple[str, ...]
    scratch: tuple[str, ...]
    detect: Compared
    labels: Compared
    percents: tuple[int, ...]
    arms: dict
    external: dict
    weights: str
    weights_state: str
    published: tuple[str, ...]
    scales: dict

    def __post_init__(self) -> None:
        if set(self.sets) != set(TASKS) or not all(isinstance(names, list) and names for names in self.sets.values()):
            raise UserError(f"sets is {self.sets}: give each of {', '.join(TASKS)} a list of at least one set")
        sets = {name for names in self.sets.values() for name in names} | set(self.twins)
        if strange := sorted(set(self.stands_for) - sets):
            raise UserError(f"stands_for has {strange[0]!r}, which is no set: {nearest(strange[0], sets)}")
        for name in self.pretrain:
            if name not in self.arms:
                raise UserError(f"pretrain has {name!r}, which is no arm: {nearest(name, self.arms)}")
        known = {"scratch": (*self.scratch, *self.published, "resnet"), "pretrained": self.pretrain}
        for field, (kind, arms) in product(("detect", "labels"), known.items()):
            if strange := set(getattr(getattr(self, field), kind)) - set(arms):
                raise UserError(f"{field}.{kind} has {sorted(strange)}, not among the arms of its kind: {list(arms)}")
        if strange := set(self.published) - set(self.external):
            raise UserError(f"published has {sorted(strange)}, not among {list(self.external)} of external")
        if any(not 0 < percent < 100 for percent in self.percents):
            raise UserError(f"percents is {list(self.percents)}: whole per cent of the labels, 1 to 99")


@dataclass(frozen=True)
class Extended:
    """One run of the extended part: its parameters, and its files below those of the run."""

    study: Study
    params: ExtendedParams

    @classmethod
    def open(cls, run: str) -> "Extended":
        """The run of this name, see `Study.open`. UserError also where params_v2.yaml is wrong."""
        return cls.beside(Study.open(run))

    @classmethod
    def beside(cls, study: Study) -> "Extended":
        """The extended part of a study, all of its parameters checked."""
        path = study.root / NAME
        values = read_yaml(path)
        if not isinstance(values, dict) or set(values) != {"v2"}:
            raise UserError(f"{path} must hold one block called v2")
        extended = cls(study, told(ExtendedParams, values["v2"], "v2"))
        scales = {name: study.scale_named(name) for name in study.params.scales}
        for name in study.params.scales:
            extended.scale_named(name)
        for name, arm in ((name, extended.arm(name)) for name in extended.params.arms):
            with told_of_ours():
                check_arm(name, arm, scales)
            for scale in scales if arm.encoder else ():
                extended.encoder(arm.encoder, scale)
        return extended

    def scale_named(self, name: str) -> ExtendedScale:
        """The extended settings of a scale by its name."""
        if name not in self.params.scales:
            raise UserError(f"{NAME} has no scale {name!r}: {nearest(name, self.params.scales)}")
        scale = told(ExtendedScale, self.params.scales[name], f"v2.scales.{name}")
        for other, values in scale.encoders.items():
            told(Transformer, values, f"v2.scales.{name}.encoders.{other}")
        self.recipe(scale, name)
        return scale

    @cached_property
    def more(self) -> ExtendedScale:
        """What the extended part adds to the run's scale."""
        return self.scale_named(self.study.params.scale)

    def arm(self, name: str) -> ExtendedArm:
        """The settings of a pre-training arm by its name."""
        if name not in self.params.arms:
            raise UserError(f"{NAME} has no arm {name!r}: {nearest(name, self.params.arms)}")
        return told(ExtendedArm, self.params.arms[name], f"v2.arms.{name}")

    def scale(self, arm: str = "") -> Scale:
        """The run's scale, with the arm's own encoder where it has one."""
        scale = self.study.scale
        chosen = "" if arm not in self.params.arms else self.arm(arm).encoder
        if not chosen:
            return scale
        return replace(scale, encoder=self.encoder(chosen, self.study.params.scale))

    def encoder(self, name: str, scale: str) -> Transformer:
        """A scale's encoder by its name."""
        encoders = self.scale_named(scale).encoders
        if name not in encoders:
            raise UserError(f"{NAME}: v2.scales.{scale} has no encoder {name!r}: {nearest(name, encoders)}")
        return told(Transformer, encoders[name], f"v2.scales.{scale}.encoders.{name}")

    def recipe(self, scale: ExtendedScale, name: str) -> Recipe:
        """How a scale of that name pre-trains: as in params.yaml, but for what it has of its own."""
        return told(Recipe, self.study.params.scales[name]["pretrain"] | scale.pretrain, f"v2.scales.{name}.pretrain")

    def pretraining(self, arm: str) -> Recipe:
        """How an arm is pre-trained: the scale's recipe with the arm's own rate and length."""
        chosen, recipe = self.arm(arm), self.recipe(self.more, self.study.params.scale)
        rate = chosen.lr.get(self.study.params.scale, recipe.lr)
        return replace(recipe, epochs=max(1, round(recipe.epochs * chosen.epochs)), lr=float(rate))

    def runs(self, arm: str) -> list[tuple[int, int]]:
        """(pre-training seed, fine-tuning seed) of each run; -1 where nothing is pre-trained here."""
        if arm not in self.params.pretrain:
            return [(-1, seed) for seed in self.more.seeds]
        count = self.arm(arm).seeds
        return [(self.study.params.seed + i % count, seed) for i, seed in enumerate(self.more.seeds)]

    def tasks_of(self, arm: str) -> tuple[str, ...]:
        """The tasks that an arm is fine-tuned on, without detection, which has a stage of its own."""
        return SEGMENTATION if arm not in self.params.arms else self.arm(arm).tasks

    def work(self, *parts: str) -> Path:
        """A path below the part's intermediate files."""
        return self.study.work("v2", *parts)

    def results(self, *parts: str) -> Path:
        """A path below the part's tables."""
        return self.study.results("v2", *parts)

    def figures(self, *parts: str) -> Path:
        """A path below the part's figures."""
        return self.study.figures("v2", *parts)

    def require(self, *parts: str, made_by: str) -> Path:
        """A path below the part's intermediate files that an earlier notebook must have made."""
        return self.study.require("v2", *parts, made_by=made_by)

    def facts(self) -> dict[str, str]:
        """What was run, for the head of a report."""
        names = [name for task in TASKS for name in self.params.sets[task]]
        first, seeds = self.study.params, {seed for arm in self.params.pretrain for seed, _ in self.runs(arm)}
        choices = [getattr(self.params, name) for name in self.params.__dataclass_fields__ if name != "scales"]
        choices += [self.params.scales[first.scale], first.scales[first.scale]]
        choices += [first.data, first.seed, first.norm_pix_loss, first.anatomy]
        return {
            "run": first.run,
            "scale": first.scale,
            "data": f"{'twins of' if first.data == 'synthetic' else 'sets'} {', '.join(names)}",
            "fine-tuning seeds": ", ".join(map(str, self.more.seeds)),
            "pre-training seeds": ", ".join(map(str, sorted(seeds))),
            "parameters": digest(*choices)[:12],
        }


def told(cls: type, values: object, where: str):
    """`parse` with the right file's name in what it says."""
    with told_of_ours():
        return parse(cls, values, where)


@contextmanager
def told_of_ours() -> Iterator[None]:
    """A block whose errors name this part's file of parameters."""
    try:
        yield
    except UserError as error:
        raise UserError(str(error).replace("params.yaml", NAME)) from None
