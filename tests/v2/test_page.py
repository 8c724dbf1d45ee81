"""The extended part's report and README block, from made-up results."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from tests.v2.made_up import PUBLISHED, fill, study
from vasolib.errors import UserError
from vasolib.v2 import page
from vasolib.v2.ablations import eta_table
from vasolib.v2.items import GROUPS, ITEMS, OPENING
from vasolib.v2.main_table import main_table
from vasolib.v2.published import BOXES, DETECTION, MAIN, beside, published_values
from vasolib.v2.scores import main_methods, read_detection, read_scores, variants

FACTS = {"run": "laptop", "scale": "tiny", "data": "twins of <a>", "fine-tuning seeds": "0, 1", "parameters": "abc123"}
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
README = "# Title\n\n<!-- extended:begin -->\nstale lines\n<!-- extended:end -->\n\nThe end.\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Folders with every file of the report."""
    root = tmp_path_factory.mktemp("made")
    extended = study(root)
    fill(extended, {"vasomim_v2": 70.0})
    raw, stands_for = read_scores(extended), extended.params.stands_for
    results, figures = root / "results" / "laptop" / "v2", root / "figures" / "laptop" / "v2"
    results.mkdir(parents=True)
    figures.mkdir(parents=True)
    names = [*main_methods(extended), "dinov3"]
    reasons = {"dinov3": "not run: weights <absent>"}
    found, detected = published_values(PUBLISHED, MAIN), published_values(PUBLISHED, DETECTION)
    boxed = beside(read_detection(extended), [*extended.params.detect.all, "dinov3"], detected, stands_for, BOXES)
    verdicts = {"claim": [1, 2], "text": "It <helps>", "verdict": ["reproduced", "inconclusive"], "held": "1 of 1"}
    tables = {
        "main.csv": main_table(raw, names, found, stands_for, reasons),
        "detection.csv": boxed,
        "eta.csv": eta_table(raw, variants(extended, "eta"), PUBLISHED, stands_for),
        "verdicts.csv": pd.DataFrame(verdicts),
    }
    for item in ITEMS:
        if item.kind == "table":
            tables.get(item.file, pd.DataFrame({"name": ["NA"], "value": [0.25]})).to_csv(
                results / item.file, index=False
            )
        elif item.kind == "text":
            (results / item.file).write_text("Effects above <1> point.\n")
        elif item.file.endswith("svg"):
            (figures / item.file).write_text(SVG)
        else:
            Image.new("RGB", (40, 30), (200, 10, 20)).save(figures / item.file)
    (results / "run.json").write_text(json.dumps(FACTS))
    return results, figures


def test_the_page_shows_every_item_and_needs_no_network(made):
    text = page.build_report(*made, FACTS)
    shown = [*OPENING, *(item for items in GROUPS.values() for item in items)]
    assert all(item.title in text for item in shown) and text.count("<details") == len(shown) - len(OPENING) + 1
    sources = re.findall(r'(?:src|href)="([^"]*)"', text)
    assert sources and all(source.startswith("data:image/") for source in sources)
    assert "<script" not in text and "@import" not in text
    assert "laptop, extended part" in text and "parameters abc123" in text


def test_the_page_says_what_was_not_run_and_names_settings(made):
    text = page.build_report(*made, FACTS)
    assert "not run: weights &lt;absent&gt;" in text and "vasomim_v2 · eta 0.5" in text
    assert "✓ 1 reproduced" in text and "80.25" in text


def test_the_same_files_give_the_same_page(made):
    assert page.build_report(*made, FACTS) == page.build_report(*made, FACTS)


def test_the_readme_block_is_replaced_and_nothing_else(made, tmp_path: Path):
    readme = made[0].parents[2] / "README.md"
    readme.write_text(README)
    page.update_readme(readme, *made)
    text = readme.read_text()
    assert text.startswith("# Title\n\n<!-- extended:begin -->") and text.endswith("\n\nThe end.\n")
    assert "stale" not in text and "| vasomim_v2 |" in text and "mAP75, published" in text
    links = re.findall(r"!\[[^]]*\]\(([^)]*)\)", text)
    assert len(links) == len(page.PICTURES) and all((readme.parent / link).is_file() for link in links)
    once = text
    page.update_readme(readme, *made)
    assert readme.read_text() == once


def test_a_missing_file_or_marker_is_named(made, tmp_path: Path):
    (tmp_path / "README.md").write_text("# no markers\n")
    with pytest.raises(UserError, match="extended:begin"):
        page.update_readme(tmp_path / "README.md", *made)
    with pytest.raises(UserError, match=r"main\.csv is missing: run notebook v2_60_tables"):
        page.build_report(tmp_path, made[1], FACTS)


def test_the_command_says_in_one_line_what_is_missing(capsys: pytest.CaptureFixture):
    assert page.main(["--run", "no-such-run"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "v2_90_report" in error
