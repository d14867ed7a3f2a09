"""Published generative models without their weights: the list, configurations on the meta device, keys of files, and
tiny random models of every class that makes videos of texts."""

import re
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from onereel.backbones.families import FAMILIES, Component
from onereel.backbones.loading import Report, build_meta, load_component, load_folder, load_process
from onereel.backbones.text import Text
from onereel.backbones.text_to_video import LatentTextToVideo, in_pictures, in_videos, load
from onereel.base.errors import MethodError, WeightsError
from onereel.training.adapters import adapter_state, add_lora, load_adapter_state
from onereel.weights.entries import BackboneEntry, licence_note
from onereel.weights.store import Resolved, Weights
from tests.unit.tiny_backbones import SCHEDULERS, SIZES, old_name, tiny, tiny_store

ROOT = Path(__file__).parents[2]
PUBLISHED = yaml.safe_load((ROOT / "tests/data/published_backbones.yaml").read_text())
COMPONENTS = {
    (held["kind"], held["parameters"]): (name, folder, held)
    for name, folders in PUBLISHED.items()
    for folder, held in folders.items()
}
VIDEO = ["unet3d", "latte", "wan"]


pytestmark = pytest.mark.usefixtures("one_thread")


# --------------------------------------------------------------------------------------------------------- the list


def backbones() -> dict[str, BackboneEntry]:
    return {name: entry for name, entry in Weights().entries.items() if isinstance(entry, BackboneEntry)}


def test_every_published_model_of_the_papers_is_listed():
    repositories = {entry.repository for entry in backbones().values()}
    assert repositories >= {
        "ali-vilab/text-to-video-ms-1.7b", "cerspense/zeroscope_v2_576w", "cerspense/zeroscope_v2_XL",
        "maxin-cn/Latte-1", "Wan-AI/Wan2.1-T2V-1.3B-Diffusers", "Wan-AI/Wan2.1-VACE-1.3B-diffusers",
        "lambdalabs/sd-image-variations-diffusers", "stable-diffusion-v1-5/stable-diffusion-v1-5",
        "sd2-community/stable-diffusion-2-depth", "kakaobrain/karlo-v1-alpha",
        "guoyww/animatediff-motion-adapter-v1-5-2", "guoyww/animatediff-motion-adapter-v1-5-3",
        "lllyasviel/control_v11f1p_sd15_depth",
    }  # fmt: skip
    assert {"pickscore-v1", "dino-vit-b-8", "lpips"} <= Weights().entries.keys() - backbones().keys()


def test_a_licence_that_forbids_commercial_use_is_said():
    noted = {name for name, entry in backbones().items() if "no commercial use" in licence_note(entry)}
    assert noted == {"text-to-video-1.7b", "zeroscope-576w", "zeroscope-xl"}


def test_the_page_of_backbones_says_what_the_list_says():
    rows = [line.strip("| \n").split(" | ") for line in (ROOT / "docs/backbones.md").read_text().splitlines()]
    found = {row[0].strip("`"): row[1:] for row in rows if len(row) == 7 and row[0].startswith("`")}
    assert found.keys() == backbones().keys()
    for name, (title, licence, parameters, native, memory, role) in found.items():
        entry = backbones()[name]
        assert (title, role, parameters) == (entry.title, entry.paper_role, f"{entry.parameters:g} B")
        assert licence.startswith(entry.licence)
        assert ("no commercial use" in licence) == ("no commercial use" in licence_note(entry))
        assert native.endswith(f"{entry.height}x{entry.width}")
        assert entry.frames == 1 or native.startswith(f"{entry.frames} frames, {entry.fps:g}/s")
        numbers = [entry.sampling_gb, *filter(None, [entry.tuning_gb])]
        assert memory == ", ".join(f"{number:g} GB" for number in numbers)


