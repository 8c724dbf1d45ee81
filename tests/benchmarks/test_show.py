"""The README's block is made of the tables, and nothing else of the page changes."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.show import (
    REAL,
    alike,
    labels_needed_table,
    main,
    parts_table,
    rates_table,
    real_parts,
    realism_table,
    recorded_parts,
    transfer_table,
)
from tests.benchmarks.test_speed_tables import COSTS, GROWTH, SPEED, TIMES, WHOLE
from vasolib.files import write_json
from vasolib.study import ROOT

REALISM = pd.DataFrame(
    {
        "measurement": ["width"] * 4 + ["noise"] * 4,
        "set": ["xcad", "dca1", "synth-a", "pooled"] * 2,
        "p10": [1.0, 2, 3, 4] * 2,
        "median": [2.0, 3, 4, 5] * 2,
        "p90": [3.0, 4, 5, 6] * 2,
        "inside pooled": [True, False, None, None, True, True, None, None],
        "overlap pooled": [0.5, 0.25, None, None, 1.0, 0.75, None, None],
    }
)
TRANSFER = pd.DataFrame(
    {"what": ["all", "-noise"], "images": 10, "side": 64, "width": 8, "steps": 5, "seed": 0, "xcad report": [70.04, 1]}
)
NEEDED = pd.DataFrame(
    {"dataset": "xcad", "frames": [10, 10], "arm": ["mae", "vit"], "seeds": 3, "dsc_mean": [50.0, 40.0], "dsc_sd": 1.0}
)
RATES = pd.DataFrame(
    {
        "method": ["mae", "mae", "moco"],
        "lr": [0.0003, 0.001, 0.0003],
        "epochs": 4,
        "a": [50.0, 51, 1],
        "b": [60.0, 61, 2],
    }
)
PARTS = pd.DataFrame(
    {
        "set": "xcad",
        "half": ["report", "report", "tune", "tune"],
        "variant": ["robust", "part"] * 2,
        "mean dsc": [0.7, 0.5, 0.71, 0.4],
        "failures": [0.01, 0.2, 0, 0.25],
    }
)
DENOISING = pd.DataFrame({"method": ["dncnn"], "lr": [0.04], "psnr": [33.056], "ssim": [0.8257]})
MEMORY = pd.DataFrame({"step": [0, 10, 20, 30], "resident_mib": 300.0, "own_mib": 200.0, "open_files": 7})
STAGES = pd.DataFrame(
    {"stages": [10, 500], "processes": 1, "handles": 9, "nursery_mib": 50.0, "temporary": 0, "kernels": 2}
)
PROCESSORS = pd.DataFrame(
    {"part": ["first"], "old": "a", "new": "b", "means": 9, "within": 8, "median": 0.5, "largest": 2.0,
     "comparisons": 5, "changed": 1, "reversed": 0, "claims": 3, "claims_changed": 1,
     "old_time": "9 min", "new_time": "7 min", "old_revision": "abc", "new_revision": "def"}
)  # fmt: skip
USED = pd.DataFrame(
    {"set": ["corpus", "s", "s"], "task": ["", "boxes", "boxes"], "part": ["train", "train", "test"],
     "images": [1200, 45, 22], "patients": 1, "source": ["real, of s", "real, split by time", "real, split by time"]}
)  # fmt: skip
REDUNDANT = pd.DataFrame(
    {"source": ["all", "s"], "images": [1200, 45], "distinct": [40, 2], "share": [10 / 3, 4.4444], "groups": [9, 1],
     "largest": [300, 44], "first": "a/1"}
)  # fmt: skip
LEFT = pd.DataFrame(
    {"used_for": ["fine-tuning", "test"], "store": "s", "images": [45, 22], "patients": 1, "near_duplicates": [40, 20]}
)
BOXED = pd.DataFrame(
    {"method": ["resnet", "resnet", "vit", "vit"], "dataset": "s", "metric": ["mAP", "mAP50"] * 2,
     "mean": [1.0, 20.04, 0.0, 0.5], "sd": [0.5, 2.0, 0.0, 0.25], "n": 3}
)  # fmt: skip
TABLES = {
    "realism/realism_report.csv": REALISM,
    "realism/transfer.csv": TRANSFER,
    "realism/labels_needed.csv": NEEDED,
    "rates/laptop.csv": RATES,
    "rates/laptop_denoise.csv": DENOISING,
    "anatomy/parts.csv": PARTS,
    "benchmarks.csv": SPEED,
    "benchmarks/scale.csv": GROWTH,
    "benchmarks/targets.csv": COSTS,
    "laptop/runtimes.csv": TIMES,
    "reliability/memory.csv": MEMORY,
    "reliability/stages.csv": STAGES,
    "reliability/processors.csv": PROCESSORS,
}
RECORDED = {
    f"{REAL}/v2/{name}": table
    for name, table in (
        ("data.csv", USED),
        ("redundancy.csv", REDUNDANT),
        ("leaks.csv", LEFT),
        ("boxes_from_scratch.csv", BOXED),
    )
}
RECORDS = {f"laptop/whole_{part}.json": record for part, record in WHOLE.items()}
BLOCKS = ("realism", "anatomy", "rates", "real", "recordings", "speed")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of results with all that the page shows: the committed ones stand in for those of real angiograms."""
    for name, table in TABLES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        table.to_csv(tmp_path / name, index=False)
    shutil.copytree(ROOT / "results" / "laptop", tmp_path / REAL, ignore=shutil.ignore_patterns("v2"))
    for name, table in RECORDED.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        table.to_csv(tmp_path / name, index=False)
    for name, record in RECORDS.items():
        write_json(tmp_path / name, record)
    return tmp_path


