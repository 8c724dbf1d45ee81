"""The README's block is made of the tables, and nothing else of the page changes."""

import pandas as pd
import pytest

from benchmarks.show import labels_needed_table, main, realism_table, transfer_table

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


@pytest.mark.parametrize("missing", ["realism_report.csv", "transfer.csv", "labels_needed.csv", None])
def test_the_page_changes_between_its_markers_alone(tmp_path, capsys, missing):
    page = tmp_path / "README.md"
    page.write_text("before\n<!-- realism:begin -->\nold\n<!-- realism:end -->\nafter\n")
    for name, table in {"realism_report.csv": REALISM, "transfer.csv": TRANSFER, "labels_needed.csv": NEEDED}.items():
        if name != missing:
            table.to_csv(tmp_path / name, index=False)
    code = main(["--results", str(tmp_path), "--page", str(page)])
    text = page.read_text()
    assert text.startswith("before\n<!-- realism:begin -->\n") and text.endswith("<!-- realism:end -->\nafter\n")
    if missing:
        assert code == 1 and f"{missing} is missing: run `python -m benchmarks." in capsys.readouterr().err
    else:
        assert code == 0 and "old" not in text and "| -noise |" in text
