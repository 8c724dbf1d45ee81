"""DVC's lock file read and written quickly, and whole.

DVC rewrites dvc.lock after every stage through a parser in Python that keeps comments, of which a lock file has none.
With all stages of the study that takes eight seconds, in which no other stage can begin or end. libyaml does the same
in two; only a word too long for its line stands elsewhere.
"""

__all__ = ["modified", "quicken"]

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path


@contextmanager
def modified(path: str) -> Iterator[dict]:
    """The content of a lock file, {} where there is none, to be changed within the block and written at its end."""
    from ruamel.yaml import YAML

    from vasolib.files import atomic  # not before: a nursery's forks import the study's modules themselves

    safe, file = YAML(typ="safe"), Path(path)
    safe.default_flow_style, safe.sort_base_mapping_type_on_output = False, False  # as DVC writes it
    safe.representer.add_representer(OrderedDict, type(safe.representer).represent_dict)  # not before those two
    content = safe.load(file.read_text(encoding="utf-8")) if file.exists() else None
    content = content or {}
    yield content
    with atomic(file) as temporary, open(temporary, "w", encoding="utf-8") as text:
        safe.dump(content, text)


def quicken() -> None:
    """Let DVC, in this process, change lock files by `modified`, and other files of its own as ever."""
    from dvc import dvcfile

    usual = dvcfile.modify_yaml

    def chosen(path: str, fs: object = None) -> AbstractContextManager[dict]:
        return modified(path) if str(path).endswith(".lock") else usual(path, fs)

    dvcfile.modify_yaml = chosen
