"""Thin entry until the command line exists: `python -m simulation WORLD OUT [SEED]`."""

import sys
from pathlib import Path

from simulation.simulate import simulate
from simulation.world import load_world

report = simulate(
    load_world(Path(sys.argv[1])), Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else None, None
)
sys.stdout.write(f"{report}\n")
