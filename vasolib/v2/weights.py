"""Where the file of a published encoder lies: in a folder under its own name, or in a cache of the Hugging Face hub."""

__all__ = ["weights_file"]

from pathlib import Path
from urllib.parse import urlsplit

from huggingface_hub import try_to_load_from_cache

HUB, CACHED = "huggingface.co", "model.safetensors"  # as timm and transformers publish weights


def weights_file(folder: Path, file: str, home: str) -> Path:
    """The file `file` in a folder; where it is not there and the folder is the hub's cache, the one of the page `home`.

    Such as ~/.cache/huggingface/hub, which timm and transformers fill. Nothing is downloaded.
    """
    named = Path(folder) / file
    if named.is_file():
        return named
    page = urlsplit(home)
    on_hub = page.hostname == HUB
    cached = try_to_load_from_cache(page.path.strip("/"), CACHED, cache_dir=folder) if on_hub else None
    return Path(cached) if isinstance(cached, str) else named
