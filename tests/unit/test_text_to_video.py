"""The method text_to_video on tiny random models of the public classes."""

from fractions import Fraction

import numpy as np
import pytest
import torch

from onereel.backbones.families import FAMILIES, Family
from onereel.backbones.text_to_video import Native, TextToVideo
from onereel.base.errors import MethodError, WeightsError
from onereel.jobs.sampling import SampleRequest, check_run, draw_many
from onereel.methods import Inputs, Job, Task, configure, load_method
from onereel.methods.text_to_video.shape import like_the_clip
from onereel.video.clip import Clip
from onereel.weights.entries import BackboneEntry, StandInEntry
from onereel.weights.store import Resolved, Weights
from tests.unit.tiny_backbones import SIZES, tiny

METHOD = load_method("text_to_video")
CPU = torch.device("cpu")


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module", params=["unet3d", "latte", "wan"])
def weights(request, tmp_path_factory) -> Resolved:
    return tiny(request.param, tmp_path_factory.mktemp(request.param))


def config_of(weights: Resolved, **settings):
    given = {"backbone": weights.name, "num_inference_steps": 2, **settings}
    return configure(METHOD, "demo", given, task=Task.GENERATE)


def job_of(weights: Resolved, device: torch.device = CPU) -> Job:
    return Job(device, backbones={weights.name: weights})


def requests(task: Task, seeds: list[int], prompt: str = "a cat") -> list[SampleRequest]:
    return [SampleRequest("r", "", "text_to_video", task, "demo", seed, prompt=prompt) for seed in seeds]


def drawn(weights: Resolved, task: Task, inputs: Inputs, seeds: list[int], **settings):
    asked = requests(task, seeds, inputs.prompt)
    return draw_many(METHOD, asked, inputs, config_of(weights, **settings), job_of(weights))


def test_a_prompt_alone_makes_what_the_model_was_trained_for(weights):
    ((sample, record), (other, _)) = drawn(weights, Task.GENERATE, Inputs(prompt="a cat"), [0, 1])
    assert sample.size == SIZES[weights.entry.family]
    assert sample.fps == 8
    assert record["backbones"] == {weights.name: weights.printed}
    assert not np.array_equal(sample.frames, other.frames)
    ((alone, _),) = drawn(weights, Task.GENERATE, Inputs(prompt="a cat"), [1])
    assert np.array_equal(alone.frames, other.frames), "the same bytes, alone and in a batch"
    ((dog, _),) = drawn(weights, Task.GENERATE, Inputs(prompt="two dogs"), [1])
    assert not np.array_equal(dog.frames, other.frames)


def test_of_the_clip_an_edit_reads_the_shape_alone(tmp_path):
    weights = tiny("latte", tmp_path)
    rng = np.random.default_rng(0)
    clips = [Clip(rng.integers(0, 256, (7, 20, 24, 3), dtype=np.uint8), Fraction(12)) for _ in range(2)]
    first, second = (drawn(weights, Task.EDIT_TEXT, Inputs(clip=clip, prompt="a cat"), [3])[0][0] for clip in clips)
    assert first.size == (7, 20, 24)
    assert first.fps == 12
    assert np.array_equal(first.frames, second.frames)


class Small(TextToVideo):
    """A family of pixels, as small stand-ins are: grey that the prompt's length and the seed decide."""

    native = Native(4, 8.0, 8, 8)

    @classmethod
    def load(cls, weights, *, device="cpu", dtype=None, offload=False):
        return cls()

    def check_size(self, frames, height, width):
        if height % 8:
            raise MethodError("backbone 'small'", "sides are multiples of 8", "ask for 8")

    def generate(self, prompts, generators, *, frames, height, width, **_):
        levels = [
            torch.rand((), generator=one) * len(text) / 100 for text, one in zip(prompts, generators, strict=True)
        ]
        return torch.stack([level.expand(3, frames, height, width) for level in levels])


