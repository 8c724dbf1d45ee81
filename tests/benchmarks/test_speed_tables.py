"""The README's tables of speed, row by row."""

import pandas as pd

from benchmarks.speed_tables import (
    duration,
    growth_table,
    measured_on,
    profile_table,
    speed_table,
    targets_table,
    whole_table,
)

SPEED = pd.DataFrame(
    [
        {"benchmark": "anatomy", "step": "anatomy", "plain_ms": 1340.0, "ours_ms": 64.4, "ratio": 20.81, "least": 20.4,
         "largest": 21.03, "aim": 25.0, "same": "pixel-equal", "most": False},
        {"benchmark": "steps", "step": "overhead", "plain_ms": 90.0, "ours_ms": 70.0, "ratio": 1.286, "least": 1.2,
         "largest": 1.3, "aim": 1.3, "same": "losses agree", "most": True},
        {"benchmark": "study", "step": "study", "plain_ms": 9e5, "ours_ms": 3e5, "ratio": 3.0, "least": 3.0,
         "largest": 3.0, "aim": 2.0, "same": "cells agree", "most": False},
        {"benchmark": "startup", "step": "import vasolib", "ours_s": 0.0014, "aim_s": 0.1,
         "least_s": 0.0013, "largest_s": 0.002},
        {"benchmark": "startup", "step": "a stage", "plain_s": 12.8, "ours_s": 4.2, "aim_s": 4.0,
         "least_s": 3.9, "largest_s": 5.25, "same": "bytes"},
        {"benchmark": "scale", "step": "store"},
    ]
).assign(processor=["One CPU", "One CPU", "One CPU", "Other CPU", "Other CPU", "One CPU"])  # fmt: skip
GROWTH = pd.DataFrame(
    [
        {"kind": "measured", "step": "store", "images": 1000, "seconds": 2.5, "per_second": 400.0, "peak_mib": 310.2,
         "own_mib": 100.0, "exponent": 1.012},
        {"kind": "killed", "step": "store", "images": 1000, "seconds": 1.25, "per_second": 800.0, "peak_mib": 300.0,
         "own_mib": 90.0, "note": "went on"},
        {"kind": "projected: all", "step": "store", "images": 10_000_000, "seconds": 7200.0, "per_second": 1388.9,
         "own_mib": 512.4},
    ]
).assign(side=64)  # fmt: skip
WHOLE = {
    part: {"stages": 7, "jobs": 2, "seconds": 3630.0, "stage_seconds": 7200.0, "cores": 2, "cpu": "One CPU"}
    for part in ("v1", "v2")
}
COSTS = pd.DataFrame(
    {"target": ["none", "features"], "ms": [20.0, 600.0], "least": [19.0, 500.0], "largest": [21.0, 700.0],
     "ratio": [1.0, 30.01]}
)  # fmt: skip
TIMES = pd.DataFrame({"stage": ["10_data", "40_pretrain_mae", "40_pretrain_moco"], "seconds": [60.0, 120, 60]})


def test_ratios_have_a_spread_and_an_aim_in_its_direction():
    rows = speed_table(SPEED).splitlines()[2:]
    assert rows[:3] == [
        "| anatomy | 1.34 s | 64.4 ms | 20.8 (20.4 – 21) | ≥ 25 | no | pixel-equal |",
        "| overhead | 90 ms | 70 ms | 1.29 (1.2 – 1.3) | ≤ 1.3 | yes | losses agree |",
        "| study | 15 min | 5 min | 3 (once) | ≥ 2 | yes | cells agree |",
    ]
    assert rows[3:] == [
        "| import vasolib | – | 1.4 ms (1.3 ms – 2 ms) | – | ≤ 100 ms | yes |  |",
        "| a stage | 12.8 s | 4.2 s (3.9 s – 5.25 s) | – | ≤ 4 s | no | bytes |",
    ]


def test_processors_are_told():
    assert measured_on(SPEED) == "Measured on One CPU; startup on Other CPU."
    assert measured_on(SPEED[:3]) == "Measured on One CPU."


def test_durations_have_the_unit_that_suits_them():
    lasting = {0.5: "0.5 ms", 999: "999 ms", 2500: "2.5 s", 90_000: "90 s", 600_000: "10 min", 9e6: "2.5 h"}
    assert {ms: duration(ms) for ms in lasting} == lasting


def test_projections_are_told_from_measurements():
    assert growth_table(GROWTH).splitlines()[2:] == [
        "| store | 1,000 | 64 | 2.5 s | 400 | 310 MiB | 100 MiB | 1.01 | measured |",
        "| store | 1,000 | 64 | 1.25 s | 800 | 300 MiB | 90 MiB |  | killed: went on |",
        "| store | 10,000,000 | 64 | 2 h | 1.39e+03 |  | 512 MiB |  | projected: all |",
    ]


def test_the_profile_ends_with_the_sum():
    profile = pd.DataFrame({"notebook": ["a", "b"], "stages": [2, 1], "seconds": [180.0, 60], "share": [75.0, 25]})
    assert profile_table(profile).splitlines()[2:] == [
        "| a | 2 | 3.0 | 75 % |",
        "| b | 1 | 1.0 | 25 % |",
        "| all | 3 | 4.0 | 100 % |",
    ]


def test_each_part_has_its_aim():
    assert whole_table(WHOLE).splitlines()[2:] == [
        "| v1 | 7 | 2 | 60.5 | ≤ 60 | no | 120.0 | 2 | One CPU |",
        "| v2 | 7 | 2 | 60.5 | ≤ 90 | yes | 120.0 | 2 | One CPU |",
    ]
    assert whole_table({}).splitlines()[2] == "| v1 | – | – | not recorded | ≤ 60 | – | – | – | – |"


def test_targets_are_named():
    assert targets_table(COSTS).splitlines()[2:] == [
        "| nothing | 20 ms (19 ms – 21 ms) | 1 |",
        "| features of a general encoder (ViT-B/14, random weights) | 600 ms (500 ms – 700 ms) | 30 |",
    ]
