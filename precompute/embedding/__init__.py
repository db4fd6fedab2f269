"""The token map: which bins are on it, and where."""