@pytest.mark.parametrize("name", sorted(backbones()))
def test_files_are_kept_where_libraries_look_for_them(name):
    entry = backbones()[name]
    family = FAMILIES[entry.family]
    kept = {str(entry.kept(part)) for part in entry.files}
    for folder, component in family.components.items():
        ours = component.kind.startswith("diffusers.")
        stem = f"{folder}/{'diffusion_pytorch_model' if ours else 'model'}".lstrip("/")
        shards = [path for path in kept if re.fullmatch(rf"{stem}-\d{{5}}-of-\d{{5}}\.safetensors", path)]
        assert f"{folder}/config.json".lstrip("/") in kept
        if f"{stem}.safetensors" not in kept:
            assert f"{stem}.safetensors.index.json" in kept
            assert len(shards) == int(shards[0][-17:-12]), "every part of as many as its name says"
    vocabulary = {"CLIPTokenizer": ["vocab.json", "merges.txt"], "T5TokenizerFast": ["tokenizer.json"], "": []}
    for file in vocabulary[family.vocabulary]:
        assert f"tokenizer/{file}" in kept
    if family.text_to_video:
        assert "scheduler/scheduler_config.json" in kept
        assert entry.fps


@pytest.mark.parametrize("name", sorted(backbones()))
def test_sizes_of_files_are_those_of_as_many_parameters(name):
    """What the list says of a file, and what a test's configuration makes, were found in different places."""
    entry = backbones()[name]
    main = max(PUBLISHED[name].values(), key=lambda held: held["parameters"] * (held["kind"] not in TEXT_ENCODERS))
    assert entry.parameters == pytest.approx(main["parameters"] / 1e9, abs=6e-4)
    for folder, held in PUBLISHED[name].items():
        weights = [
            file for part, file in entry.files.items() if part.split(".")[0] == folder and file.format != "plain"
        ]
        if weights and all(file.size for file in weights):
            whole = sum(file.size for file in weights)
            assert 0 < whole - 4 * held["parameters"] < 600_000, f"{folder}: float32 and a header"


TEXT_ENCODERS = {"CLIPTextModel", "T5EncoderModel", "UMT5EncoderModel", "CLIPTextModelWithProjection"}


# ------------------------------------------------------------------------------------------- published configurations


@pytest.mark.parametrize("key", COMPONENTS, ids=lambda key: f"{key[0]}-{key[1]}")
def test_a_published_configuration_makes_the_published_network(key):
    name, folder, held = COMPONENTS[key]
    component = FAMILIES[backbones()[name].family].components["" if folder == "model" else folder]
    assert component.name == held["kind"]
    network = build_meta("here", component, held["config"], torch.float32)
    assert len(network.state_dict()) == held["keys"]
    assert sum(parameter.numel() for parameter in network.parameters()) == held["parameters"]


def test_every_network_of_the_list_has_a_published_configuration():
    for name, entry in backbones().items():
        assert {folder or "model" for folder in FAMILIES[entry.family].components} == PUBLISHED[name].keys()


# ------------------------------------------------------------------------------------------------------------- keys


@pytest.fixture(scope="module", params=VIDEO)
def weights(request, tmp_path_factory) -> Resolved:
    return tiny(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def model(weights) -> LatentTextToVideo:
    found = load(weights)
    assert isinstance(found, LatentTextToVideo)
    return found


@pytest.fixture(scope="module")
def old(tmp_path_factory) -> Resolved:
    """The one of which two networks have files with old names of keys."""
    return tiny("unet3d", tmp_path_factory.mktemp("old"))


@pytest.mark.parametrize("folder", ["vae", "text_encoder"])
def test_keys_of_old_files_land(folder, old):
    """Of the autoencoder the attention's, of CLIP the prefix and the positions that no class keeps any more."""
    network = load_component(old, folder, torch.float32)
    (path,) = old.subfolder(folder).glob("*.safetensors")
    published = load_file(path)
    ours = {old_name(key) if folder == "vae" else f"text_model.{key}": key for key in network.state_dict()}
    assert published.keys() - ours.keys() <= {"text_model.embeddings.position_ids"}
    for key, own in ours.items():
        assert torch.equal(published[key], network.state_dict()[own]), key
    if folder == "vae":
        assert ours.keys() != set(ours.values())


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (
            lambda state, key: state.pop(key),
            "weights of a UNet3DConditionModel are missing, 'conv_in.bias' the first",
        ),
        (lambda state, key: state.update(stray=torch.ones(1)), "are left over, 'stray' the first"),
        (lambda state, key: state.update({key: torch.ones(3)}), "conv_in.bias"),
    ],
)
def test_a_key_without_a_place_is_refused(change, complaint, old, tmp_path):
    folder = _copied(old.subfolder("unet"), tmp_path)
    file = folder / "diffusion_pytorch_model.safetensors"
    state = load_file(file)
    change(state, "conv_in.bias")
    save_file(state, file)
    with pytest.raises(WeightsError, match=complaint) as caught:
        load_folder("weights 'x', unet", folder, FAMILIES["unet3d"].components["unet"], torch.float32)
    assert "\n" not in str(caught.value)


