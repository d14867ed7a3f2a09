"""What a metric is, and what every metric may use: weights, device, cache."""

import hashlib
import logging
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

import numpy as np
import torch

from onereel.base import tensorfiles
from onereel.video.clip import Frames
from onereel.weights.entries import Mode
from onereel.weights.store import Resolved, Weights

Arrays = dict[str, np.ndarray]
Built = TypeVar("Built")
FlowOf = Literal["source", "sample"]
_HELD = 1 << 30  # bytes of features that stay in memory
log = logging.getLogger(__name__)


class Context:
    """Where a metric gets weights, and where it keeps what is dear to compute.

    Args:
        weights: real weights, stand-ins, or real where present.
        store: the store of weights; the project's own without one. It is opened when a metric first needs weights.
        device: where networks and searches run.
        cache: folder of statistics; None keeps them in memory only.
        prompt: what the samples should show; empty where nobody said.
        flow_of: whose motion the samples should have: an edit the source's, else their own.
        names: weights by name for some roles, instead of the first that plays one: ``{"flow": "raft-world"}``.
    """

    def __init__(
        self,
        *,
        weights: Mode = "auto",
        store: Weights | None = None,
        device: torch.device | str = "cpu",
        cache: Path | None = None,
        prompt: str = "",
        flow_of: FlowOf = "sample",
        names: Mapping[str, str] | None = None,
    ) -> None:
        self.names = dict(names or {})
        self.mode, self.device, self.cache = weights, torch.device(device), cache
        self.prompt, self.flow_of = prompt, flow_of
        self._store = store
        self._built: dict[Any, Any] = {}
        self._arrays: OrderedDict[str, Arrays] = OrderedDict()

    def resolve(self, role: str) -> Resolved:
        """The weights for a role, the same ones for the whole evaluation.

        Raises: WeightsError if the mode asks for real weights that are not here.
        """
        named = self.names.get(role)  # who names weights means them, whatever the mode
        return self.once(("weights", role), lambda: self._open().resolve(named or role, "auto" if named else self.mode))

    def once(self, key: Any, build: Callable[[], Built]) -> Built:
        """Build something (an extractor) once per evaluation."""
        if key not in self._built:
            self._built[key] = build()
        built: Built = self._built[key]
        return built

    def stored(
        self, kind: str, frames: Sequence[Frames], about: Mapping[str, Any], compute: Callable[[], Arrays]
    ) -> Arrays:
        """What `compute` returns, computed only if nothing was stored for the same content.

        Args:
            kind: what the arrays are, e.g. ``"svfid"``; part of the file's name.
            frames: the clips that they are computed from, (T, H, W, 3) uint8 each; their bytes and shapes are the key.
            about: everything else that decides the values: extractor, checksum of its weights, protocol. Not: batch
                size, device.
            compute: called where nothing is stored.
        """
        digest = hashlib.sha256(repr((kind, sorted(about.items()))).encode())
        for clip in frames:
            digest.update(repr(clip.shape).encode())
            digest.update(np.ascontiguousarray(clip).data)
        key = f"{kind}-{digest.hexdigest()[:40]}"
        arrays = self._arrays.pop(key, None) or self._load(key) or self._save(key, compute())
        self._arrays[key] = arrays  # the last of all
        self._forget()
        return arrays

    def _forget(self) -> None:
        """Let go of what was not asked for longest, so that memory does not grow with the number of clips."""
        held = sum(array.nbytes for arrays in self._arrays.values() for array in arrays.values())
        while held > _HELD and len(self._arrays) > 1:
            _, arrays = self._arrays.popitem(last=False)
            held -= sum(array.nbytes for array in arrays.values())

    def _open(self) -> Weights:
        self._store = self._store or Weights()
        return self._store

    def _load(self, key: str) -> Arrays | None:
        path = self.cache / f"{key}.safetensors" if self.cache else None
        if path is None or not path.is_file():
            return None
        try:
            return {name: tensor.numpy() for name, tensor in tensorfiles.load(path, ours=True).items()}
        except (ValueError, TypeError) as error:  # NumPy lacks some of PyTorch's types, which no metric stores
            log.warning("'%s' %s: computed again", path, error)
            return None

    def _save(self, key: str, arrays: Arrays) -> Arrays:
        if self.cache:
            tensorfiles.save_arrays(self.cache / f"{key}.safetensors", arrays)
        return arrays


class Metric(ABC):
    """One number about samples of one clip.

    Three layers, each callable alone: ``extract`` (frames to features), ``statistics`` (features to what is compared)
    and ``distance`` (to the number). What they take differs between families (one clip at a time for distances of
    feature statistics, a pair for nearest-neighbour fields); `measure` composes them.

    Attributes:
        name: key in configs and JSON.
        title: as tables print it.
        better: ``"lower"``, ``"higher"``, or None where neither is.
        scope: ``"sample"``: one value per sample; ``"run"``: one value for all samples of a run.
        unit: of the value; empty for none.
        extractor: role of the weights that it needs, or None.
        extractor_title: the extractor's name in records.
        same_size: whether a sample must have the reference's length and size for the value to be defined.
        least_frames: frames that every clip must have for it.
        most_frames: frames that no clip may exceed; None for no limit.
        needs_prompt: whether it is defined only where a prompt or caption says what to show.
        needs_reference: whether it holds samples against the clip that they were made from; samples that were made of
            a prompt alone have none.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    better: ClassVar[Literal["lower", "higher"] | None]
    scope: ClassVar[Literal["sample", "run"]] = "sample"
    unit: ClassVar[str] = ""
    extractor: ClassVar[str | None] = None
    extractor_title: ClassVar[str | None] = None
    same_size: ClassVar[bool] = False
    least_frames: ClassVar[int] = 1
    most_frames: ClassVar[int | None] = None
    needs_prompt: ClassVar[bool] = False
    needs_reference: ClassVar[bool] = True

    @abstractmethod
    def protocol(self) -> dict[str, Any]:
        """Every choice that the value depends on, JSON-ready; ``name`` identifies the whole."""

    def protocol_with(self, weights: Resolved | None) -> dict[str, Any]:
        """The protocol with these weights; the same with all where they are of one architecture."""
        return self.protocol()

    def extractor_with(self, weights: Resolved | None) -> str | None:
        """The extractor's name in records, with these weights."""
        return self.extractor_title

    @abstractmethod
    def measure(self, reference: Frames, samples: Sequence[Frames], context: Context) -> float:
        """The value; NaN where it is not defined, infinity where it has no bound.

        Args:
            reference: the input clip, (T, H, W, 3) uint8; no frames where there is none and `needs_reference` is False.
            samples: one sample for scope ``"sample"``, all samples of the run for scope ``"run"``.
            context: weights, device and cache.

        Raises: MetricError for clips that cannot be compared.
        """
