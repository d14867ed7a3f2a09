"""What a stand-in is: a network of a real model's class, a loss on rendered worlds, scores on unseen ones."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import nn

from onereel.base.progress import Progress
from onereel.training.settings import TrainingConfig
from onereel.weights.store import Resolved


class StandIn(ABC):
    """One small network that this project trains.

    Attributes:
        name: its own: the entry's, with ``-PART`` after it where the entry has several parts.
        entry: its entry in ``config/weights.yaml``; empty: `name`.
        part: which part of the entry it is.
        needs: names of stand-ins, trained before it, that its training reads.
        borrows: those of them that are of another entry, and that its scores read, too.
        title: as tables print it.
        role: what it is for, as in the sheet.
        steps: of training.
        training: how its loss is descended.
        half: whether its tensors are stored as float16.
        at_least, at_most: bounds of scores that tests ask for.
        about: lines of the model card: what it is, what it was trained on, where it fails.
    """

    name: ClassVar[str]
    entry: ClassVar[str] = ""
    part: ClassVar[str] = "model"
    needs: ClassVar[tuple[str, ...]] = ()
    borrows: ClassVar[tuple[str, ...]] = ()
    title: ClassVar[str]
    role: ClassVar[str]
    steps: ClassVar[int]
    training: ClassVar[TrainingConfig]
    half: ClassVar[bool] = False
    at_least: ClassVar[Mapping[str, float]] = {}
    at_most: ClassVar[Mapping[str, float]] = {}
    about: ClassVar[Mapping[str, str]]

    @abstractmethod
    def network(self) -> nn.Module:
        """The untrained network, with any layers that only the training needs."""

    def begin(self, network: nn.Module, needed: Mapping[str, Resolved]) -> None:  # noqa: B027 # few have a stage before
        """Put what an earlier stage learned into the untrained network; by default nothing.

        Args:
            network: what `network` returned.
            needed: the stand-ins that it needs, by name.
        """

    @abstractmethod
    def data(self, progress: Progress, needed: Mapping[str, Resolved]) -> Any:
        """What the loss draws from, the same for every call.

        Args:
            progress: watches rendering.
            needed: the stand-ins that it needs, by name.
        """

    @abstractmethod
    def loss(self, network: nn.Module, data: Any, generator: torch.Generator, done: float) -> torch.Tensor:
        """A scalar on one batch.

        Args:
            network: in training.
            data: what `data` returned.
            generator: where all randomness comes from, on the CPU.
            done: share of the training's steps that lie behind, in [0, 1).
        """

    def finished(self, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """What is stored of the trained tensors."""
        return tensors

    @abstractmethod
    def scores(self, weights: Resolved, *, device: torch.device | str = "cpu", clips: int = 256) -> dict[str, float]:
        """How well weights do on worlds that nobody trained on, through the code that users of the weights run.

        Args:
            weights: of this entry; of an entry with several parts, those that are there, its own among them.
            device: where to run.
            clips: how many worlds.
        """
