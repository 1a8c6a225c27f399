"""Explanations of a classifier's decision on one X-ray, made from masked films and neighbour sets."""
