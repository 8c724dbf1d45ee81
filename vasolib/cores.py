"""How many cores there are, and how many stages run side by side where nobody says."""

__all__ = ["available_cores", "usual_jobs"]

import os


def available_cores() -> int:
    """Cores that this process may use, which in a container are fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def usual_jobs() -> int:
    """One where stages would share a GPU, or one for each core."""
    import torch  # takes a second, which a given number saves

    return 1 if torch.cuda.is_available() else available_cores()
