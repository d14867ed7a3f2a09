"""From CLIP's text embeddings to its image embeddings: unCLIP's diffusion prior (Ramesh et al. 2022, section 2.2).

The network is diffusers' ``PriorTransformer``, driven here as ``UnCLIPPipeline`` drives Karlo's: it reads the embedding
of the whole text and one state a token, and says the image embedding without noise.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from onereel.diffusion.guidance import CONDITIONAL, UNCONDITIONAL, Branch, classifier_free_weights, combined
from onereel.diffusion.process import Process
from onereel.diffusion.samplers import ddim, timesteps_of
from onereel.diffusion.settings import ProcessConfig
from onereel.features.seeded import load_frozen
from onereel.features.text_image import ClipEmbedder
from onereel.weights.store import Resolved

ROLE = "image-prior"
PROCESS = ProcessConfig(
    num_train_timesteps=1000, beta_schedule="cosine", prediction_type="sample", clip_sample=False
)  # fmt: skip
PRIOR_WORLD: Mapping[str, Any] = {
    "embedding_dim": 256,
    "num_embeddings": 32,
    "num_attention_heads": 3,
    "attention_head_dim": 64,
    "num_layers": 4,
}
"""Of ``PriorTransformer``: `clip-world`'s embeddings, and as many tokens as its captions have."""


class Said(NamedTuple):
    """N texts as CLIP reads them.

    Attributes:
        whole: (N, D), one embedding each, of its own length.
        states: (N, L, D), one vector a token, in the space of the embeddings.
        known: (N, L) bool, false after the end.
    """

    whole: Tensor
    states: Tensor
    known: Tensor


class ImagePrior:
    """A prior, and the CLIP model that it was trained for.

    Args:
        weights: of entry `prior-world`.
        embedder: the CLIP model that reads the texts.

    Raises: WeightsError if the tensors are not those of the network.
    """

    def __init__(self, weights: Resolved, embedder: ClipEmbedder) -> None:
        tensors = {name: value.float() for name, value in weights.tensors().items()}
        self.network: Any = load_frozen(new_prior(), weights, tensors).to(embedder.device)
        self.embedder = embedder
        self._process = Process(PROCESS)

    @torch.inference_mode()
    def image_embeddings(
        self,
        prompts: Sequence[str],
        generators: Sequence[torch.Generator],
        *,
        num_inference_steps: int = 25,
        guidance_scale: float = 1.0,
        negative_prompt: str = "",
    ) -> Tensor:
        """Image embeddings (N, D) float32 of N prompts, not brought to length 1; generator i alone decides number i."""
        length = self.network.config.num_embeddings
        asked, avoided = (
            read_texts(self.embedder, texts, length) for texts in (prompts, [negative_prompt] * len(prompts))
        )

        def network(noisy: Tensor, timestep: int, conditions: Sequence[Said]) -> Tensor:
            said = Said(*map(torch.cat, zip(*conditions, strict=True)))
            return predicted(self.network, noisy, torch.full((len(noisy),), timestep, device=noisy.device), said)

        branches = {CONDITIONAL: Branch(network, asked), UNCONDITIONAL: Branch(network, avoided)}
        predict = combined(branches, classifier_free_weights(guidance_scale))
        width = self.embedder.dimension
        start = torch.stack([torch.randn(width, generator=each) for each in generators]).to(self.embedder.device)
        found = ddim(self._process, predict, start, timesteps_of(self._process, num_inference_steps))
        embeddings: Tensor = self.network.post_process_latents(found)
        return embeddings


def new_prior() -> Any:
    """An untrained ``PriorTransformer``."""
    from diffusers import PriorTransformer  # seconds; only jobs that need it wait for it

    return PriorTransformer(**PRIOR_WORLD)


def predicted(network: Any, noisy: Tensor, timesteps: Tensor, said: Said) -> Tensor:
    """What the network takes for the clean embeddings, on the scale of its training.

    Args:
        network: ``PriorTransformer``.
        noisy: (N, D).
        timesteps: (N,).
        said: of N texts.
    """
    answer: Tensor = network(noisy, timesteps, said.whole, said.states, said.known, return_dict=False)[0]
    return answer


@torch.no_grad()
def read_texts(embedder: ClipEmbedder, texts: Sequence[str], length: int) -> Said:
    """Texts through the text transformer of an open_clip model.

    Args:
        embedder: its model has a text projection.
        texts: N >= 1.
        length: L, of tokens that are kept.
    """
    model = embedder.model
    tokens = embedder.tokenizer(list(texts)).to(embedder.device)
    states = model.token_embedding(tokens) + model.positional_embedding
    states = model.ln_final(model.transformer(states, attn_mask=model.attn_mask)) @ model.text_projection
    end = tokens.argmax(1)  # of open_clip's tokens the one that ends a text has the largest number
    whole = states[torch.arange(len(tokens), device=tokens.device), end]
    return Said(whole, states[:, :length], (tokens != 0)[:, :length])
