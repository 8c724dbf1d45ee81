"""The notebooks of tables and claims, cell by cell, on a made-up study as small as smoke and as empty as can be."""

from pathlib import Path

import nbformat
import pandas as pd
import pytest

from tests.v2.made_up import fill, fill_inputs, study
from vasolib.study import ROOT
from vasolib.v2.items import ITEMS
from vasolib.v2.study import Extended

pytest.importorskip("vasolib.v2.encoders")


@pytest.fixture
def ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Runs both notebooks on a study with these levels."""

    def run(level: dict[str, float], spread: float) -> Extended:
        extended = study(tmp_path)
        fill(extended, level, spread)
        fill_inputs(extended)
        monkeypatch.setattr(Extended, "open", classmethod(lambda cls, name: extended))
        for name in ("v2_60_tables", "v2_65_claims"):
            cells = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4).cells
            names: dict = {}
            for cell in (cell for cell in cells if cell.cell_type == "code"):
                exec(cell.source, names)
        return extended

    return run


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("level", "spread"), [({"vasomim_v2": 70.0}, 2.0), ({}, 0.0)])
def test_they_make_every_table_that_the_report_shows(ran, level: dict, spread: float):
    extended = ran(level, spread)
    for item in ITEMS:
        if item.notebook in ("v2_60_tables", "v2_65_claims"):
            assert (extended.figures if item.folder == "figures" else extended.results)(item.file).is_file(), item.file
    segments = pd.read_csv(extended.results("segments_classes.csv"), dtype={"segment": str}).set_index("segment")
    assert segments.loc[["1", "9", "2"], "labelled"].tolist() == [6, 3, 0]
    pooled = segments.loc["all pixels, first run"]
    assert pooled["vasomim_v2"] == pytest.approx(50, abs=1) and pooled["labelled"] == 2  # moved by half their width
    main = pd.read_csv(extended.results("main.csv"))
    absent = main[main["method"] == "dinov3"]
    assert absent["mean"].isna().all() and absent["note"].str.len().gt(0).all()
    assert (
        not pd.read_csv(extended.results("raw.csv"))
        .duplicated(["task", "method", "dataset", "labels", "seed", "image"])
        .any()
    )