def test_what_the_list_excuses_is_accepted_with_its_reason():
    component = Component("diffusers.Any", {"*position_ids": "a constant"}, {"pe.*": "made by the class"})
    report = Report(missing=("pe.1",), unexpected=("text.position_ids",))
    report.check("here", component)
    assert report.excused(component) == {"pe.1": "made by the class", "text.position_ids": "a constant"}
    with pytest.raises(WeightsError, match=r"^here: 1 weights of a Any are missing, 'conv' the first; "):
        Report(missing=("conv", "pe.1")).check("here", component)


def test_motion_adapters_without_their_sinusoids_are_whole(tmp_path):
    from diffusers import MotionAdapter

    adapter = MotionAdapter(block_out_channels=(8,), motion_layers_per_block=1, motion_num_attention_heads=2,
                            motion_norm_num_groups=2, use_motion_mid_block=False)  # fmt: skip
    adapter.save_pretrained(tmp_path)
    file = tmp_path / "diffusion_pytorch_model.safetensors"
    state = load_file(file)
    kept = {key: value for key, value in state.items() if not key.endswith("pos_embed.pe")}
    assert len(kept) < len(state)
    save_file(kept, file)
    component = FAMILIES["motion-adapter"].components[""]
    loaded = load_folder("weights 'x'", tmp_path, component, torch.float32).state_dict()
    for key, value in state.items():
        assert torch.equal(loaded[key], value), key


def test_a_network_of_another_class_is_refused(old):
    with pytest.raises(WeightsError, match="is a AutoencoderKL, not a AutoencoderKLWan"):
        load_folder("weights 'x'", old.subfolder("vae"), FAMILIES["wan"].components["vae"], torch.float32)


def test_a_damaged_configuration_is_one_line(old, tmp_path):
    folder = _copied(old.subfolder("text_encoder"), tmp_path)
    (folder / "config.json").write_text("{")
    with pytest.raises(WeightsError, match="cannot be read as a CLIPTextModel") as caught:
        load_folder("weights 'x'", folder, FAMILIES["unet3d"].components["text_encoder"], torch.float32)
    assert "\n" not in str(caught.value)


def test_weights_that_make_no_videos_say_so(tmp_path):
    resolved = tiny("unet3d", tmp_path)
    about = resolved.entry.model_copy(update={"family": "controlnet"})
    with pytest.raises(WeightsError, match="makes no videos of texts"):
        load(Resolved("x", "r", "t", "t", "", False, {}, entry=about))
    with pytest.raises(WeightsError, match=r"no code loads the family 'unet4d'; did you mean 'unet3d'"):
        load(Resolved("x", "r", "t", "t", "", False, {}, entry=about.model_copy(update={"family": "unet4d"})))
    with pytest.raises(WeightsError, match="is no generative model"):
        load(Resolved("x", "r", "t", "t", "", False, {}))


@pytest.mark.parametrize("family", ["unet3d", "latte"])
def test_the_published_process_is_diffusers(family, tmp_path):
    import json

    from diffusers import DDIMScheduler

    path = tmp_path / "scheduler_config.json"
    path.write_text(json.dumps(SCHEDULERS[family]))
    process = load_process("here", path)
    theirs = DDIMScheduler.from_config(SCHEDULERS[family])
    assert torch.allclose(process.levels[1:] ** 2, theirs.alphas_cumprod.double(), rtol=1e-6)
    path.write_text(json.dumps({**SCHEDULERS[family], "beta_schedule": "sigmoid"}))
    with pytest.raises(WeightsError, match=r"here: 'scheduler_config\.json' describes no process"):
        load_process("here", path)


