"""What content is: an image embedding of CLIP, of a picture or, through the prior, of a text (section 3.3)."""

import torch
from torch import Tensor

from onereel.backbones.prior import ImagePrior
from onereel.base.errors import MethodError
from onereel.features.text_image import ClipEmbedder
from onereel.methods.base import Inputs, Job
from onereel.methods.gen1.config import Gen1Config
from onereel.training.loop import generator_of

CONTENT, IMAGES = "content", "images"
_PRIOR = 1  # stream of the prior's draws: noise draws from the seed itself, so that prompts share it


class Contents:
    """What a run's samples show, and what they avoid.

    Args:
        inputs: a prompt, or the input ``content``, a picture or a frame of a video; else ``images``, of whose pictures
            the mean embedding is taken.
        config: settings.
        job: weights of CLIP and the prior.
    """

    def __init__(self, inputs: Inputs, config: Gen1Config, job: Job) -> None:
        self._config, self._prompt = config, inputs.prompt
        embedder = ClipEmbedder(job.backbone(config.clip), device=job.device)
        self._shown = None if inputs.prompt else shown_content(inputs, config, embedder)
        wanted = bool(inputs.prompt or config.negative_prompt)
        self._prior = ImagePrior(job.backbone(config.prior), embedder) if wanted else None
        self._none = torch.zeros(1, embedder.dimension, device=job.device)

    def of(self, seed: int) -> Tensor:
        """(1, D): what the sample of a seed shows; the prior draws one of the pictures that a text may mean."""
        return self._said(self._prompt, seed) if self._shown is None else self._shown

    def avoided(self, seed: int) -> Tensor:
        """(1, D): zeros, as in training, or the negative prompt's."""
        negative = self._config.negative_prompt
        return self._said(negative, seed) if negative else self._none

    def _said(self, text: str, seed: int) -> Tensor:
        assert self._prior is not None
        return self._prior.image_embeddings(
            [text],
            [generator_of(seed, 0, _PRIOR)],
            num_inference_steps=self._config.prior_steps,
            guidance_scale=self._config.prior_guidance,
        )


def shown_content(inputs: Inputs, config: Gen1Config, embedder: ClipEmbedder) -> Tensor:
    """(1, D), with CLIP's own length.

    Raises: MethodError if the content's video has no such frame, ClipError if it cannot be read.
    """
    if CONTENT not in (*inputs.clips, *inputs.files):
        pictures = read_pictures(inputs)
        return torch.cat([embedder.raw_images(picture) for picture in pictures]).mean(0, keepdim=True)
    return embedder.raw_images(content_picture(inputs, config)).to(embedder.device)


def content_picture(inputs: Inputs, config: Gen1Config):  # type: ignore[no-untyped-def]
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


def read_pictures(inputs: Inputs):  # type: ignore[no-untyped-def]
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
