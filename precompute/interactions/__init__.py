"""Interaction of two motif clusters: double knock-outs against single ones, in the token model."""
