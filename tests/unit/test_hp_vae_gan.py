"""HP-VAE-GAN: sizes and parameters of the authors' code, both kinds of levels, survival of a kill, sampling."""

import functools
from fractions import Fraction

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from onereel.base.errors import ConfigError, MethodError
from onereel.base.progress import no_progress
from onereel.gan import growth
from onereel.gan import level as gan_level
from onereel.gan.wgan import descend
from onereel.methods import Inputs, Job, Task, configure, load_method
from onereel.methods.hp_vae_gan import fit as fitting
from onereel.methods.hp_vae_gan.config import HPVAEGANConfig
from onereel.methods.hp_vae_gan.fit import AdversarialLevel, AutoencoderLevel
from onereel.methods.hp_vae_gan.networks import Decoder, Encoder, Hierarchy, Refiner, make_critic, to_size
from onereel.video.clip import Clip, to_video

CPU = torch.device("cpu")
METHOD = load_method("hp_vae_gan")


def tiny(**settings) -> HPVAEGANConfig:
    """Settings of a hierarchy that trains in a second: 3 levels, the finest a GAN."""
    few = {"min_width": 16, "rates": (2, 1), "vae_levels": 2, "channels": 4, "latent": 6, "depth": 3, "steps": (2,)}
    return HPVAEGANConfig(**{**few, "factor": 0.5, **settings})


@pytest.fixture(scope="module")
def clip() -> Clip:
    """Five frames of 20x30: a bright square that moves over a gradient."""
    rows, columns = np.mgrid[:20, :30]
    frames = np.stack([np.stack([rows * 5, columns * 4, 200 - rows * 5], axis=-1)] * 5).astype(np.uint8)
    for number in range(5):
        frames[number, 8:14, 4 + 4 * number : 10 + 4 * number] = 250
    return Clip(frames, Fraction(10))


def level(clip, below=(), config=None, seed=0):
    config = config or tiny()
    kind = AutoencoderLevel if len(below) < config.vae_levels else AdversarialLevel
    sizes = config.sizes(clip.size, config.window)
    return kind(config, to_video(clip.frames), sizes, below, seed=seed, device=CPU)


@pytest.fixture(scope="module")
def states(clip):
    """What three levels keep, each after two steps."""
    kept = []
    for _ in range(3):
        one = level(clip, kept)
        for step in range(2):
            one.update(step)
        kept.append(one.finished())
    return kept


# Numbers of the authors


def test_parameter_counts_are_the_authors():
    config = HPVAEGANConfig()
    networks = {"encoder": Encoder(config), "decoder": Decoder(config), "level": Refiner(config)}
    counts = {name: sum(value.numel() for value in network.parameters()) for name, network in networks.items()}
    assert counts == {"encoder": 669_184, "decoder": 780_483, "level": 564_483}
    assert sum(value.numel() for value in make_critic(config).parameters()) == 560_257


def test_sizes_of_a_clip_are_the_authors():
    config = HPVAEGANConfig()
    assert config.window == 13
    assert config.sizes((13, 144, 256), 13) == [
        (4, 18, 33), (4, 23, 41), (4, 28, 51), (5, 36, 65), (5, 45, 81), (5, 57, 102),
        (7, 72, 129), (7, 91, 162), (7, 114, 204), (13, 144, 256),
    ]  # fmt: skip


def test_paper_preset_writes_out_the_defaults():
    assert configure(METHOD, "paper") == HPVAEGANConfig()


