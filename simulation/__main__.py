"""Thin entry until the command line exists: `python -m simulation WORLD OUT [SEED]`."""
