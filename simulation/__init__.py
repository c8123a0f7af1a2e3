"""A synthetic ANPR world with known truth.

Belongs here: places, roads, cameras, vehicles and their lives, faults, findings, and the truth about all of them. Does
not: anything that the product reads at run time.
"""