@pytest.mark.parametrize(
    ("settings", "size", "message"),
    [
        ({}, (8, 64, 114), r"rates \[4, 3, 2, 1\] need 13 frames; take a longer clip, or set rates=\[3, 2, 1\]$"),
        ({"rates": (3, 2, 1)}, (6, 64, 114), r"need 7 frames; take a longer clip, or set rates=\[2, 1\]$"),
        ({"rates": (2, 1)}, (2, 64, 114), r"need 3 frames; take a longer clip, or set rates=\[1\]$"),
        ({"rates": (1,)}, (1, 64, 114), r"need 2 frames; take a longer clip$"),
        ({}, (13, 20, 30), "is not wider than the coarsest level, min_width 32; take a larger height"),
        ({}, (13, 12, 60), "coarsest level of 6x32 would be lower than 8 pixels; raise min_width to 40 or more"),
    ],
)
def test_too_short_and_too_small_clips_are_refused(settings, size, message):
    with pytest.raises(MethodError, match=message):
        HPVAEGANConfig(**settings).sizes(size, size[0])


def test_remedies_of_refusals_help():
    assert HPVAEGANConfig(min_width=40).sizes((13, 12, 60), 13)[0][1:] == (8, 41)
    assert HPVAEGANConfig(rates=(3, 2, 1)).sizes((8, 64, 114), 7)[-1] == (7, 64, 114)
    with pytest.raises(ConfigError, match="rates must fall to 1"):
        configure(METHOD, "paper", {"rates": [4, 2]})


# Levels


def test_levels_see_their_frame_rate_with_the_windows_ends_in_place(clip):
    one = level(clip, config=tiny(rates=(4, 2, 1)))
    numbered = torch.arange(5.0)[None, :, None, None].expand(3, 5, 20, 30)
    one.video = numbered
    assert one.real(0, 0)[0, 0, :, 0, 0].tolist() == [0, 4]
    assert one.real(2, 0)[0, 0, :, 0, 0].tolist() == [0, 1, 2, 3, 4]


def test_upsampling_keeps_corners():
    video = torch.randn(1, 3, 4, 5, 6)
    larger = to_size(video, (7, 9, 11))
    assert torch.allclose(larger[..., -1, -1], to_size(video[..., -1, -1, None, None], (7, 1, 1))[..., 0, 0])
    assert torch.allclose(larger[:, :, 0, 0, 0], video[:, :, 0, 0, 0])


def test_the_autoencoder_grows_by_a_generator_and_what_is_older_learns_slower_or_not(clip, states):
    third = level(clip, states[:2], tiny(vae_levels=3))
    assert set(third.networks) == {"encoder", "decoder", "refiner_01", "refiner_02"}
    before = {name: [value.detach().clone() for value in net.parameters()] for name, net in third.networks.items()}
    third.update(0)
    # Adam's first step is as long as the learning rate, whatever the gradient.
    steps = {
        name: max(
            float((new.detach() - old).abs().max()) for new, old in zip(net.parameters(), before[name], strict=True)
        )
        for name, net in third.networks.items()
    }
    assert steps == pytest.approx({"encoder": 2e-5, "decoder": 2e-5, "refiner_01": 0, "refiner_02": 5e-4}, rel=0.02)


def test_losses_of_the_autoencoder_by_hand(clip):
    one = level(clip)
    values = one.update(0)
    again = level(clip)
    start = again._pick(fitting.generator_of(0, 0, 16))
    real = again.real(0, start)
    with torch.no_grad(), again.precision.context():
        mean, log_variance = again.networks["encoder"](real)
    # KL of N(m, v) to N(0, 1), a mean over elements
    normal = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
    divergence = torch.distributions.kl_divergence(normal, torch.distributions.Normal(0.0, 1.0)).mean()
    assert float(values["divergence"]) == pytest.approx(float(divergence), rel=0.02, abs=1e-3)


