"""Attributions of windows, motifs behind them, and what follows when sequence changes."""
