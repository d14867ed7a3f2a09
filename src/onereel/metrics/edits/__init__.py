"""Edits judged by truth: pairs of which the right answer is known, and how near an editor's comes to it.

`known_pairs` makes the questions, `Judge` the answers' measures, `summary_of` the tables' numbers, `externals` answers
whose order is known beforehand; `choose_thresholds` finds what `EditThresholds` holds, on seeds that nothing is
reported of. Per edit:

- **attribute**: whether the new value is read off the edit. What was added is there if CLIP finds the frames nearer to
  the prompt than to the source's.
- **others kept**: share of the other attributes that are read as on the true edit; what cannot be seen in the source or
  in the true edit does not count.
- **fidelity**: PSNR and SSIM to the source outside the mask; to the true edit everywhere (no PSNR where the source is a
  pencil sketch).
- **motion**: end-point error in pixels of the flow that `raft-world` finds in the edit, against the exact flow of the
  true edit, where that is not hidden.
- **success**: the attribute right, enough others kept, and fidelity above a threshold: outside the mask, or, where the
  mask is everything, to the true edit.
"""

from onereel.metrics.edits.calibration import EXTERNALS, externals
from onereel.metrics.edits.choose import choose_thresholds
from onereel.metrics.edits.judge import Answer, Judge, Judgement
from onereel.metrics.edits.pairs import known_pair, known_pairs
from onereel.metrics.edits.settings import EditThresholds, read_thresholds
from onereel.metrics.edits.summary import reader_accuracy, summary_of

__all__ = [
    "EXTERNALS",
    "Answer",
    "EditThresholds",
    "Judge",
    "Judgement",
    "choose_thresholds",
    "externals",
    "known_pair",
    "known_pairs",
    "read_thresholds",
    "reader_accuracy",
    "summary_of",
]
