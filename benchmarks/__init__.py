"""How close the synthetic angiograms come to real ones: run each part as `python -m benchmarks.<name>`."""
