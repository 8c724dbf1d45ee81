"""Synthetic coronary angiograms: a tree in space, its shadow on a detector, and everything that is known about both."""