# ------------------------------------------------------------------------------------------------ tiny random models


def drawn(model: LatentTextToVideo, family: str, prompts: list[str], seeds: list[int], **options) -> torch.Tensor:
    frames, height, width = SIZES[family]
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    size = {"frames": frames, "height": height, "width": width}
    settings = {"num_inference_steps": 2, "guidance_scale": 3.0, **size, **options}
    return model.generate(prompts, generators, **settings)


def family_of(weights: Resolved) -> str:
    return weights.entry.family


def test_a_sample_has_the_asked_shape_and_is_the_same_alone_and_in_a_batch(model, weights):
    family = family_of(weights)
    both = drawn(model, family, ["a cat", "two dogs"], [1, 2])
    assert both.shape == (2, 3, *SIZES[family])
    assert both.dtype == torch.float32
    assert -1 <= both.min() < both.max() <= 1
    assert torch.equal(drawn(model, family, ["two dogs"], [2])[0], both[1])
    assert not torch.equal(drawn(model, family, ["two dogs"], [3])[0], both[1])
    assert not torch.equal(drawn(model, family, ["a cat"], [2])[0], both[1])
    assert not torch.equal(drawn(model, family, ["two dogs"], [2], negative_prompt="a bird")[0], both[1])


def test_without_guidance_the_negative_prompt_is_not_read(model, weights):
    family = family_of(weights)
    plain = drawn(model, family, ["a cat"], [1], guidance_scale=1.0)
    assert torch.equal(drawn(model, family, ["a cat"], [1], guidance_scale=1.0, negative_prompt="a bird"), plain)


