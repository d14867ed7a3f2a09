"""A small method that asks for what no other does: runs without a clip, prompts, folders, parts that read little."""

POSTCARD = '''"""One colour for each thing that was read: for methods that build on pretrained models."""

from fractions import Fraction

import numpy as np
import torch

from onereel.base.errors import MethodError
from onereel.methods.base import BACKBONES, CLIP, INPUTS, PROMPT, BaseMethod, MethodConfig, Part, Task
from onereel.methods.roles import Roles
from onereel.video.clip import Clip

SEEN = {}
"""What trainings saw, by part."""


class PostcardConfig(MethodConfig):
    """Settings."""

    sampling_only = frozenset({"strength"})

    strength: float = 1.0
    """At most 1."""

    steps: int = 3
    """Of a training."""


class Postcard(BaseMethod):
    """Grey frames."""

    name = "postcard"
    title = "Postcard"
    tasks = frozenset({Task.EDIT_TEXT, Task.SUBJECT, Task.ANIMATE_IMAGE})
    roles = {
        Task.EDIT_TEXT: Roles.of("picture", needed=False, prompt="needed", clip="optional"),
        Task.SUBJECT: Roles.of("picture", folders="images", prompt="needed", clip="refused"),
        Task.ANIMATE_IMAGE: Roles.of("picture").also(files="mask", needed=False),
    }
    Config = PostcardConfig

    def requires(self, task, config):
        """The prompt's embedding, the picture's where there is one."""
        if task == Task.ANIMATE_IMAGE:
            return {}
        return {("prompt", "text"): "clip", ("picture", "embeddings"): "clip"}

    def backbones(self, task, config):
        """Some network."""
        return ("flow",) if task == Task.EDIT_TEXT else ()

    def parts(self, task, config):
        """A prior of nothing; after it what the task reads."""
        prior = {"prior": Part(reads=frozenset())}
        if task == Task.EDIT_TEXT:
            return {**prior, "tuned": Part(("prior",), frozenset({CLIP, PROMPT, BACKBONES}))}
        if task == Task.SUBJECT:
            return {"subject": Part(reads=frozenset({INPUTS})), "head": Part(("subject",), frozenset())}
        return prior

    def check(self, task, inputs, config, job):
        """Whether the strength is one."""
        if config.strength > 1:
            raise MethodError("postcard", f"strength is {config.strength}", "use at most 1")

    def fit(self, part, inputs, config, job):
        """Remember what was seen."""
        SEEN[part] = {
            "clip": inputs.clip is not None,
            "prompt": inputs.prompt,
            "artefacts": list(inputs.artefacts),
            "models": list(job.models),
            "backbones": list(job.backbones),
        }
        return {"steps": torch.full((1,), float(config.steps))}

    def sample_many(self, task, inputs, config, seeds, job):
        """A grey of its own for every seed."""
        return [Clip(np.full((4, 12, 16, 3), seed, np.uint8), Fraction(8)) for seed in seeds]


METHOD = Postcard()
'''
