"""Figures: pure functions from data to Plotly figure dictionaries."""
