"""What is measured beside the study, each part run as `python -m benchmarks.<name>`: speed, realism, reliability."""
