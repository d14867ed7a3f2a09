"""The measures of the field: what papers on video editing report, for anybody's edits; no right answer is needed.

One module per family, one class per measure, and a name that says which of the published variants it is. Every edit
gets its own value of every measure, or None with the reason; means are taken in one place, over edits of one kind
first. A value that follows from few pixels, frames or tracks says what share of them it follows from.

`measure_edits` measures; `onereel.metrics.measures.agreement` holds measures against the truth of known edits.
"""

from onereel.metrics.measures.base import Edit, Found, Measure
from onereel.metrics.measures.evaluation import Measured, measure_edits
from onereel.metrics.measures.registry import MEASURES, choose

__all__ = ["MEASURES", "Edit", "Found", "Measure", "Measured", "choose", "measure_edits"]