@pytest.mark.parametrize("index", [1, 2])
def test_what_the_generator_minimises_by_hand(clip, states, monkeypatch, index):
    """10 times the squared error, the decoder's own with it in the autoencoder, and 1 times the rest."""
    losses = []
    for module in (fitting, gan_level):
        monkeypatch.setattr(module, "descend", lambda adam, loss, limit: losses.append(float(loss.detach())))
    config = tiny(adversarial={"precision": "float32"})
    one = level(clip, states[:index], config)
    values = {name: float(value) for name, value in one.update(0).items()}
    if index == 1:
        again = level(clip, states[:index], config)
        draws = again._draws_of(0)
        coarse = again.real(0, again._pick(draws))
        with torch.no_grad():
            mean, log_variance = again.networks["encoder"](coarse)
            decoded = again.networks["decoder"](
                mean + torch.randn(mean.shape, generator=draws) * (log_variance / 2).exp()
            )
        error = values["reconstruction"] + float((decoded - coarse).square().mean())
        assert losses == pytest.approx([10 * error + values["divergence"]], rel=1e-3)
    else:
        again = level(clip, states[:index], config)
        draws = again._draws_of(0)
        start = again._pick(draws)
        made = again._make(*again._draw(start, draws)).detach()
        error = float((made[1:] - again._window(start)).square().mean())
        assert values["reconstruction"] == pytest.approx(error, rel=1e-3)
        # The critic did not learn here, since nothing descends; its power iteration went on.
        score = float(one.networks["critic"].eval()(made[:1]).detach().mean())
        assert losses[1] == pytest.approx(10 * error - score, rel=0.02, abs=2e-3)


def test_gan_levels_leave_the_frozen_ones_alone_and_start_from_the_level_below(clip, states):
    third = level(clip, states[:2])
    assert set(third.networks) == {"refiner_02", "critic"}
    for name, value in third.networks["refiner_02"].state_dict().items():
        assert torch.equal(value, states[1][f"refiner_01.{name}"])
    draws = fitting.generator_of(0, 2, 3)
    below = Hierarchy.of(states[:2], tiny(), CPU)
    up = to_size(below.sample_and_rebuild(tiny(), third.real(0, 0), third.sizes[:2], draws)[1:], third.sizes[2])
    with torch.no_grad(), third.precision.context():
        rebuilt = third.networks["refiner_02"](up, up)
    error = float((rebuilt - third.real(2, 0)).square().mean()) ** 0.5
    assert third.sigma == pytest.approx(0.1 * error), "of the window that starts the clip: the others overlap it"
    assert float(states[0]["sigma"]) == 0


def test_the_clip_comes_back_through_a_draw_of_its_latent_and_without_noise(clip, states):
    third = level(clip, states[:2])
    below, config = third._below, tiny()

    def drawn(seed, below=below):
        place = config, third.real(0, 0), third.sizes[:2]
        return below.sample_and_rebuild(*place, torch.Generator().manual_seed(seed))

    with torch.no_grad(), below.precision.context():
        mean, log_variance = below.encoder(third.real(0, 0))
        latent = torch.randn(2, *mean.shape[1:], generator=torch.Generator().manual_seed(1))
        video = below.decoder(torch.cat([latent[:1], mean + latent[1:] * (0.5 * log_variance).exp()]))
        up = to_size(video, third.sizes[1])
        expected = below.refiners[0](up, up)
    torch.testing.assert_close(drawn(1), expected)
    assert not torch.equal(drawn(1)[1], drawn(2)[1]), "another draw, another reconstruction"
    up, noisy = third._draw(0, torch.Generator().manual_seed(0))
    assert torch.equal(up[1], noisy[1])
    assert float((noisy[0] - up[0]).std()) == pytest.approx(third.sigma, rel=0.1)


def test_spectral_norm_stands_still_while_the_generator_learns(clip, states, monkeypatch):
    third = level(clip, states[:2])
    critic, seen = third.networks["critic"], []

    def descended(adam, loss, limit):
        seen.append([value.clone() for value in critic.buffers()])
        descend(adam, loss, limit)

    monkeypatch.setattr(gan_level, "descend", descended)
    third.update(0)
    third.update(1)
    critic_turn, generator_turn, next_turn, _ = seen
    assert all(map(torch.equal, critic_turn, generator_turn))
    assert not all(map(torch.equal, generator_turn, next_turn)), "and goes on with the critic's own turn"
    assert critic.training
    assert all(value.requires_grad for value in critic.parameters())
    weight = critic.layers[0].weight.detach().flatten(1)
    assert 0.5 < float(torch.linalg.matrix_norm(weight, ord=2)) < 1.6, "about one"


