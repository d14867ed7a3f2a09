"""The one door to every search: checks the arguments, chooses the engine by device."""

from typing import Literal

import torch
from torch import Tensor

from onereel.nnf import exhaustive_numba, exhaustive_torch, patchmatch_numba, patchmatch_torch
from onereel.nnf.field import Field, Size, grid_size
from onereel.nnf.settings import SearchConfig

Engine = Literal["auto", "numba", "torch"]
_SEED_LIMIT = 1 << 31


def search(
    queries: Tensor,
    keys: Tensor,
    *,
    patch: Size = (3, 7, 7),
    method: Literal["patchmatch", "exhaustive"] | SearchConfig = "patchmatch",
    key_weights: Tensor | None = None,
    initial: Field | None = None,
    generator: torch.Generator | None = None,
    engine: Engine = "auto",
) -> Field:
    """The nearest key patch of every query patch: argmin over j of W_j D(Q_i, K_j), D the mean squared difference.

    Args:
        queries: (C, T, H, W) float32, any number of channels.
        keys: (C, T', H', W') float32 on the same device.
        patch: (pt, ph, pw); patches lie wholly inside the videos.
        method: "patchmatch" and "exhaustive" with their default settings, or settings.
        key_weights: (Tk, Hk, Wk) or flat, factor on the distance per key patch, finite and > 0 (VGPNN Eq. 1); None
            for plain distances.
        initial: PatchMatch starts from this field instead of a random one. Only its index is read.
        generator: draws PatchMatch's seed; not used by an exhaustive search.
        engine: "numba" (CPU), "torch" (either device), "auto" (numba on the CPU, torch elsewhere).

    Returns: the field. For one generator state it is the same whatever the number of threads.
    Raises: ValueError for shapes, dtypes, devices or settings that do not fit together.
    Source: VGPNN (Haim et al. 2022), section 3, "WeightedPatchMatch"; jump flooding: Rong and Tan 2006.
    """
    config = method if isinstance(method, SearchConfig) else SearchConfig(method=method)
    key_size = _check_videos(queries, keys, patch)
    weights = _check_weights(key_weights, key_size, queries.device)
    fused = _is_fused(engine, queries.device)
    queries, keys = queries.detach(), keys.detach()
    if config.method == "exhaustive":
        return (exhaustive_numba if fused else exhaustive_torch).exhaustive(queries, keys, patch, weights=weights)
    if generator is None:
        raise ValueError("PatchMatch draws candidates: pass a torch.Generator")
    query_size = grid_size(tuple(queries.shape[1:]), patch)  # type: ignore[arg-type]
    start = None if initial is None else _check_start(initial, query_size, key_size, queries.device)
    seed = int(torch.randint(_SEED_LIMIT, (1,), generator=generator, device=generator.device))
    run = (patchmatch_numba if fused else patchmatch_torch).patchmatch
    return run(queries, keys, patch, config, weights=weights, initial=start, seed=seed)


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


def _check_start(initial: Field, query_size: Size, key_size: Size, device: torch.device) -> Tensor:
    if initial.query_size != query_size or initial.key_size != key_size:
        raise ValueError(
            f"the initial field maps {initial.query_size} into {initial.key_size}, "
            f"the search {query_size} into {key_size}"
        )
    return initial.positions().to(device)


def _is_fused(engine: Engine, device: torch.device) -> bool:
    match engine:
        case "auto":
            return device.type == "cpu"
        case "torch":
            return False
        case "numba" if device.type == "cpu":
            return True
        case "numba":
            raise ValueError(f"the numba engine runs on the CPU, the videos are on {device}; take engine 'torch'")
        case other:
            raise ValueError(f"engine must be auto, numba or torch, got {other!r}")