def test_a_stand_in_of_another_family_serves_by_its_name(monkeypatch):
    monkeypatch.setitem(FAMILIES, "small", Family({}, text_to_video=lambda: Small))
    entry = StandInEntry(kind="stand-in", role="text-to-video", title="Small", seed=0, sha256="ab" * 32, family="small")
    weights = Resolved("t2v-world", entry.role, "Small", "Small", entry.sha256, True, {}, 0, entry=entry)
    config = configure(METHOD, "demo", task=Task.GENERATE)
    assert METHOD.backbones(Task.GENERATE, config) == ("t2v-world",)
    one, two = drawn(weights, Task.GENERATE, Inputs(prompt="a cat"), [0, 1])
    assert one[0].size == two[0].size == (4, 8, 8)
    assert one[1]["backbones"] == {"t2v-world": weights.printed}
    assert not np.array_equal(one[0].frames, two[0].frames)
    with pytest.raises(MethodError, match="multiples of 8"):
        check_run(METHOD, Task.GENERATE, Inputs(prompt="a"), config_of(weights, height=12), job_of(weights))


def test_settings_choose_another_size(tmp_path):
    weights = tiny("unet3d", tmp_path)
    ((sample, _),) = drawn(weights, Task.GENERATE, Inputs(prompt="a cat"), [0], frames=2, height=24, width=8)
    assert sample.size == (2, 24, 8)
    with pytest.raises(MethodError, match="sides are multiples of 8, not 20x32; ask for 16x32"):
        check_run(METHOD, Task.GENERATE, Inputs(prompt="a cat"), config_of(weights, height=20), job_of(weights))


def test_frames_are_repeated_or_left_out_and_never_mixed():
    video = torch.linspace(-1, 1, 4)[None, :, None, None].expand(3, 4, 8, 8)
    levels = [0, 85, 170, 255]

    def shown(count: int) -> list[int]:
        clip = Clip(np.zeros((count, 8, 8, 3), np.uint8))
        return like_the_clip(video, clip).frames[:, 0, 0, 0].tolist()

    assert shown(4) == levels
    assert shown(8) == [level for level in levels for _ in range(2)]
    assert shown(2) == [85, 255]
    assert set(shown(5)) <= set(levels)


@pytest.mark.parametrize(
    ("task", "inputs", "complaint"),
    [
        (Task.GENERATE, Inputs(), "needs a prompt"),
        (Task.GENERATE, Inputs(clip=Clip(np.zeros((2, 8, 8, 3), np.uint8)), prompt="a"), "reads no clip"),
        (Task.EDIT_TEXT, Inputs(prompt="a cat"), "needs a clip"),
        (Task.RETARGET, Inputs(prompt="a cat"), "does not do 'retarget'"),
    ],
)
def test_what_is_missing_or_not_read_is_refused(task, inputs, complaint, tmp_path):
    weights = tiny("latte", tmp_path)
    with pytest.raises(MethodError, match=complaint):
        check_run(METHOD, task, inputs, config_of(weights), job_of(weights))


def test_a_model_that_makes_no_videos_is_refused(tmp_path):
    weights = tiny("latte", tmp_path)
    other = Resolved("x", "r", "t", "t", "", False, {}, entry=weights.entry.model_copy(update={"family": "controlnet"}))
    with pytest.raises(WeightsError, match="makes no videos of texts"):
        check_run(METHOD, Task.GENERATE, Inputs(prompt="a"), config_of(other), job_of(other))


def test_memory_is_judged_before_any_weight_is_read(tmp_path, monkeypatch):
    weights = tiny("latte", tmp_path)
    monkeypatch.setattr("onereel.training.estimates.available_memory", lambda device: 100_000)
    with pytest.raises(MethodError, match=r"^backbone 'tiny-random-latte': needs about .* MB, cpu has 0\.1 MB; "):
        check_run(METHOD, Task.GENERATE, Inputs(prompt="a"), config_of(weights), job_of(weights))
    check_run(METHOD, Task.GENERATE, Inputs(prompt="a"), config_of(weights), job_of(weights, torch.device("meta")))


def test_presets_name_models_that_make_videos_of_texts():
    from onereel.methods import read_method_file

    entries = Weights().entries
    named = {configure(METHOD, preset).backbone for preset in read_method_file("text_to_video")["presets"]}
    for name in named - {"t2v-world"}:
        entry = entries[name]
        assert isinstance(entry, BackboneEntry)
        assert FAMILIES[entry.family].text_to_video
