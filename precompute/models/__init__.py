"""Sequence-to-signal models on tokens and on one-hot sequence."""
