"""Callbacks: each parses its input, calls the data and the figures, and returns."""