def test_real_recordings_are_counted_and_detectors_have_a_row_each(folder):
    said, sets, boxes, scores = recorded_parts(folder)
    assert "real, split by time: 20 of the 22 test frames look like a training frame" in boxes
    assert said == "Of 1,200 unlabelled or training frames 40 are distinct:"
    assert sets.splitlines()[2] == "| all | 1200 | 40 | 3.33 | 300 |"
    assert "45 train, 22 test frames; real, split by time" in boxes
    assert scores.splitlines()[2:] == ["| resnet | 1.0 ± 0.5 | 20.0 ± 2.0 |", "| vit | 0.0 ± 0.0 | 0.5 ± 0.2 |"]


def test_real_results_are_those_of_the_folder(folder):
    facts = json.loads((folder / REAL / "run.json").read_text()) | {"data": "some hospital"}
    (folder / REAL / "run.json").write_text(json.dumps(facts))
    table2 = pd.read_csv(folder / REAL / "table2.csv").assign(mean=12.25, sd=0.5)
    table2.to_csv(folder / REAL / "table2.csv", index=False)
    parts = real_parts(folder / REAL)
    assert "some hospital" in parts[0]
    assert "| 12.25 ± 0.50 |" in parts[5].replace("**", "")
    assert [part.count("\n") > 3 for part in parts] == [False] * 2 + 5 * [False, True]  # a title, then its table


def test_test_images_that_look_like_others_are_named():
    pairs = pd.DataFrame({"tested": ["a/1", "a/2"], "trained": ["a/3", "b/4"], "distance": 1, "correlation": 0.9})
    assert "(named behind it): a/1 (a/3), a/2 (b/4); " in alike(pairs)
    assert alike(pairs[:0]).startswith("No test image looks like")


def test_ranges_and_verdicts_stand_in_their_rows():
    width, noise = realism_table(REALISM).splitlines()[2:]
    assert width == "| width | 1 / 2 / 3 | 2 / 3 / 4 | 3 / 4 / 5 | 4 / 5 / 6 | 1 of 2 | 0.25 |"
    assert noise.endswith("| 2 of 2 | 0.75 |")


def test_verdicts_survive_the_file(tmp_path):
    REALISM.to_csv(tmp_path / "t.csv", index=False)
    assert realism_table(pd.read_csv(tmp_path / "t.csv")) == realism_table(REALISM)


def test_transfer_and_labels_have_a_row_each():
    assert transfer_table(TRANSFER).splitlines()[2:] == [
        "| all | 10 | 64 | 8 | 5 | 0 | 70.0 |",
        "| -noise | 10 | 64 | 8 | 5 | 0 | 1.0 |",
    ]
    assert labels_needed_table(NEEDED).splitlines()[2] == "| xcad | 10 | 50.00 ± 1.00 (3) | 40.00 ± 1.00 (3) |"


def test_the_chosen_rate_is_bold():
    assert rates_table(RATES, {"mae": 0.001, "moco": 0.0003}).splitlines()[2:] == [
        "| mae | 4 | 50.0 / 60.0 | **51.0 / 61.0** |",
        "| moco | 4 | **1.0 / 2.0** | – |",
    ]
    assert rates_table(DENOISING, {"dncnn": 0.02}, 2).splitlines()[2:] == ["| dncnn | 33.06 / 0.83 |"]


def test_variants_have_a_row_and_halves_a_column():
    assert parts_table(PARTS).splitlines() == [
        "| variant | xcad report | xcad tune |",
        "| --- | --: | --: |",
        "| robust | 0.700 (1%) | 0.710 (0%) |",
        "| part | 0.500 (20%) | 0.400 (25%) |",
    ]


@pytest.mark.parametrize("missing", [*TABLES, *RECORDED, f"{REAL}/table5.csv", f"{REAL}/run.json", None])
def test_the_page_changes_between_its_markers_alone(folder, capsys, missing):
    page = folder / "README.md"
    blocks = "".join(f"<!-- {name}:begin -->\nstale\n<!-- {name}:end -->\nafter\n" for name in BLOCKS)
    page.write_text("before\n" + blocks)
    promises = folder / "promises.md"
    promises.write_text("<!-- measured:begin -->\nstale\n<!-- measured:end -->\n")
    if missing:
        (folder / missing).unlink()
    code = main(["--results", str(folder), "--page", str(page), "--promises", str(promises)])
    text = page.read_text()
    assert text.startswith("before\n<!-- realism:begin -->\n") and text.count("\nafter\n") == len(BLOCKS)
    if missing:
        made_by = {"laptop/runtimes.csv": "`python -m vasolib.pipeline`"}
        made_by |= {f"{REAL}/table5.csv": "notebook 60_tables", f"{REAL}/run.json": "`make study DATA="}
        assert (
            code == 1
            and f"{missing} is missing: run {made_by.get(missing, '`python -m benchmarks.')}" in capsys.readouterr().err
        )
        assert text.count("stale") == len(BLOCKS) and "stale" in promises.read_text()
    else:
        assert code == 0 and "stale" not in text + promises.read_text()
        assert "300 MiB" in promises.read_text() and "after 500 stages" in promises.read_text()
        assert all(
            row in text for row in ("| -noise |", "| part |", "| moco |", "| vasomim |", "| anatomy |", "| v2 |")
        )


def test_the_committed_pages_show_the_committed_tables(tmp_path):
    pages = []
    for name in ("README.md", "docs/reliability.md"):
        pages.append(tmp_path / Path(name).name)
        shutil.copyfile(ROOT / name, pages[-1])
    assert main(["--page", str(pages[0]), "--promises", str(pages[1])]) == 0
    assert pages[0].read_text(encoding="utf-8") == (ROOT / "README.md").read_text(encoding="utf-8")
    assert pages[1].read_text(encoding="utf-8") == (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
