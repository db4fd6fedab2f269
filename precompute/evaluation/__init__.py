"""How good the models of a run are, beside each other and beside what needs no model.

Every number is of 16-bp cells (or groups of eight) in windows that tile the sets of the split;
the windows are the same for every predictor, so that comparisons are paired.
"""
