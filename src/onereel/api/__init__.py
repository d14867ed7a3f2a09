"""onereel from Python: `load` a clip, `generate` or `edit`, `evaluate`, `compare`, `show`.

    import onereel

    clip = onereel.load("holiday.mov", start="1.5s", end="4s", height=144)
    samples = onereel.generate(clip, "vgpnn", samples=3)
    onereel.evaluate(clip, samples)
    onereel.show(clip, *samples)

The names stand in `onereel` itself, too; importing that costs nothing before one of them is used. Everything is held in
memory; nothing is written but trained models (see `generate`). In a notebook clips, samples and values show themselves.
"""

from onereel.api.measuring import Comparison, Evaluation, compare, evaluate
from onereel.api.sampling import Sample, edit, generate, load
from onereel.api.showing import Shown, show

__all__ = ["Comparison", "Evaluation", "Sample", "Shown", "compare", "edit", "evaluate", "generate", "load", "show"]
