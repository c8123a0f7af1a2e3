"""Source adapters: any delivered file becomes rows of named text fields, each with its true row number.

Belongs here: what a source looks like (`model`), what a file is (`inspection`), its rows (`loading`, `careful`).
Does not: what a field must hold, which is the contract's.
"""
