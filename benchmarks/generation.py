"""`python -m benchmarks.generation`: synthetic frames a second, by size, workers and number, and the memory it takes.

Twice the frames should take twice the time in the same memory. Bytes are compared: the workers change nothing.
"""

__all__ = ["main", "measure"]

import argparse
import hashlib
import resource
import time

import pandas as pd
from joblib import cpu_count

from vasolib.data.synthetic.frame import make_frames
from vasolib.data.synthetic.styles import named_style


def measure(size: int, workers: int, count: int) -> dict[str, object]:
    """One row: seconds, frames a second, peak memory in MiB of this process so far, checksum of all images."""
    started, checksum = time.monotonic(), hashlib.sha256()
    for frame in make_frames(0, range(count), named_style("a"), size, workers):
        checksum.update(frame.image.tobytes())
    seconds = time.monotonic() - started
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    row = {"size": size, "workers": workers, "frames": count, "seconds": seconds, "frames a second": count / seconds}
    return row | {"peak MiB": memory, "checksum": checksum.hexdigest()[:12]}


def main(arguments: list[str] | None = None) -> int:
    """Command line, see --help; 1 where the number of workers changed a byte."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.generation", description="Speed of the generator.")
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512], help="pixels (default: 256 512)")
    parser.add_argument("--frames", type=int, default=100, help="of the shorter run (default: 100)")
    given = parser.parse_args(arguments)
    cores = cpu_count()
    measure(given.sizes[0], cores, 2 * cores)  # the pool starts, modules are imported
    runs = [(size, *run) for size in given.sizes for run in ((1, 1), (cores, 1), (cores, 2))]
    table = pd.DataFrame([measure(size, workers, times * given.frames) for size, workers, times in runs])
    print(table.to_string(index=False, float_format="%.1f"))
    same = table.groupby(["size", "frames"])["checksum"].nunique().eq(1).all()
    print("the workers changed nothing" if same else "error: frames depend on the number of workers")
    return 0 if same else 1


if __name__ == "__main__":
    raise SystemExit(main())
