"""Ready motif hits instead of scanning: read, checked, indexed once and served by window."""
