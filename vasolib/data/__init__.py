"""Angiograms: synthetic ones, folders of real ones, and the store that both end in."""
