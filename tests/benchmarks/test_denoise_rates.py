"""The denoising recipe's check: one trial in miniature, on images that are not tested on."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.denoise_rates import trial
from vasolib.data.building import Frames, build_store
from vasolib.data.store import Frame
from vasolib.study import ROOT, Study


@pytest.mark.slow
def test_a_trial_looks_at_training_images_alone_and_repeats(tmp_path):
    home = Study.load(ROOT)
    params = replace(home.params, run="smoke", scale="smoke", benchmarks=("one", "two"))
    rng = np.random.default_rng(0)
    scores = []
    for other in (0, 255):  # what the test images show changes nothing
        study = Study(tmp_path / str(other), params)
        draw = np.random.default_rng(1).integers(0, 256, (12, 128, 128), dtype=np.uint8)
        draw[10:] = np.where(rng.random((2, 128, 128)) < 0.5, other, draw[10:])
        frames = [
            Frame(f"one/{i}", "one", "train" if i < 10 else "test", str(i), "", image, image > 128)
            for i, image in enumerate(draw)
        ]
        build_store(study.work("stores", "one"), Frames(frames), 128, jobs=1)
        scores.append([trial(study, network, 0.01, tmp_path) for network in ("dncnn", "vit")])
    assert scores[0] == scores[1]
    for row in scores[0]:
        assert row.keys() == {"method", "lr", "psnr", "ssim"} and 0 < row["psnr"] < 60 and 0 < row["ssim"] < 1
