"""Helpers of the VasoMIM study: vascular-anatomy-aware masked image modelling for X-ray angiograms."""

__version__ = "0.1.0"
