"""The demo: the whole loop for three ROCUs on a synthetic world, told step by step, each step the product's own.

Belongs here: the order of the story, who does what in it, and what is shown. Does not: any way past a check.
"""

from flows.demo.story import run_demo

__all__ = ["run_demo"]
