"""DVC's lock file read and written quickly, and whole.

DVC reads dvc.lock twice and rewrites it once for every stage, through a parser in Python that keeps comments, of which
a lock file has none. With all stages of the study that takes seconds, in which no other stage can begin or end
(`python -m benchmarks.startup` has both ways' times). Here libyaml does the same, for a stage whose lines were not met
before; only a word too long for its line stands elsewhere.
"""

__all__ = ["modified", "parsed", "quicken", "written"]

import re
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from copy import deepcopy
from functools import cache
from io import StringIO
from pathlib import Path

HEAD = "schema: '2.0'\nstages:\n"
LINES: dict[str, str] = {}  # of a stage in a lock file, by what they say


@cache
def safe() -> object:
    """Reads as DVC reads and writes as DVC writes, all but comments."""
    from ruamel.yaml import YAML

    yaml = YAML(typ="safe")
    yaml.default_flow_style, yaml.sort_base_mapping_type_on_output = False, False
    yaml.representer.add_representer(OrderedDict, type(yaml.representer).represent_dict)  # not before those two
    return yaml


@cache
def stage_of(lines: str) -> dict[str, dict]:
    """The stage that these lines of a lock file hold, by its name."""
    stage = safe().load(lines)
    LINES[repr(stage)] = lines.removesuffix("\n") + "\n"  # which a file that was cut off may lack at its end
    return stage


def parsed(text: str) -> dict:
    """The content of a lock file; a stage that was met before takes no time."""
    rest = text.removeprefix(HEAD)
    if rest == text or re.search(r"^\S|^ *#", rest, re.MULTILINE):  # another layout, such as one without stages
        return safe().load(text) or {}
    blocks = re.split(r"^(?=  \S)", rest, flags=re.MULTILINE)[1:]
    stages = {name: entry for lines in blocks for name, entry in stage_of(lines).items()}
    if len(stages) < len(blocks):
        return safe().load(text)  # and say which is there twice
    return deepcopy({"schema": "2.0", "stages": stages})


def dumped(content: dict) -> str:
    """As YAML."""
    text = StringIO()
    safe().dump(content, text)
    return text.getvalue()


def written(content: dict) -> str:
    """The text of a lock file; a stage that was read and is unchanged keeps its lines."""
    if list(content) != ["schema", "stages"] or not content["stages"]:
        return dumped(content)
    stages = [{name: entry} for name, entry in content["stages"].items()]
    lines = (LINES.get(repr(stage)) or dumped({"stages": stage}).removeprefix("stages:\n") for stage in stages)
    return dumped({"schema": content["schema"]}) + "stages:\n" + "".join(lines)


@contextmanager
def modified(path: str) -> Iterator[dict]:
    """The content of a lock file, {} where there is none, to be changed within the block and written at its end."""
    from vasolib.files import atomic  # not before: a nursery's forks import the study's modules themselves

    file = Path(path)
    content = parsed(file.read_text(encoding="utf-8")) if file.exists() else {}
    yield content
    with atomic(file) as temporary:
        temporary.write_text(written(content), encoding="utf-8")


def quicken() -> None:
    """Let DVC, in this process, read and change lock files by this module, and other files of its own as ever."""
    from dvc import dvcfile
    from dvc.utils import strictyaml

    changing, reading = dvcfile.modify_yaml, strictyaml.parse_yaml

    def modify_yaml(path: str, fs: object = None) -> AbstractContextManager[dict]:
        return modified(path) if str(path).endswith(".lock") else changing(path, fs)

    def parse_yaml(text: str, path: str, typ: str = "safe") -> dict:
        if str(path).endswith(".lock") and typ == "safe":
            with suppress(Exception):  # of a damaged file, of which DVC says more
                return parsed(text)
        return reading(text, path, typ=typ)

    dvcfile.modify_yaml, strictyaml.parse_yaml = modify_yaml, parse_yaml
