"""What Dreamix asks of a backbone, whatever it is made of: to invert a corruption, and to be tuned stage by stage."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from onereel.backbones.text_to_video import Native, text_to_video_of
from onereel.base.errors import MethodError
from onereel.base.progress import Progress, no_progress
from onereel.methods.dreamix.config import DreamixConfig
from onereel.methods.dreamix.shape import Footage
from onereel.training.adapters import Patterns, load_adapter_state, merge
from onereel.weights.store import Resolved


@dataclass(frozen=True)
class Material:
    """`Footage` as a stage sees it.

    Attributes:
        video: (C, T, H, W), or None.
        pictures: (C, 1, H, W) each.
        window: (T, H, W), the most that the stage sees at once.
        text: the rare word, as the stage reads it; ``repeated(n)`` gives n of it.
    """

    video: Tensor | None
    pictures: list[Tensor]
    window: tuple[int, int, int]
    text: Any


class Editor(ABC):
    """A pretrained model that edits videos.

    Attributes:
        stages: what can be fine-tuned.
        native: what the model was trained for.
        step: sides are multiples of so many pixels.
        device: where it computes.
        config: settings.
    """

    stages: ClassVar[tuple[str, ...]]
    native: Native
    step: int
    device: torch.device
    config: DreamixConfig

    @classmethod
    @abstractmethod
    def load(
        cls,
        weights: Resolved,
        config: DreamixConfig,
        device: torch.device,
        *,
        training: bool,
        upscaler: Resolved | None = None,
    ) -> Self:
        """The model with these weights.

        Args:
            weights: of the model.
            config: settings.
            device: where it computes.
            training: to be fine-tuned; else to be sampled.
            upscaler: of a model that edits what this one made, larger.

        Raises: WeightsError if they are damaged.
        """

    @classmethod
    @abstractmethod
    def check(
        cls,
        weights: Resolved,
        config: DreamixConfig,
        device: torch.device,
        size: tuple[int, int, int],
        *,
        tuned: bool,
        upscaler: Resolved | None = None,
    ) -> None:
        """Refuse what cannot be done, before any weight is read.

        Args:
            weights: of the model.
            config: settings.
            device: where; ``meta``: nobody knows yet.
            size: (T, H, W) of the input; zeros where there is none.
            tuned: whether stages are fine-tuned.
            upscaler: see `load`.

        Raises: MethodError, WeightsError.
        """

    @property
    def side(self) -> int:
        """Pixels of the shorter side."""
        return min(self.native.height, self.native.width)

    @abstractmethod
    def frames_for(self, count: int) -> int:
        """How many frames it sees of a clip of so many, at least as many."""

    @abstractmethod
    def network(self, stage: str) -> nn.Module:
        """What is trained of a stage."""

    @abstractmethod
    def targets(self, stage: str) -> Patterns:
        """Its layers that get adapters."""

    @abstractmethod
    def material(self, stage: str, footage: Footage) -> Material:
        """What a stage is trained on, on the device."""

    @abstractmethod
    def error(
        self, stage: str, network: nn.Module, clean: Tensor, text: Any, generator: torch.Generator, *, video: bool
    ) -> Tensor:
        """The squared error of the stage of every item of a batch (B, C, T, H, W): (B,) (Eq. 2; with ``video=False``
        Eq. 3: frames know nothing of each other, and nothing temporal is computed)."""

    @abstractmethod
    def edit(
        self,
        video: Tensor,
        prompt: str,
        strength: float,
        generator: torch.Generator,
        *,
        progress: Progress = no_progress,
    ) -> Tensor:
        """A video that was corrupted to a strength, inverted (section 4.1).

        Args:
            video: (3, T, H, W) in [-1, 1], as `onereel.methods.dreamix.shape.at_work` made it.
            prompt: what it should show.
            strength: s in [0, 1]; at 1 nothing is read of the video but its size.
            generator: all randomness, on the CPU.
            progress: watches the steps.

        Returns: (3, T, H, W) in [-1, 1], on the CPU.
        """

    @abstractmethod
    def save_memory(self) -> None:
        """Let training take less memory and more time, where that is needed."""

    def take(self, stage: str, state: Mapping[str, Tensor], where: str) -> None:
        """Take over a fine-tuned stage.

        Raises: MethodError if it is another model's.
        """
        network = self.network(stage)
        try:
            if self.config.adapter == "lora":
                load_adapter_state(network, state)
                merge(network)
            else:
                network.load_state_dict(state)
        except (ValueError, RuntimeError) as error:
            problem = f"does not fit ({str(error).splitlines()[0]})"
            raise MethodError(f"dreamix, stage '{stage}', '{where}'", problem, "train again") from None
        network.eval().requires_grad_(False)


def editor_class(weights: Resolved) -> type[Editor]:
    """Which editor a model is.

    Raises: WeightsError if it makes no videos of texts.
    """
    from onereel.backbones.cascade.pipeline import Cascade
    from onereel.backbones.text_to_video import LatentTextToVideo
    from onereel.methods.dreamix.cascade import CascadeEditor
    from onereel.methods.dreamix.latent import LatentEditor

    kind = text_to_video_of(weights)
    if issubclass(kind, Cascade):
        return CascadeEditor
    if issubclass(kind, LatentTextToVideo):
        return LatentEditor
    raise MethodError(
        f"backbone '{weights.name}'", "cannot be edited with", "choose t2v-world or one of config/backbones.yaml"
    )


def check_stages(config: DreamixConfig, known: tuple[str, ...]) -> None:
    """Refuse stages that a model does not have.

    Raises: MethodError.
    """
    if strange := [stage for stage in config.stages if stage not in known]:
        left = [stage for stage in config.stages if stage in known]
        problem = f"has no stage '{strange[0]}'"
        remedy = f"set stages=[{', '.join(left or known)}]"
        raise MethodError(f"dreamix, backbone '{config.backbone}'", problem, remedy)
