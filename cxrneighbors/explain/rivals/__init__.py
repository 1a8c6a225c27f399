"""Rivals: published ways of explaining a classifier that are no kin of LIME, to be beaten at equal cost."""
