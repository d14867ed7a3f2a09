"""Edits judged by truth: known edits, of which the right answer is there, and how near an editor's output comes to it.

`EditSet` (of `onereel.scenes.world`) makes the edits, `Judge` measures outputs, `summary_of` and `tables` average,
`externals` are outputs whose order is known beforehand; `choose_thresholds` finds what `EditThresholds` holds, on seeds
that nothing is reported of. Per edit:

- **attribute**: whether the new value is read off the output. What was added is there if CLIP finds the frames nearer
  to the prompt than to the source's.
- **others kept**: share of the other attributes that are read as on the true edit; what cannot be seen in the source or
  in the true edit does not count.
- **fidelity**: PSNR and SSIM to the source outside the mask; to the true edit everywhere (no PSNR where the source is a
  pencil sketch).
- **motion**: end-point error in pixels of the flow that `raft-world` finds in the output, against the exact flow of the
  true edit, where that is not hidden.
- **steadiness**: warp error along the exact flow of the true edit, where that is not hidden.
- **structure**: correlation of the depth that `dpt-world` estimates of the output and of the source.
- **quality**: SGFID to the true edit, with `inception-world`.
- **success**: the attribute right, enough others kept, and fidelity above a threshold: outside the mask, or, where the
  mask is everything, to the true edit.
"""

from onereel.metrics.edits.calibration import EXTERNALS, externals, made_here
from onereel.metrics.edits.choose import choose_thresholds
from onereel.metrics.edits.judge import Judge, Judgement, Question, Unanswered
from onereel.metrics.edits.settings import EditsConfig, EditThresholds, read_edits_config
from onereel.metrics.edits.summary import is_still, reader_accuracy, summary_of

__all__ = [
    "EXTERNALS",
    "EditThresholds",
    "EditsConfig",
    "Judge",
    "Judgement",
    "Question",
    "Unanswered",
    "choose_thresholds",
    "externals",
    "is_still",
    "made_here",
    "read_edits_config",
    "reader_accuracy",
    "summary_of",
]
