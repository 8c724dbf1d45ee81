"""Images that nothing has learned from, to be tested on."""

__all__ = ["HeldOut"]

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class HeldOut:
    """Test images of a set as a network sees them: frames (N, 1, side, side) uint8, the truth and the name of each."""

    name: str
    frames: Tensor
    truth: Sequence
    ids: list[str]

    def first(self, count: int) -> "HeldOut":
        """The first so many of them."""
        return HeldOut(self.name, self.frames[:count], self.truth[:count], self.ids[:count])
