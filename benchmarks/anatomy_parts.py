"""`python -m benchmarks.anatomy_parts --real FOLDER`: the robust extractor beside the papers' recipe, part by part.

Masks are drawn at each frame's own size and compared with the labels there. The extractor's defaults were chosen on
the half `tune` of the labelled frames; the half `report` tells what they are worth. The papers' recipe is taken both
at the frame's own size, as released, and at the study's working side.
"""

__all__ = ["VARIANTS", "ablation_figure", "failures_figure", "main", "score_frames", "summary"]

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.command import parser, told
from benchmarks.real_frames import halves
from vasolib.anatomy import extract_anatomy, reference_anatomy
from vasolib.data.folder import FolderSet, find_sets, read_image, read_mask
from vasolib.errors import UserError
from vasolib.files import write_csv
from vasolib.metrics import cldice, dsc
from vasolib.plots import COLOURS, panels, save, show_image
from vasolib.robust import robust_anatomy
from vasolib.study import ROOT

REFERENCE, ROBUST, FAILED = "reference, at 512", "robust", 0.2
VARIANTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "reference, as released": reference_anatomy,
    REFERENCE: partial(extract_anatomy, percentile=92, border=20, working_side=512),
    ROBUST: robust_anatomy,
    "without field of view": partial(robust_anatomy, margin=None),
    "without logarithm": partial(robust_anatomy, logarithm=False),
    "without flat background": partial(robust_anatomy, background=0.0),
    "without one working scale": partial(robust_anatomy, working_side=None),
    "without blob suppression": partial(robust_anatomy, blob=0.0),
    "without threshold by contrast": partial(robust_anatomy, contrast=0.0),
    "without own width": partial(robust_anatomy, own_width=0.0),
    "without several regions": partial(robust_anatomy, mass=1.0),
}
