"""Prompts as the published encoders read them: CLIP (ModelScope, Stable Diffusion), T5 (Latte), UMT5 (Wan)."""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from onereel.backbones.families import family_of
from onereel.base.errors import WeightsError
from onereel.base.tensorfiles import first_line
from onereel.weights.store import Resolved


@dataclass(frozen=True)
class Text:
    """Encoded prompts.

    Attributes:
        states: (B, L, D), one vector for each token.
        mask: (B, L) bool, true where a token is one of the prompt's; false: padding.
    """

    states: Tensor
    mask: Tensor

    @classmethod
    def joined(cls, texts: Sequence["Text"]) -> "Text":
        """Several batches as one."""
        return cls(torch.cat([text.states for text in texts]), torch.cat([text.mask for text in texts]))

    def repeated(self, times: int) -> "Text":
        """Every prompt so many times in a row."""
        return Text(self.states.repeat_interleave(times, 0), self.mask.repeat_interleave(times, 0))

    def apart(self) -> list["Text"]:
        """One batch of each prompt."""
        pairs = zip(self.states.split(1), self.mask.split(1), strict=True)
        return [Text(states, mask) for states, mask in pairs]

    def to(self, device: torch.device | str) -> "Text":
        """On another device."""
        return Text(self.states.to(device), self.mask.to(device))


@dataclass(frozen=True)
class PromptEncoder:
    """A tokenizer and the network that reads its tokens.

    Attributes:
        tokenizer: of transformers.
        encoder: of transformers.
        length: tokens that every prompt is padded or cut to.
        sees_padding: whether the network was trained to read the padding, too.
        blank: whether the vectors of padding are set to zero afterwards.
        lower: whether it was trained on small letters alone.
    """

    tokenizer: Any
    encoder: Any
    length: int
    sees_padding: bool = False
    blank: bool = False
    lower: bool = False

    @torch.no_grad()
    def __call__(self, prompts: Sequence[str]) -> Text:
        """Encode prompts, each as it would be alone: (B, length, D)."""
        device = next(self.encoder.parameters()).device
        cleaned = [" ".join(html.unescape(prompt).split()) for prompt in prompts]
        cleaned = [text.lower() for text in cleaned] if self.lower else cleaned
        tokens = self.tokenizer(
            cleaned, padding="max_length", max_length=self.length, truncation=True, return_tensors="pt"
        )
        mask = tokens.attention_mask.bool().to(device)
        seen = None if self.sees_padding else mask.long()
        each = [
            self.encoder(ids[None].to(device), attention_mask=None if seen is None else seen[index][None])[0]
            for index, ids in enumerate(tokens.input_ids)
        ]
        states: Tensor = torch.cat(each)
        return Text(states * mask[..., None] if self.blank else states, mask)


def clip(tokenizer: Any, encoder: Any) -> PromptEncoder:
    """CLIP's text encoder; 77 tokens, padding is read as words are, as Stable Diffusion was trained."""
    masked = getattr(encoder.config, "use_attention_mask", False)
    return PromptEncoder(tokenizer, encoder, 77, sees_padding=not masked)


def t5(tokenizer: Any, encoder: Any) -> PromptEncoder:
    """T5 as Latte reads it: 120 tokens of small letters (diffusers' ``LattePipeline``)."""
    return PromptEncoder(tokenizer, encoder, 120, lower=True)


def umt5(tokenizer: Any, encoder: Any) -> PromptEncoder:
    """UMT5 as Wan reads it: 512 tokens, zeros after the last word (diffusers' ``WanPipeline``)."""
    return PromptEncoder(tokenizer, encoder, 512, blank=True)


def load_tokenizer(weights: Resolved) -> Any:
    """The tokenizer of a fetched model.

    Raises: WeightsError in one line if its files are missing or damaged.
    """
    import transformers

    where = f"weights '{weights.name}', tokenizer"
    kind = family_of(where, getattr(weights.entry, "family", "")).vocabulary
    try:
        return getattr(transformers, kind).from_pretrained(weights.subfolder("tokenizer"), local_files_only=True)
    except (OSError, ValueError, TypeError, ImportError, KeyError) as error:
        problem = f"cannot be read as a {kind} ({first_line(error)})"
        raise WeightsError(where, problem, f"run: onereel weights fetch {weights.name}") from None
