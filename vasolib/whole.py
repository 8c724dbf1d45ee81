"""How long a part of the study took from nothing to its end: `results/<run>/whole_<part>.json`."""

__all__ = ["stage_seconds", "write_whole"]

import json
import os
from pathlib import Path

from vasolib.files import write_json
from vasolib.run import cpu_name
from vasolib.study import Study


def stage_seconds(study: Study, part: str = "all") -> dict[str, float]:
    """Seconds of each execution of a part (v1, v2 or all) that this checkout has recorded, by its label."""
    paths = study.work("runtimes").glob("*.json")
    chosen = [path for path in paths if part == "all" or path.stem.startswith("v2_") == (part == "v2")]
    return {path.stem: json.loads(path.read_text(encoding="utf-8"))["seconds"] for path in chosen}


def write_whole(study: Study, part: str, jobs: int, seconds: float) -> Path:
    """Record the run of a part of which no stage was done before.

    `stages` counts those that were executed: DVC passes by one whose committed results are those of its inputs.

    Args:
        jobs: stages side by side.
        seconds: from the start of the first stage to the end of the last.
    """
    each = stage_seconds(study, part)
    path = study.results(f"whole_{part}.json")
    facts = {
        "part": part, "stages": len(each), "jobs": jobs, "seconds": round(seconds, 1),
        "stage_seconds": round(sum(each.values()), 1), "cores": os.cpu_count(), "cpu": cpu_name(),
    }  # fmt: skip
    write_json(path, facts)
    return path
