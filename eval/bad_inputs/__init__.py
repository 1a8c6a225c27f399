"""The corpus of bad input on the command line, a group a file; `place` makes the folder where it is tried."""
