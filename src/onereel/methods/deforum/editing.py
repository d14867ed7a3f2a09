"""Frames one after the other, each from the last result."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from onereel.methods.deforum.config import DeforumConfig
from onereel.methods.deforum.motion import camera_flow
from onereel.methods.sdedit.editing import Editing
from onereel.video.warping import fetch


def edited(editing: Editing, config: DeforumConfig, generator: torch.Generator) -> Tensor:
    """Pictures (T, 3, h, w) in [-1, 1].

    Args:
        editing: with depth.
        config: settings.
        generator: draws the noise of every frame.
    """
    noise, flows = editing.noise(generator), backward_flows(editing, config)
    first = editing.renewed(editing.latents[:1], noise[:1], config.first_strength, slice(0, 1))
    found = [editing.decode(first)]
    for index, flow in enumerate(flows, start=1):
        moved = moved_along(found[-1], flow)
        if config.colours == "first":
            moved = with_colours_of(moved, found[0])
        frame = slice(index, index + 1)
        renewed = editing.renewed(editing.encode(moved), noise[frame], config.strength, frame)
        found.append(editing.decode(renewed))
    return torch.cat(found)


def backward_flows(editing: Editing, config: DeforumConfig) -> list[Tensor]:
    """How the last result moves, for every frame but the first: (h, w, 2) pixels (dx, dy), see
    `Editing.backward_flow`."""
    if config.motion == "flow":
        return list(editing.backward_flow)
    pairs = zip(editing.backward_flow, editing.depth[1:], strict=True)
    return [camera_flow(flow, depth, field_of_view=config.field_of_view) for flow, depth in pairs]


def moved_along(picture: Tensor, flow: Tensor) -> Tensor:
    """A picture (1, 3, h, w) fetched along a backward flow (h, w, 2); from outside come the border's colours."""
    return fetch(picture, flow[None].to(picture.device))[0]


def with_colours_of(picture: Tensor, model: Tensor) -> Tensor:
    """A picture (1, 3, h, w) in [-1, 1] with the histograms of another, channel by channel in CIELAB."""
    from skimage.color import lab2rgb, rgb2lab  # takes a second to load
    from skimage.exposure import match_histograms

    one, other = (rgb2lab(((each[0].permute(1, 2, 0) + 1) / 2).cpu().double().numpy()) for each in (picture, model))
    matched = lab2rgb(match_histograms(one, other, channel_axis=-1)).astype(np.float32)
    return (2 * torch.from_numpy(matched).permute(2, 0, 1) - 1)[None].to(picture)
