"""The language: words of motif clusters, tokenizers to compare them with, and their laws."""