def test_a_stopped_training_ends_in_the_same_weights(clip, monkeypatch, tmp_path):
    """Killed in a GAN level, run again: the bytes of an undisturbed training."""
    monkeypatch.setattr(growth, "grow", functools.partial(growth.grow, checkpoint_seconds=0.0))
    monkeypatch.setattr(growth.guards, "seconds_of_step", lambda *_: 0.0)
    config = tiny(steps=(2, 2, 4))
    update = AdversarialLevel.update

    def run(folder, stop_at=None):
        def stopped(self, step):
            if step == stop_at:
                raise KeyboardInterrupt
            return update(self, step)

        monkeypatch.setattr(AdversarialLevel, "update", stopped)
        return fitting.fit(clip.frames, config, workdir=folder, device=CPU, seed=3, progress=no_progress)

    whole = run(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut", stop_at=2)
    assert growth.finished_levels(tmp_path / "cut") == 2
    resumed = run(tmp_path / "cut")
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[key], resumed[key]) for key in whole)


def test_samples_of_any_length_same_seed_same_bytes(clip, tmp_path):
    inputs = Inputs(clip)
    state = METHOD.fit("hierarchy", inputs, tiny(), Job(CPU, workdir=tmp_path))
    path = tmp_path / "hierarchy.safetensors"
    save_file({name: value.contiguous().clone() for name, value in state.items()}, path)
    assert not any("critic" in name for name in state), "samples need no critic"

    def draw(config, seed=0):
        return METHOD.sample(Task.GENERATE, inputs, config, seed, Job(CPU, models={"hierarchy": path}))

    first = draw(tiny())
    assert first.shape == (5, 20, 30, 3)
    assert np.array_equal(first, draw(tiny()))
    assert not np.array_equal(first, draw(tiny(), seed=1))
    assert draw(tiny(frames=8)).shape == (8, 20, 30, 3)
    assert draw(tiny(output_scale=(1, 1, 2.0))).shape == (5, 20, 60, 3)
    with pytest.raises(MethodError, match="does not fit"):
        draw(tiny(channels=8))


def test_the_autoencoder_learns_to_rebuild(clip, tmp_path):
    config = tiny(vae_levels=1, channels=8, adversarial={"learning_rate": 3e-3, "clip_norm": 5.0})
    one = level(clip, config=config)
    before = one.measure()["psnr"]
    values = [float(one.update(step)["reconstruction"]) for step in range(60)]
    assert np.mean(values[-5:]) < 0.5 * np.mean(values[:3])
    assert one.measure()["psnr"] > before + 1


def test_each_side_has_a_largest_gradient_of_its_own(clip, states):
    def norms(**limits):
        one = level(clip, states[:2], tiny(adversarial={"clip_norm": None, **limits}))
        one.update(0)
        # Of one step Adam's second moment is the square of its gradient times 1 - 0.999.
        moments = {
            side: [state["exp_avg_sq"].sum() for state in adam.state.values()] for side, adam in one._adam.items()
        }
        return {side: float(sum(values) / 0.001) ** 0.5 for side, values in moments.items()}

    free = norms()
    assert min(free.values()) > 1e-3
    held = norms(critic_clip_norm=1e-4)
    assert held["critic"] == pytest.approx(1e-4, rel=0.01)
    assert held["generator"] > 1e-3
    held = norms(clip_norm=1e-4)
    assert held["generator"] == pytest.approx(1e-4, rel=0.01)
    assert held["critic"] == pytest.approx(free["critic"], rel=0.01)
