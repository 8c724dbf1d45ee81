"""Files of published encoders, under their names or in a cache of the hub."""

from pathlib import Path

from vasolib.v2.weights import weights_file

HOME = "https://huggingface.co/timm/vit_base_patch14_dinov2.lvd142m"


def cached(cache: Path, revision: str = "0123456789abcdef0123456789abcdef01234567") -> Path:
    """A cache as huggingface_hub lays it out, with one file of weights in it."""
    folder = cache / "models--timm--vit_base_patch14_dinov2.lvd142m"
    path = folder / "snapshots" / revision / "model.safetensors"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"weights")
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(revision)
    return path


def test_a_file_of_that_name_comes_first(tmp_path: Path):
    cached(tmp_path)
    (tmp_path / "dinov2.safetensors").write_bytes(b"mine")
    assert weights_file(tmp_path, "dinov2.safetensors", HOME) == tmp_path / "dinov2.safetensors"


def test_else_the_one_in_the_hubs_cache(tmp_path: Path):
    path = cached(tmp_path)
    assert weights_file(tmp_path, "dinov2.safetensors", HOME) == path
    other = "https://huggingface.co/microsoft/rad-dino"
    assert not weights_file(tmp_path, "rad_dino.safetensors", other).exists()


def test_a_page_elsewhere_has_its_file_under_its_name_alone(tmp_path: Path):
    assert weights_file(tmp_path, "dino.safetensors", "https://example.org/dino") == tmp_path / "dino.safetensors"


def test_what_is_nowhere_is_expected_under_its_name(tmp_path: Path):
    assert weights_file(tmp_path, "dinov2.safetensors", HOME) == tmp_path / "dinov2.safetensors"
