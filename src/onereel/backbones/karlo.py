"""Karlo's prior, from a text to a CLIP image embedding: diffusers' ``PriorTransformer`` with the CLIP text encoder that
it was trained with, driven as ``UnCLIPPipeline`` drives them (Ramesh et al. 2022, section 2.2).

On the published weights nobody has yet seen this; on tiny random ones a test holds it to that pipeline.
"""

from collections.abc import Sequence
from typing import Any, Self

import torch
from torch import Tensor

from onereel.backbones.loading import load_component, meta_component
from onereel.backbones.prior import Said, predicted
from onereel.backbones.text import load_tokenizer
from onereel.backbones.text_to_video import default_dtype, parameters_dtype
from onereel.base.errors import MethodError, WeightsError
from onereel.base.files import read_json
from onereel.base.tensorfiles import first_line
from onereel.diffusion.guidance import CONDITIONAL, UNCONDITIONAL, Branch, classifier_free_weights, combined
from onereel.weights.store import Resolved

FAMILY = "prior"
_FEWEST = 2  # steps: its timesteps include the first and the last


class KarloPrior:
    """A published prior.

    Args:
        network: diffusers' ``PriorTransformer``.
        encoder: transformers' ``CLIPTextModelWithProjection``.
        tokenizer: its tokenizer.
        scheduler: diffusers' ``UnCLIPScheduler``: ancestral sampling, clamped.
        device: where to compute.
    """

    def __init__(
        self, network: Any, encoder: Any, tokenizer: Any, scheduler: Any, *, device: torch.device | str = "cpu"
    ) -> None:
        self.device = torch.device(device)
        self.network, self.encoder = network.to(self.device), encoder.to(self.device)
        self.tokenizer, self._scheduler = tokenizer, scheduler

    @classmethod
    def load(cls, weights: Resolved, *, device: torch.device | str = "cpu", dtype: torch.dtype | None = None) -> Self:
        """The prior of these weights; in float32 on the CPU, else in bfloat16, where `dtype` says nothing.

        Raises: WeightsError if files are missing, damaged, or of another model.
        """
        dtype = dtype or default_dtype(device)
        network: Any = load_component(weights, "prior", dtype)
        if not network.clip_std.any():  # as a new network has it: all embeddings would be zeros
            problem = "has no spread of image embeddings"
            raise WeightsError(f"weights '{weights.name}', prior", problem, "fetch it again")
        encoder = load_component(weights, "text_encoder", dtype)
        return cls(network, encoder, load_tokenizer(weights), _scheduler_of(weights), device=device)

    @torch.inference_mode()
    def image_embeddings(
        self,
        prompts: Sequence[str],
        generators: Sequence[torch.Generator],
        *,
        num_inference_steps: int = 25,
        guidance_scale: float = 4.0,
        negative_prompt: str = "",
    ) -> Tensor:
        """Image embeddings (N, D) float32 of N prompts, with CLIP's own length; generator i alone decides number i.

        Args:
            prompts: N texts; what is beyond 77 tokens is cut off.
            generators: on the CPU.
            num_inference_steps: 2 or more (published: 25).
            guidance_scale: 1 is none (published: 4).
            negative_prompt: what guidance leads away from.

        Raises: MethodError for fewer steps.
        """
        if num_inference_steps < _FEWEST:
            raise MethodError("Karlo's prior", f"takes {_FEWEST} steps or more", f"raise {num_inference_steps}")
        told = (num_inference_steps, guidance_scale)
        pairs = zip(prompts, generators, strict=True)
        return torch.cat([self._one(prompt, negative_prompt, drawn, *told) for prompt, drawn in pairs])

    def _one(self, prompt: str, avoided: str, drawn: torch.Generator, steps: int, guidance_scale: float) -> Tensor:
        dtype, width = parameters_dtype(self.network), self.network.config.embedding_dim

        def network(noisy: Tensor, timestep: int, conditions: Sequence[Said]) -> Tensor:
            said = Said(*map(torch.cat, zip(*conditions, strict=True)))
            times = torch.full((len(noisy),), timestep, device=noisy.device)
            return predicted(self.network, noisy.to(dtype), times, said).float()

        branches = {
            CONDITIONAL: Branch(network, self._read(prompt)),
            UNCONDITIONAL: Branch(network, self._read(avoided)),
        }
        predict = combined(branches, classifier_free_weights(guidance_scale))
        self._scheduler.set_timesteps(steps)
        times = [int(each) for each in self._scheduler.timesteps]
        current = torch.randn((1, width), generator=drawn).to(self.device) * self._scheduler.init_noise_sigma
        for time, later in zip(times, [*times[1:], None], strict=True):
            said = predict(current, time)
            current = self._scheduler.step(said, time, current, prev_timestep=later, generator=drawn).prev_sample
        found: Tensor = self.network.post_process_latents(current).float()
        return found

    def _read(self, text: str) -> Said:
        """A text as CLIP reads it, padded to 77 tokens."""
        tokens = self.tokenizer(
            [text],
            padding="max_length",
            max_length=self.tokenizer.model_max_length,
            truncation=True,
            return_tensors="pt",
        )
        answer = self.encoder(tokens.input_ids.to(self.device))
        return Said(answer.text_embeds, answer.last_hidden_state, tokens.attention_mask.bool().to(self.device))


def is_karlo(weights: Resolved) -> bool:
    """Whether weights are of a published prior, and not `prior-world`'s."""
    return getattr(weights.entry, "family", "") == FAMILY


def bytes_of(weights: Resolved, dtype: torch.dtype) -> int:
    """What the weights of a prior take; nothing of them but configurations is read."""
    networks = (meta_component(weights, folder, dtype) for folder in ("prior", "text_encoder"))
    return sum(each.numel() * each.element_size() for network in networks for each in network.parameters())


def _scheduler_of(weights: Resolved) -> Any:
    from diffusers import UnCLIPScheduler  # seconds; only jobs that need it wait for it

    try:
        return UnCLIPScheduler.from_config(read_json(weights.subfolder("prior_scheduler") / "scheduler_config.json"))
    except (OSError, ValueError, TypeError) as error:
        problem = f"its scheduler cannot be read ({first_line(error)})"
        raise WeightsError(f"weights '{weights.name}'", problem, f"run: onereel weights fetch {weights.name}") from None
