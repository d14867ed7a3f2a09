"""What content is: an image embedding of CLIP, of a picture or, through the prior, of a text (section 3.3)."""

from typing import Protocol

import torch
from torch import Tensor

from onereel.backbones.karlo import KarloPrior, is_karlo
from onereel.backbones.prior import ImagePrior
from onereel.base.errors import MethodError
from onereel.features.text_image import ClipEmbedder
from onereel.methods.base import Inputs, Job, Task
from onereel.methods.gen1.config import VideoEditorConfig
from onereel.training.loop import generator_of
from onereel.video.clip import Frames

CONTENT, IMAGES = "content", "images"
_PRIOR = 1  # stream of the prior's draws: noise draws from the seed itself, so that prompts share it


class Reader(Protocol):
    """What reads pictures.

    Attributes:
        dimension: of its embeddings.
    """

    dimension: int

    def raw_images(self, frames: Frames) -> Tensor:
        """Embeddings (T, D) of frames (T, H, W, 3) uint8, with CLIP's own length."""
        ...


class Contents:
    """What a run's samples show, and what they avoid.

    Args:
        inputs: a prompt, or the input ``content``, a picture or a frame of a video; else ``images``, of whose pictures
            the mean embedding is taken.
        config: settings.
        job: weights of the prior, and of CLIP.
        reader: what the video model reads contents of; None: the CLIP of the settings.
    """

    def __init__(self, inputs: Inputs, config: VideoEditorConfig, job: Job, reader: Reader | None = None) -> None:
        self._config, self._prompt = config, inputs.prompt
        reader = reader or ClipEmbedder(job.backbone(config.clip), device=job.device)
        self._shown = None if inputs.prompt else shown_content(inputs, config, reader).to(job.device)
        wanted = bool(inputs.prompt or config.negative_prompt)
        self._prior = prior_of(config, job, reader) if wanted else None
        self._none = torch.zeros(1, reader.dimension, device=job.device)

    def of(self, seed: int) -> Tensor:
        """(1, D): what the sample of a seed shows; the prior draws one of the pictures that a text may mean."""
        return self._said(self._prompt, seed) if self._shown is None else self._shown

    def avoided(self, seed: int) -> Tensor:
        """(1, D): zeros, as in training, or the negative prompt's."""
        negative = self._config.negative_prompt
        return self._said(negative, seed) if negative else self._none

    def _said(self, text: str, seed: int) -> Tensor:
        assert self._prior is not None
        found = self._prior.image_embeddings(
            [text],
            [generator_of(seed, 0, _PRIOR)],
            num_inference_steps=self._config.prior_steps,
            guidance_scale=self._config.prior_guidance,
        )
        if (width := found.shape[1]) != (wanted := self._none.shape[1]):
            problem = f"says embeddings of {width} numbers, the model reads {wanted}"
            raise MethodError(f"gen1, prior '{self._config.prior}'", problem, "choose the prior of the model's CLIP")
        return found


def check_content(method: str, task: Task, inputs: Inputs, config: VideoEditorConfig) -> None:
    """Refuse a run without content or with two, and a content that cannot be read.

    Args:
        method: whose task; for errors.
        task: what is asked for; `customise` does without content.
        inputs: prompt, and the input ``content``.
        config: settings.

    Raises: MethodError, ClipError in one line.
    """
    where, given = f"{method}, task '{task}'", CONTENT in (*inputs.clips, *inputs.files)
    if given and inputs.prompt:
        problem = "has a prompt and the input 'content', and both say what it shows"
        raise MethodError(where, problem, "leave one of them out")
    if not given and not inputs.prompt and task != Task.CUSTOMISE:
        problem = "nothing says what it is to show"
        raise MethodError(where, problem, "give a prompt, or content=FILE or content=clip:NAME")
    if given:
        content_picture(inputs, config)


def prior_of(config: VideoEditorConfig, job: Job, reader: Reader) -> ImagePrior | KarloPrior:
    """What makes an image embedding of a text.

    Raises: WeightsError if its weights are missing or damaged.
    """
    weights = job.backbone(config.prior)
    if is_karlo(weights):
        return KarloPrior.load(weights, device=job.device)
    if not isinstance(reader, ClipEmbedder):
        reader = ClipEmbedder(job.backbone(config.clip), device=job.device)
    return ImagePrior(weights, reader)


def shown_content(inputs: Inputs, config: VideoEditorConfig, reader: Reader) -> Tensor:
    """(1, D), with CLIP's own length.

    Raises: MethodError if the content's video has no such frame, ClipError if it cannot be read.
    """
    if CONTENT not in (*inputs.clips, *inputs.files):
        pictures = read_pictures(inputs)
        return torch.cat([reader.raw_images(picture) for picture in pictures]).mean(0, keepdim=True)
    return reader.raw_images(content_picture(inputs, config))


def content_picture(inputs: Inputs, config: VideoEditorConfig) -> Frames:
    """The picture that is the content: (1, H, W, 3) uint8.

    Raises: MethodError if its video has no such frame, ClipError if it cannot be read.
    """
    clip = inputs.shown(CONTENT)
    assert clip is not None
    count, index = len(clip.frames), config.content_frame
    if not -count <= index < count:
        problem = f"the content has {count} frame{'s' * (count > 1)}"
        raise MethodError(f"gen1, content_frame {index}", problem, f"choose {-count} to {count - 1}")
    return clip.frames[[index]]


def read_pictures(inputs: Inputs) -> list[Frames]:
    """The pictures of the folder ``images``, each (1, H, W, 3) uint8, by name.

    Raises: ClipError for one that cannot be read, MethodError if there are none.
    """
    from onereel import ingest

    folder = inputs.files[IMAGES]
    paths = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    if not paths:
        raise MethodError(
            f"gen1, input '{IMAGES}'", f"'{folder}' holds no pictures", "put 15 to 30 of the subject there"
        )
    return [ingest.load(path, allow_single=True).frames[:1] for path in paths]
