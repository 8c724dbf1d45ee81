"""The fit, the projection, and the whole benchmark in miniature, kills and all."""

import pandas as pd
import pytest

from benchmarks import scale
from benchmarks.scale_steps import draw_originals, link_images
from vasolib.data.folder import find_sets
from vasolib.data.reading import read_image


@pytest.mark.parametrize("power", [0.5, 1, 2])
def test_the_exponent_of_a_power_is_found(power):
    counts = [10, 100, 1000]
    assert scale.exponent(counts, [3 * count**power for count in counts]) == pytest.approx(power)


def test_a_projection_follows_large_images_and_the_growth_of_memory():
    growing = [
        {"step": step, "images": count, "side": 256, "seconds": 1.0, "own_mib": 50 + count / 1000}
        for step in ("store", "reading")
        for count in (1000, 2000)
    ]
    large = [{"step": step, "images": 500, "side": 512, "seconds": 5, "own_mib": 70} for step in ("store", "reading")]
    store, reading = scale.projection(pd.DataFrame(growing), large, "many", 100_500)
    assert store["seconds"] == pytest.approx(1005) and store["per_second"] == pytest.approx(100)
    assert store["own_mib"] == pytest.approx(70 + 100) and store["kind"] == "projected: many"
    assert store["disk_gib"] == pytest.approx(100_500 / 2**12) and reading["disk_gib"] == 0


def test_links_are_read_as_the_images_behind_them(tmp_path):
    originals = draw_originals(tmp_path / "originals", 2, 32)
    link_images(tmp_path / "linked", 5, originals)
    found = find_sets(tmp_path / "linked" / "data")[0]["set"]
    assert len(found.images) == 5 and found.masks is None
    assert (read_image(found.images[4]) == read_image(originals[0])).all()


def test_one_size_is_refused(capsys, tmp_path):
    assert scale.main(["--sizes", "7", "7", "--work", str(tmp_path)]) == 1
    assert "give two different numbers" in capsys.readouterr().err


def test_more_than_linear_growth_and_much_memory_fail(capsys):
    scale.check({"store": 1.02, "reading": 0.99}, 1511)
    assert "exponents: store 1.02, reading 0.99; largest peak: 1511 MiB, below 2048 MiB" in capsys.readouterr().out
    for fits, peak in (({"store": 1.3}, 1511), ({"store": 1.0}, 2048)):
        with pytest.raises(AssertionError, match=r"expected at most 1\.2 and less than 2048 MiB"):
            scale.check(fits, peak)


@pytest.mark.slow
def test_the_benchmark_runs_and_its_kills_change_nothing(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(scale, "STEEPEST", 9.0)  # times of so few images are noise
    options = ["--sizes", "150", "300", "--side", "48", "--distinct", "10"]
    assert scale.main([*options, "--results", str(tmp_path / "results"), "--work", str(tmp_path / "work")]) == 0
    table = pd.read_csv(tmp_path / "results" / "scale.csv")
    assert table["kind"].value_counts().to_dict() == {
        "measured": 9,
        "killed": 4,
        "projected: XA-170K": 3,
        "projected: 10 million": 3,
    }
    killed = table[table["kind"] == "killed"]
    assert killed["note"].str.contains("same bytes").all()
    assert (killed["per_second"] < killed["images"] / killed["seconds"]).all()  # a part was done before
    assert "exponents: " in capsys.readouterr().out and list((tmp_path / "work").iterdir()) == []
