"""Questions about a video, answered by a model that sees pictures and writes text (FiVE asks Qwen2.5-VL-7B).

Any model of transformers' class "image, text to text" whose files lie in one folder and whose processor has a template
for conversations. Frames go in as pictures of one conversation, evenly spaced; the answer is the likeliest one, never
drawn. There is no stand-in: nothing that was trained on scenes reads questions.
"""

from typing import Any

import numpy as np
import torch
from PIL import Image

from onereel.base.errors import WeightsError
from onereel.base.tensorfiles import first_line
from onereel.video.clip import Frames
from onereel.weights.store import Resolved

ROLE = "questions"
FRAMES = 4
"""That are looked at (FiVE's setting)."""
_WORDS = 32  # tokens of an answer


class VideoQuestions:
    """A model with resolved weights of role ``questions``.

    Args:
        weights: the published files, as transformers loads them from a folder.
        device: where to run; 16 bits on a GPU.

    Raises: WeightsError if transformers cannot load them.
    """

    def __init__(self, weights: Resolved, *, device: torch.device | str = "cpu") -> None:
        from transformers import AutoModelForImageTextToText, AutoProcessor  # seconds of imports

        self.title, self.device = weights.printed, torch.device(device)
        folder = weights.subfolder("")
        dtype = torch.bfloat16 if self.device.type == "cuda" else torch.float32
        try:
            self.processor: Any = AutoProcessor.from_pretrained(folder)
            model: Any = AutoModelForImageTextToText.from_pretrained(folder, dtype=dtype)
            self.model = model.to(self.device).eval()
        except (OSError, ValueError, KeyError, ImportError, AttributeError) as error:
            problem, remedy = f"cannot be loaded ({first_line(error)})", f"run: onereel weights verify {weights.name}"
            raise WeightsError(f"weights '{weights.name}'", problem, remedy) from None

    @torch.inference_mode()
    def ask(self, frames: Frames, question: str) -> str:
        """The answer to a question about frames (T, H, W, 3) uint8, as it was written."""
        chosen = [Image.fromarray(frames[index]) for index in evenly(len(frames), FRAMES)]
        said = [*({"type": "image"} for _ in chosen), {"type": "text", "text": question}]
        text = self.processor.apply_chat_template([{"role": "user", "content": said}], add_generation_prompt=True)
        inputs = self.processor(text=[text], images=chosen, return_tensors="pt").to(self.device)
        tokens = self.model.generate(**inputs, max_new_tokens=_WORDS, do_sample=False)
        answer: str = self.processor.batch_decode(tokens[:, inputs.input_ids.shape[1] :], skip_special_tokens=True)[0]
        return answer.strip()


def evenly(count: int, wanted: int) -> list[int]:
    """Indices of the middles of so many equal parts; all where there are no more."""
    wanted = min(count, wanted)
    return [int(index) for index in np.floor((np.arange(wanted) + 0.5) * count / wanted)]
