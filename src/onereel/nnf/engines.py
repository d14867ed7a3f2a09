"""The one door to every search: checks the arguments, chooses the engine by device."""

from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from typing import Literal

import torch
from torch import Tensor

from onereel.nnf import draws, exhaustive_numba, exhaustive_torch, patchmatch_numba, patchmatch_torch
from onereel.nnf.field import Field, Size, grid_size
from onereel.nnf.rounding import STEP, to_bytes
from onereel.nnf.settings import SearchConfig

Engine = Literal["auto", "numba", "torch", "triton"]
_SEED_LIMIT = 1 << 31


def search(
    queries: Tensor,
    keys: Tensor,
    *,
    patch: Size = (3, 7, 7),
    method: Literal["patchmatch", "exhaustive"] | SearchConfig = "patchmatch",
    key_weights: Tensor | None = None,
    key_mask: Tensor | None = None,
    initial: Field | None = None,
    generator: torch.Generator | None = None,
    engine: Engine = "auto",
) -> Field:
    """The nearest key patch of every query patch: argmin over j of W_j D(Q_i, K_j), D the mean squared difference.

    Args:
        queries: (C, T, H, W) float32, any number of channels; with precision "uint8" in [-1, 1].
        keys: (C, T', H', W') float32 on the same device.
        patch: (pt, ph, pw); patches lie wholly inside the videos.
        method: "patchmatch" and "exhaustive" with their default settings, or settings.
        key_weights: (Tk, Hk, Wk) or flat, factor on the distance per key patch, finite and > 0 (VGPNN Eq. 1); None
            for plain distances.
        key_mask: (Tk, Hk, Wk) bool, True where a key patch may be taken, at least once; None: everywhere.
        initial: PatchMatch starts from this field instead of a random one. Only its index is read.
        generator: draws PatchMatch's seed; not used by an exhaustive search.
        engine: "numba" (CPU), "triton" (CUDA), "torch" (any device), "auto" (numba on the CPU; on CUDA triton where it
            is installed, else torch).

    Returns: the field. For one generator state it is the same whatever the number of threads.
    Raises: ValueError for shapes, dtypes, devices or settings that do not fit together.
    Source: VGPNN (Haim et al. 2022), section 3, "WeightedPatchMatch"; jump flooding: Rong and Tan 2006.
    """
    config = method if isinstance(method, SearchConfig) else SearchConfig(method=method)
    key_size = _check_videos(queries, keys, patch)
    weights = _check_weights(key_weights, key_size, queries.device)
    mask = _check_mask(key_mask, key_size, queries.device)
    chosen = engine_for(engine, queries.device)
    queries, keys = queries.detach(), keys.detach()
    if config.precision == "uint8":
        queries, keys = to_bytes(queries), to_bytes(keys)
    costs = _with_mask(weights, mask)
    if config.method == "exhaustive":
        return _in_units(_exhaustive(chosen)(queries.float(), keys.float(), patch, weights=costs), config)
    if generator is None:
        raise ValueError("PatchMatch draws candidates: pass a torch.Generator")
    query_size = grid_size(tuple(queries.shape[1:]), patch)  # type: ignore[arg-type]
    seed = int(torch.randint(_SEED_LIMIT, (1,), generator=generator, device=generator.device))
    start = _start(initial, query_size, key_size, mask, seed, queries.device)
    field = _patchmatch(chosen)(queries, keys, patch, config, weights=costs, start=start, seed=seed)
    return _in_units(field, config)


def completeness_weights(
    queries: Tensor,
    keys: Tensor,
    alpha: float,
    *,
    patch: Size = (3, 7, 7),
    method: Literal["patchmatch", "exhaustive"] | SearchConfig = "patchmatch",
    generator: torch.Generator | None = None,
    engine: Engine = "auto",
) -> Tensor:
    """W_j = 1 / (alpha + min over l of D(Q_l, K_j)): keys that no query resembles become cheap.

    Args:
        queries: (C, T, H, W) float32.
        keys: (C, T', H', W') float32 on the same device.
        alpha: degree of completeness in squared units of the videos, > 0; smaller favours unused keys.
        patch: (pt, ph, pw).
        method: how to search for the minimum, from keys to queries.
        generator: as in `search`.
        engine: as in `search`.

    Returns: (Tk, Hk, Wk) float32.
    Raises: ValueError as in `search`, or if alpha is not positive.
    Source: VGPNN, Eq. 2 (after GPNN, Granot et al. 2022), the minimum found by PatchMatch as the paper does.
    """
    if not alpha > 0:
        raise ValueError(f"alpha must be positive, got {alpha}")
    nearest = search(keys, queries, patch=patch, method=method, generator=generator, engine=engine)
    return 1 / (alpha + nearest.distance)


