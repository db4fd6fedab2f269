"""Files that a user brings: sequences, names of chromosomes, stretches and motif profiles."""
