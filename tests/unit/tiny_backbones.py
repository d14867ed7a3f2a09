"""Tiny random models of the published classes, for tests alone: saved as their repositories are, with the names of keys
that old files have."""

import json
from functools import partial
from pathlib import Path

import torch

from onereel.weights.entries import BackboneEntry
from onereel.weights.store import Resolved, Weights

LETTERS = "abcdefghijklmnopqrstuvwxyz"
OLD_NAMES = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
"""Of the attention in Stable Diffusion's autoencoder, before diffusers 0.15."""
SCHEDULERS = {
    "stable-diffusion": {
        "_class_name": "PNDMScheduler", "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
        "num_train_timesteps": 1000, "set_alpha_to_one": False, "steps_offset": 1, "skip_prk_steps": True,
        "clip_sample": False,
    },
    "unet3d": {
        "_class_name": "DDIMScheduler", "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
        "num_train_timesteps": 1000, "set_alpha_to_one": False, "steps_offset": 1, "clip_sample": False,
        "prediction_type": "epsilon",
    },
    "latte": {
        "_class_name": "DDIMScheduler", "beta_start": 0.0001, "beta_end": 0.02, "beta_schedule": "linear",
        "num_train_timesteps": 1000, "clip_sample": False, "prediction_type": "epsilon",
    },
    "wan": {
        "_class_name": "UniPCMultistepScheduler", "flow_shift": 3.0, "num_train_timesteps": 1000, "solver_order": 2,
        "prediction_type": "flow_prediction", "use_flow_sigmas": True, "final_sigmas_type": "zero",
    },
}  # fmt: skip
SIZES = {
    "unet3d": (3, 16, 32), "latte": (4, 16, 32), "wan": (5, 16, 32), "stable-diffusion": (1, 32, 32),
    "wan-vace": (9, 16, 32), "image-variations": (1, 32, 32), "motion-adapter": (4, 32, 32), "controlnet": (1, 32, 32),
    "prior": (1, 32, 32),
}  # fmt: skip
"""Frames, height and width that the tiny random models are asked for."""


def save_tiny(family: str, folder: Path) -> None:
    """A tiny random model of a family, as its repository would be."""
    torch.manual_seed(0)
    makers = {
        "unet3d": _unet3d, "latte": _latte, "wan": _wan, "stable-diffusion": _stable_diffusion,
        "stable-diffusion-depth": partial(_stable_diffusion, depth=True), "wan-vace": partial(_wan, vace=True),
        "image-variations": _image_variations, "motion-adapter": _motion_adapter, "controlnet": _controlnet,
        "prior": _prior,
    }  # fmt: skip
    makers[family](folder)
    if family in ("motion-adapter", "controlnet", "prior"):
        return  # a part of a model, without a process of its own
    (folder / "scheduler").mkdir()
    (folder / "scheduler/scheduler_config.json").write_text(json.dumps(SCHEDULERS[_SCHEDULED.get(family, family)]))


_SCHEDULED = {
    "wan-vace": "wan", "image-variations": "stable-diffusion", "stable-diffusion-depth": "stable-diffusion",
}  # fmt: skip


def _plain(family: str) -> str:
    """Without what tells models of a family apart."""
    return family.removesuffix("-depth")


def tiny_store(family: str, folder: Path) -> Weights:
    """A project whose one backbone, ``tiny-random-FAMILY``, was fetched from `save_tiny`'s folder."""
    save_tiny(family, folder / "copy")
    names = sorted(str(path.relative_to(folder / "copy")) for path in (folder / "copy").rglob("*") if path.is_file())
    frames, height, width = SIZES[_plain(family)]
    entry = {
        "kind": "real", "role": "text-to-video", "title": f"tiny random {family}", "licence": "MIT", "source": "a test",
        "preprocessing": "none", "repository": "test/tiny", "family": _plain(family), "parameters": 1e-4,
        "frames": frames, "fps": 8, "height": height, "width": width, "sampling_gb": 0.1, "paper_role": "none",
        "files": {f"part{index}": _file(name) for index, name in enumerate(names)},
    }  # fmt: skip
    config = folder / "project/config"
    config.mkdir(parents=True)
    (config / "weights.yaml").write_text("{}")
    (config / "backbones.yaml").write_text(json.dumps({f"tiny-random-{family}": entry}))
    store = Weights(config / "weights.yaml")
    store.fetch(f"tiny-random-{family}", local=folder / "copy")
    return store