def _check_videos(queries: Tensor, keys: Tensor, patch: Size) -> Size:
    for name, video in (("queries", queries), ("keys", keys)):
        if video.ndim != 4 or video.dtype != torch.float32:
            raise ValueError(f"{name} must be (C, T, H, W) float32, got {tuple(video.shape)} {video.dtype}")
        if not bool(video.isfinite().all()):
            raise ValueError(f"{name} hold NaN or infinity")
    if queries.shape[0] != keys.shape[0] or queries.device != keys.device:
        raise ValueError(
            f"queries ({queries.shape[0]} channels, {queries.device}) and keys ({keys.shape[0]} channels, "
            f"{keys.device}) must match"
        )
    grid_size(tuple(queries.shape[1:]), patch)  # type: ignore[arg-type]
    return grid_size(tuple(keys.shape[1:]), patch)  # type: ignore[arg-type]


def _check_weights(weights: Tensor | None, key_size: Size, device: torch.device) -> Tensor | None:
    if weights is None:
        return None
    if weights.numel() != key_size[0] * key_size[1] * key_size[2]:
        raise ValueError(f"key_weights must have one value per key of {key_size}, got shape {tuple(weights.shape)}")
    if not bool((weights.isfinite() & (weights > 0)).all()):
        raise ValueError("key_weights must be finite and positive")
    return weights.detach().to(device, torch.float32).reshape(key_size)


def _check_mask(mask: Tensor | None, key_size: Size, device: torch.device) -> Tensor | None:
    if mask is None:
        return None
    if mask.dtype != torch.bool or tuple(mask.shape) != key_size:
        raise ValueError(f"key_mask must be {key_size} bool, got {tuple(mask.shape)} {mask.dtype}")
    if not bool(mask.any()):
        raise ValueError("key_mask allows no key")
    return mask.to(device)


def _with_mask(weights: Tensor | None, mask: Tensor | None) -> Tensor | None:
    """Weights that are infinite where a key must not be taken: no engine needs to know of masks."""
    if mask is None:
        return weights
    plain = torch.ones(mask.shape, device=mask.device) if weights is None else weights
    return plain.masked_fill(~mask, torch.inf)


def _start(
    initial: Field | None, query_size: Size, key_size: Size, mask: Tensor | None, seed: int, device: torch.device
) -> Tensor:
    """(Tq, Hq, Wq) int64: the key that every query starts from; one that may not be taken is drawn anew."""
    count = query_size[0] * query_size[1] * query_size[2]
    start = draws.start(key_size, count, seed, device).reshape(query_size)
    if initial is not None:
        start = _check_initial(initial, query_size, key_size, device)
    if mask is None:
        return start
    allowed = mask.reshape(-1).nonzero()[:, 0]
    drawn = draws.below(draws.draw(draws.query_keys(seed, 0, count, device), 3), len(allowed)).reshape(query_size)
    return torch.where(mask.reshape(-1)[start], start, allowed[drawn])


def _in_units(field: Field, config: SearchConfig) -> Field:
    return replace(field, distance=field.distance * STEP**2) if config.precision == "uint8" else field


def _check_initial(initial: Field, query_size: Size, key_size: Size, device: torch.device) -> Tensor:
    if initial.query_size != query_size or initial.key_size != key_size:
        raise ValueError(
            f"the initial field maps {initial.query_size} into {initial.key_size}, "
            f"the search {query_size} into {key_size}"
        )
    return initial.index.to(device)


def engine_for(engine: Engine, device: torch.device) -> Literal["numba", "torch", "triton"]:
    """What an engine's name stands for on a device.

    Raises: ValueError if there is no such engine there.
    """
    match engine:
        case "auto" if device.type == "cpu":
            return "numba"
        case "auto":
            return "triton" if device.type == "cuda" and find_spec("triton") else "torch"
        case "torch":
            return "torch"
        case "triton":
            _check_triton(device)
            return "triton"
        case "numba" if device.type == "cpu":
            return "numba"
        case "numba":
            raise ValueError(f"the numba engine runs on the CPU, the videos are on {device}; take engine 'auto'")
        case other:
            raise ValueError(f"engine must be auto, numba, torch or triton, got {other!r}")


def _check_triton(device: torch.device) -> None:
    if find_spec("triton") is None:
        raise ValueError("the triton engine needs the package triton; install it, or take engine 'auto'")
    if device.type == "cuda":
        return
    import triton

    # Triton decides when it is first imported whether it interprets kernels, its own `sum` among them.
    if device.type != "cpu" or isinstance(triton.language.sum, triton.JITFunction):
        raise ValueError(
            f"the triton engine runs on CUDA, the videos are on {device}; take engine 'auto', or set "
            "TRITON_INTERPRET=1 before Python starts to run its kernels slowly on the CPU"
        )


# Triton is imported only where it is used: not every machine has it.


def _patchmatch(engine: Literal["numba", "torch", "triton"]) -> Callable[..., Field]:
    if engine == "triton":
        from onereel.nnf import patchmatch_triton

        return patchmatch_triton.patchmatch
    return {"numba": patchmatch_numba.patchmatch, "torch": patchmatch_torch.patchmatch}[engine]


def _exhaustive(engine: Literal["numba", "torch", "triton"]) -> Callable[..., Field]:
    if engine == "triton":
        from onereel.nnf import exhaustive_triton

        return exhaustive_triton.exhaustive
    return {"numba": exhaustive_numba.exhaustive, "torch": exhaustive_torch.exhaustive}[engine]
