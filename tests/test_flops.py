"""Counted arithmetic: against a count by hand, and what a judge adds."""

import pytest

from vasolib.flops import step_gflops
from vasolib.mim import build_encoder
from vasolib.segmentor import UNeXt, freeze
from vasolib.ssl.vasomim import VasoMIM
from vasolib.training import place

WIDTH, DECODER, PATCHES, PIXELS = 32, 16, 16, 3 * 8 * 8


def model(mask_ratio: float, judge=None) -> VasoMIM:
    return place(VasoMIM(build_encoder(32, 8, WIDTH, 2, 2), DECODER, 1, 2, mask_ratio, True, None, judge))


def block_flops(tokens: int, width: int) -> int:
    """Multiply-adds, twice: query, key, value and output, two layers four times as wide, scores and their use."""
    return 2 * (12 * tokens * width**2 + 2 * tokens**2 * width)


@pytest.mark.parametrize("mask_ratio", [0.5, 0.75])
def test_a_masked_autoencoder_by_hand(mask_ratio):
    seen = 1 + round(PATCHES * (1 - mask_ratio))
    want = 2 * PATCHES * PIXELS * WIDTH  # patch embedding
    want += 2 * block_flops(seen, WIDTH) + 2 * seen * WIDTH * DECODER
    want += block_flops(1 + PATCHES, DECODER) + 2 * (1 + PATCHES) * DECODER * PIXELS
    assert step_gflops(model(mask_ratio).eval(), 32) == pytest.approx(want / 1e9, rel=1e-6)


def test_the_judge_counts_for_original_and_reconstruction():
    calls = []
    segmentor = freeze(UNeXt())
    plain = step_gflops(model(0.5), 32)
    judged = step_gflops(model(0.5, lambda images: calls.append(1) or segmentor(images)), 32)
    assert len(calls) == 2 and judged > plain