def tiny(family: str, folder: Path) -> Resolved:
    """The same, resolved."""
    resolved = tiny_store(family, folder).resolve(f"tiny-random-{family}")
    assert isinstance(resolved.entry, BackboneEntry)
    return resolved


def _file(name: str) -> dict[str, str]:
    old = name == "text_encoder/pytorch_model.bin"
    return {"name": name, "path": "text_encoder/model.safetensors"} if old else {"name": name}


_UNET = {
    "block_out_channels": (8, 16), "layers_per_block": 1, "norm_num_groups": 4, "cross_attention_dim": 16,
    "attention_head_dim": 2, "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
}  # fmt: skip
_UP = {"up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D")}


def _image_variations(folder: Path) -> None:
    from diffusers import UNet2DConditionModel
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    UNet2DConditionModel(sample_size=4, **_UNET, **_UP).save_pretrained(folder / "unet")
    _vae(folder, old=False)
    vision = CLIPVisionConfig(
        hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2, image_size=8, patch_size=4,
        projection_dim=16,
    )  # fmt: skip
    CLIPVisionModelWithProjection(vision).save_pretrained(folder / "image_encoder")


def _motion_adapter(folder: Path) -> None:
    from diffusers import MotionAdapter

    MotionAdapter(
        block_out_channels=(8, 16), motion_layers_per_block=1, motion_num_attention_heads=2, motion_norm_num_groups=4,
        use_motion_mid_block=False, motion_max_seq_length=6,
    ).save_pretrained(folder)  # fmt: skip


def _controlnet(folder: Path) -> None:
    from diffusers import ControlNetModel

    network = ControlNetModel(**_UNET, conditioning_embedding_out_channels=(4, 4, 8, 8))
    for name, parameter in network.named_parameters():
        if name.startswith(("controlnet_down_blocks", "controlnet_mid_block", "controlnet_cond_embedding.conv_out")):
            torch.nn.init.normal_(parameter, std=0.3)  # they start at zero, and would change nothing
    network.save_pretrained(folder)


def _prior(folder: Path) -> None:
    from diffusers import PriorTransformer, UnCLIPScheduler
    from transformers import CLIPTextConfig, CLIPTextModelWithProjection

    network = PriorTransformer(num_attention_heads=2, attention_head_dim=8, num_layers=2, embedding_dim=16)
    torch.nn.init.normal_(network.clip_mean)
    torch.nn.init.uniform_(network.clip_std, 0.5, 1.5)  # a new one's are zeros
    network.save_pretrained(folder / "prior")
    CLIPTextModelWithProjection(CLIPTextConfig(**_CLIP)).save_pretrained(folder / "text_encoder")
    scheduler = UnCLIPScheduler(prediction_type="sample", clip_sample_range=5.0)
    (folder / "prior_scheduler").mkdir()
    (folder / "prior_scheduler/scheduler_config.json").write_text(json.dumps(dict(scheduler.config)))
    _clip_tokenizer(folder)


def _stable_diffusion(folder: Path, *, depth: bool = False) -> None:
    from diffusers import UNet2DConditionModel

    UNet2DConditionModel(sample_size=4, in_channels=4 + depth, **_UNET, **_UP).save_pretrained(folder / "unet")
    _vae(folder, old=depth)
    _clip_text(folder)
    _clip_tokenizer(folder)


def _unet3d(folder: Path) -> None:
    from diffusers import UNet3DConditionModel

    UNet3DConditionModel(
        sample_size=8, block_out_channels=(8, 16), layers_per_block=1, norm_num_groups=4, cross_attention_dim=16,
        attention_head_dim=4, down_block_types=("CrossAttnDownBlock3D", "DownBlock3D"),
        up_block_types=("UpBlock3D", "CrossAttnUpBlock3D"),
    ).save_pretrained(folder / "unet")  # fmt: skip
    _vae(folder, old=True)
    _clip_text(folder)
    _clip_tokenizer(folder)


def _clip_text(folder: Path) -> None:
    from transformers import CLIPTextConfig, CLIPTextModel

    encoder = CLIPTextModel(CLIPTextConfig(**_CLIP))
    encoder.save_pretrained(folder / "text_encoder")
    (folder / "text_encoder/model.safetensors").unlink()
    published = {f"text_model.{key.removeprefix('text_model.')}": value for key, value in encoder.state_dict().items()}
    published["text_model.embeddings.position_ids"] = torch.arange(77)[None]
    torch.save(published, folder / "text_encoder/pytorch_model.bin")


