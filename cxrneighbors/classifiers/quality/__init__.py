"""How good a single-label classifier is: figures with intervals, comparisons, calibration, shortcuts."""
