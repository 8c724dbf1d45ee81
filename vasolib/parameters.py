"""params.yaml as one checked value."""

__all__ = ["Anatomy", "Params", "check_arm"]

import re
from dataclasses import dataclass

from vasolib.errors import UserError, nearest
from vasolib.parsing import within
from vasolib.settings import Arm, Scale


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