def _latte(folder: Path) -> None:
    from diffusers import LatteTransformer3DModel
    from transformers import T5Config, T5EncoderModel

    LatteTransformer3DModel(
        num_attention_heads=2, attention_head_dim=8, in_channels=4, out_channels=8, num_layers=2, attention_bias=True,
        cross_attention_dim=16, sample_size=4, patch_size=2, activation_fn="gelu-approximate", caption_channels=16,
        num_embeds_ada_norm=1000, norm_type="ada_norm_single", norm_elementwise_affine=False, video_length=4,
    ).save_pretrained(folder / "transformer")  # fmt: skip
    _vae(folder, old=False)
    T5EncoderModel(T5Config(**_T5)).save_pretrained(folder / "text_encoder")
    _t5_tokenizer(folder)


def _wan(folder: Path, *, vace: bool = False) -> None:
    from diffusers import AutoencoderKLWan, WanTransformer3DModel, WanVACETransformer3DModel
    from transformers import UMT5Config, UMT5EncoderModel

    kind = (
        partial(WanVACETransformer3DModel, vace_layers=[0, 1], vace_in_channels=72) if vace else WanTransformer3DModel
    )
    kind(
        patch_size=(1, 2, 2), num_attention_heads=2, attention_head_dim=12, in_channels=4, out_channels=4, text_dim=16,
        freq_dim=16, ffn_dim=32, num_layers=2, cross_attn_norm=True, qk_norm="rms_norm_across_heads",
    ).save_pretrained(folder / "transformer", max_shard_size="20KB")  # fmt: skip
    AutoencoderKLWan(
        base_dim=4, z_dim=4, dim_mult=[1, 1, 1, 1], num_res_blocks=1, temperal_downsample=[False, True, True],
        latents_mean=[0.1, -0.2, 0.3, 0.0], latents_std=[1.5, 2.0, 0.5, 1.0],
    ).save_pretrained(folder / "vae")  # fmt: skip
    UMT5EncoderModel(UMT5Config(**_T5)).save_pretrained(folder / "text_encoder")
    _t5_tokenizer(folder)


_CLIP = {
    "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 64,
    "max_position_embeddings": 77, "eos_token_id": 54, "bos_token_id": 53, "pad_token_id": 0, "projection_dim": 16,
}  # fmt: skip
_T5 = {
    "d_model": 16, "d_ff": 32, "d_kv": 8, "num_heads": 2, "num_layers": 2, "vocab_size": 40, "is_gated_act": True,
    "feed_forward_proj": "gated-gelu", "tie_word_embeddings": False,
}  # fmt: skip


def _vae(folder: Path, *, old: bool) -> None:
    from diffusers import AutoencoderKL

    vae = AutoencoderKL(
        block_out_channels=(4, 4, 4, 8), layers_per_block=1, norm_num_groups=2, sample_size=16, latent_channels=4,
        down_block_types=["DownEncoderBlock2D"] * 4, up_block_types=["UpDecoderBlock2D"] * 4,
    )  # fmt: skip
    vae.save_pretrained(folder / "vae")
    if old:
        (folder / "vae/diffusion_pytorch_model.safetensors").unlink()
        torch.save(
            {old_name(key): value for key, value in vae.state_dict().items()},
            folder / "vae/diffusion_pytorch_model.bin",
        )


def old_name(key: str) -> str:
    """A key of the autoencoder as files before diffusers 0.15 have it."""
    if "mid_block.attentions" not in key:
        return key
    return next((key.replace(new, old) for new, old in OLD_NAMES.items() if f".{new}." in key), key)


def _clip_tokenizer(folder: Path) -> None:
    folder = folder / "tokenizer"
    folder.mkdir()
    words = ["!", *LETTERS, *(f"{letter}</w>" for letter in LETTERS), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({word: index for index, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    about = {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "pad_token": "!"}
    (folder / "tokenizer_config.json").write_text(json.dumps(about))
    ends = {"bos_token": words[-2], "eos_token": words[-1], "unk_token": words[-1], "pad_token": "!"}
    (folder / "special_tokens_map.json").write_text(json.dumps(ends))


def _t5_tokenizer(folder: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    folder = folder / "tokenizer"
    folder.mkdir()
    words = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0), *((letter, -3.0) for letter in LETTERS)]
    tokenizer = Tokenizer(models.Unigram(words, unk_id=2))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    tokenizer.save(str(folder / "tokenizer.json"))
    about = {"tokenizer_class": "T5Tokenizer", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    (folder / "tokenizer_config.json").write_text(json.dumps({**about, "extra_ids": 0}))