def test_samples_are_those_of_diffusers_pipeline(model, weights):
    """The oracle: the published way of sampling, with its own scheduler at the same timesteps."""
    family = family_of(weights)
    frames, height, width = SIZES[family]
    ours = drawn(model, family, ["a cat"], [1], num_inference_steps=4)
    shape = (1, 4, model.latent_frames(frames), height // 8, width // 8)
    start = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    given = {
        "prompt": "a cat", "negative_prompt": "", "height": height, "width": width, "num_inference_steps": 4,
        "guidance_scale": 3.0, "latents": start, "output_type": "pt",
    }  # fmt: skip
    pipeline = _pipeline(family, model)
    pipeline.set_progress_bar_config(disable=True)
    frames_name = "video_length" if family == "latte" else "num_frames"
    theirs = pipeline(**given, **{frames_name: frames}).frames  # (1, T, 3, H, W) in [0, 1]
    assert torch.allclose(ours[0].transpose(0, 1) / 2 + 0.5, theirs[0], atol=2e-4)


def test_pictures_know_nothing_of_each_other(model, weights):
    family = family_of(weights)
    frames, height, width = SIZES[family]
    shape = (1, 4, model.latent_frames(frames), height // 8, width // 8)
    latents = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    text = model.encode_prompt(["a cat"])
    reversed_latents = latents.flip(2)
    pictures = model.predict(latents, 500, text, video=False)
    assert torch.allclose(model.predict(reversed_latents, 500, text, video=False).flip(2), pictures, atol=1e-5)
    changed = latents.clone()
    changed[:, :, -1] += 1
    assert torch.allclose(model.predict(changed, 500, text, video=False)[:, :, 0], pictures[:, :, 0], atol=1e-5)
    video = model.predict(latents, 500, text)
    assert (model.predict(changed, 500, text)[:, :, 0] - video[:, :, 0]).abs().max() > 1e-5
    assert torch.equal(model.predict(latents, 500, text), video), "the temporal layers are back"


def test_latents_are_scaled_and_come_back(model, weights):
    family = family_of(weights)
    frames, height, width = SIZES[family]
    video = torch.rand(2, 3, frames, height, width, generator=torch.Generator().manual_seed(0)) * 2 - 1
    latents = model.encode(video)
    assert latents.shape == (2, 4, model.latent_frames(frames), height // 8, width // 8)
    assert torch.equal(model.encode(video[1:])[0], latents[1])
    decoded = model.decode(latents)
    assert decoded.shape == video.shape
    assert decoded.abs().max() <= 1
    if family == "wan":
        raw = model.vae.encode(video[:1]).latent_dist.mode()
        mean, std = (torch.tensor(model.vae.config[f"latents_{name}"]).view(1, -1, 1, 1, 1) for name in ("mean", "std"))
        assert torch.allclose(latents[:1], (raw - mean) / std, atol=1e-6)
    else:
        raw = model.vae.encode(video[:1, :, 1]).latent_dist.mode()
        assert torch.allclose(latents[:1, :, 1], raw * 0.18215, atol=1e-6)


def test_one_tuning_step_lowers_the_loss_and_adapters_come_back(model, weights, tmp_path):
    family = family_of(weights)
    tuned, again = load(weights), load(weights)
    frames, height, width = SIZES[family]
    shape = (2, 4, model.latent_frames(frames), height // 8, width // 8)
    latents = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    text = tuned.encode_prompt(["a cat", "two dogs"])
    before = {key: value.clone() for key, value in tuned.network.state_dict().items()}
    adapted = add_lora(tuned.network, ["*to_q", "*to_v"], rank=2, alpha=2, seed=0)
    parameters = [parameter for parameter in tuned.network.parameters() if parameter.requires_grad]
    optimiser = torch.optim.SGD(parameters, lr=0.05)
    losses = []
    for _ in range(3):
        loss = tuned.loss(latents, text, torch.Generator().manual_seed(3)).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[2] < losses[0]
    frozen = {key: value for key, value in tuned.network.state_dict().items() if "lora_" not in key}
    assert len(frozen) == len(before)
    for key, value in frozen.items():
        assert torch.equal(value, before[key.replace(".base_layer", "")]), key
    state = adapter_state(tuned.network)
    assert len(state) == 2 * len(adapted)
    save_file(state, tmp_path / "adapters.safetensors")
    load_adapter_state(again.network, load_file(tmp_path / "adapters.safetensors"))
    assert torch.allclose(again.predict(latents, 500, text), tuned.predict(latents, 500, text), atol=1e-6)
    assert not torch.allclose(model.predict(latents, 500, text), tuned.predict(latents, 500, text), atol=1e-6)


@pytest.mark.parametrize("video", [True, False])
def test_saving_memory_changes_no_gradient(weights, video):
    family, found = family_of(weights), []
    frames, height, width = SIZES[family]
    for saving in (False, True):
        tuned = load(weights)
        shape = (1, 4, tuned.latent_frames(frames), height // 8, width // 8)
        latents = torch.randn(shape, generator=torch.Generator().manual_seed(0))
        text = tuned.encode_prompt(["a cat"])
        add_lora(tuned.network, ["*to_q"], rank=2, alpha=2, seed=0)
        if saving:
            tuned.save_memory()
        loss = tuned.loss(latents, text, torch.Generator().manual_seed(3), video=video).mean()
        loss.backward()
        gradients = {name: one.grad for name, one in tuned.network.named_parameters() if one.requires_grad}
        found.append((float(loss.detach()), gradients))
    (loss, gradients), (again, same) = found
    assert again == loss
    assert gradients
    untouched = {name for name, gradient in gradients.items() if gradient is None}
    assert untouched == {name for name, gradient in same.items() if gradient is None}
    assert all("temp" in name or "transformer_in" in name for name in untouched), "of pictures time learns nothing"
    assert bool(untouched) is (not video and family != "wan")
    for name in gradients.keys() - untouched:
        assert torch.allclose(same[name], gradients[name], atol=1e-7), name


def test_a_saved_network_is_the_same(model, weights, tmp_path):
    family, folder = family_of(weights), model.network_folder
    model.network.save_pretrained(tmp_path)
    again = load_folder("weights 'x'", tmp_path, FAMILIES[family].components[folder], torch.float32)
    ours = model.network.state_dict()
    assert ours.keys() == again.state_dict().keys()
    for key, value in again.state_dict().items():
        assert torch.equal(value, ours[key]), key


def test_half_precision_keeps_autoencoder_and_result_in_float32(weights):
    family = family_of(weights)
    half = load(weights, dtype=torch.bfloat16)
    assert next(half.vae.parameters()).dtype == torch.float32
    assert torch.bfloat16 in {parameter.dtype for parameter in half.network.parameters()}
    found = drawn(half, family, ["a cat"], [1])
    assert found.dtype == torch.float32
    assert found.isfinite().all()


@pytest.mark.parametrize(
    ("weights", "size", "complaint"),
    [
        ("unet3d", (3, 12, 16), "sides are multiples of 8, not 12x16; ask for 16x16"),
        ("latte", (4, 24, 16), "sides are multiples of 16, not 24x16; ask for 32x16"),
        ("latte", (3, 16, 16), "makes videos of 4 frames, or one picture, not 3 frames; ask for 4"),
        ("wan", (8, 16, 16), r"makes videos of 4n \+ 1 frames, not 8; ask for 9"),
        ("wan", (0, 16, 16), "ask for 1"),
    ],
    indirect=["weights"],
)
def test_a_size_that_cannot_be_made_is_refused_with_one_that_can(weights, size, complaint, model):
    with pytest.raises(MethodError, match=complaint):
        model.check_size(*size)


def test_folding_frames_into_the_batch_and_back():
    video = torch.arange(2 * 3 * 4 * 2 * 2.0).view(2, 3, 4, 2, 2)
    pictures = in_pictures(video)
    assert pictures.shape == (8, 3, 1, 2, 2)
    assert torch.equal(pictures[5, :, 0], video[1, :, 1])
    assert torch.equal(in_videos(pictures, 2), video)


def test_prompts_are_read_alike_alone_and_together(model, weights):
    both = model.encode_prompt(["a  cat", "two &amp; three dogs"])
    alone = model.encode_prompt(["a cat"])
    assert torch.equal(both.states[:1], alone.states)
    assert torch.equal(Text.joined([alone, alone]).states, alone.repeated(2).states)
    if family_of(weights) == "wan":
        assert both.states.shape[1] == 512
        assert not both.states[~both.mask].any()


def test_offloaded_models_read_prompts_where_they_are(weights):
    """On a device without values: what comes there is seen, not computed."""
    family = family_of(weights)
    for offload in (True, False):
        elsewhere = load(weights, device="meta", offload=offload)
        text = elsewhere.encode_prompt(["a cat"]) if offload else None
        assert text is None or text.states.device.type == "meta"
        assert next(elsewhere.encoder.encoder.parameters()).device.type == "cpu"
        assert getattr(elsewhere.vae, "use_tiling", False) is (offload and family == "wan")


def test_a_missing_tokenizer_is_one_line(tmp_path):
    store = tiny_store("latte", tmp_path)
    resolved = store.resolve("tiny-random-latte")
    (store.folder / "tiny-random-latte/tokenizer/tokenizer.json").unlink()
    with pytest.raises(WeightsError, match=r"'tokenizer\.json' is missing"):
        load(resolved)


def _copied(source: Path, target: Path) -> Path:
    folder = target / "copied"
    folder.mkdir()
    for path in source.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def _pipeline(family: str, model: LatentTextToVideo):
    from diffusers import DDIMScheduler

    parts = {"tokenizer": model.encoder.tokenizer, "text_encoder": model.encoder.encoder, "vae": model.vae}
    match family:
        case "wan":
            from diffusers.pipelines.wan.pipeline_wan import WanPipeline

            return WanPipeline(**parts, transformer=model.network, scheduler=model.scheduler)
        case "latte":
            from diffusers.pipelines.latte.pipeline_latte import LattePipeline

            scheduler = DDIMScheduler.from_config({**SCHEDULERS["latte"], "timestep_spacing": "trailing"})
            return LattePipeline(**parts, transformer=model.network, scheduler=scheduler)
        case _:
            from diffusers.pipelines.deprecated.text_to_video_synthesis.pipeline_text_to_video_synth import (
                TextToVideoSDPipeline,
            )

            config = {**SCHEDULERS["unet3d"], "timestep_spacing": "trailing", "set_alpha_to_one": True}
            return TextToVideoSDPipeline(**parts, unet=model.network, scheduler=DDIMScheduler.from_config(config))
