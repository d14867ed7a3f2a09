"""PickScore of an edit (Kirstain et al. 2023; LOVEU-TGVE, V2VBench): mean over frames. Published weights alone."""

from typing import Any, ClassVar

from onereel.metrics.base import Context
from onereel.metrics.measures.base import Edit, Found, Measure


class PickScore(Measure):
    """Mean of exp(logit_scale) times the cosine of prompt and frame, by PickScore_v1. About 20; higher is better."""

    name = "pickscore_v1"
    title = "PickScore (v1)"
    better = "higher"
    roles: ClassVar[tuple[str, ...]] = ("preference",)
    wants: ClassVar[tuple[str, ...]] = ("prompt",)

    def protocol(self) -> dict[str, Any]:
        """Scale and reduction."""
        return {"name": "scaled-cosine", "scale": "exp(logit_scale)", "reduction": "mean over frames"}

    def find(self, edit: Edit, context: Context) -> Found:
        """Of the edit's frames."""
        from onereel.features.preference import PickScorer  # with transformers, which takes seconds to load

        weights = context.resolve("preference")
        scorer = context.once(("preference", weights.sha256), lambda: PickScorer(weights, device=context.device))
        about = {"weights": weights.name, "sha256": weights.sha256}
        found = context.stored("pickscore", [edit.output], about, lambda: {"images": scorer.images(edit.output)})
        text = context.once(("preference text", edit.prompt), lambda: scorer.texts([edit.prompt])[0])
        return Found(scorer.scale * float((found["images"] @ text).mean()))


MEASURES = (PickScore(),)
