"""What if: edits of a window of sequence, and what a model predicts of the edited window."""
