"""The extended paper (arXiv 2602.11536): co-guidance, four tasks, scaling; built on what the first paper's part has."""
