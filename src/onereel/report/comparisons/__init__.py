"""Comparisons beyond one set of known edits: a paper's tables and figures, told by truth.

`write_comparison` makes a folder of what a description (`onereel.project.comparisons`) asks for, from a `Material`.
"""

from onereel.report.comparisons.material import ComparedRun, Material
from onereel.report.comparisons.write import write_comparison

__all__ = ["ComparedRun", "Material", "write_comparison"]
