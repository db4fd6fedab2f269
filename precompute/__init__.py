"""Precompute jobs: from a FASTA and motif profiles to the artefacts that the app reads.

Importing this package imports nothing heavy; each stage module imports what it needs.
Coordinates are 0-based half-open everywhere.
"""

__version__ = "0.1.0"
