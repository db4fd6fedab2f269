"""Interdependence scores: joint counts, moments, streaming over all bins, p-values."""
