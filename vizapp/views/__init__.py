"""Layouts of the app's pages and panels."""
