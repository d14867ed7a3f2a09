"""The scene `world`: promises to those who train and measure on it."""

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from onereel.base.errors import ConfigError
from onereel.scenes import render_spec
from onereel.scenes import world as w
from onereel.scenes.world.kinds import DIRECTIONS, KINDS, SETTINGS, STYLES, TIMES, WEATHERS
from onereel.scenes.world.layout import place
from onereel.scenes.world.rendering import WorldBatch
from onereel.scenes.world.sheet import SHEETS, sheet
from onereel.scenes.world.spec import WorldSpec, hidden_attributes

MANY = 400
_WAYS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1), "still": (0, 0)}


@cache
def batch(count: int = 48) -> WorldBatch:
    return w.render_batch(range(count))


def plain(spec: WorldSpec) -> WorldSpec:
    return replace(spec, style="plain", weather="clear")


@cache
def specs() -> tuple[WorldSpec, ...]:
    return tuple(w.sample_world(seed) for seed in range(MANY))


def things_of(batch: WorldBatch, index: int) -> dict[str, int]:
    """Surface number of every thing."""
    names = {thing.name for thing in place(batch.specs[index])}
    return {name: number for number, name in enumerate(batch.names[index]) if name in names}


def warped_back(later: np.ndarray, flow: np.ndarray) -> np.ndarray:
    height, width = flow.shape[:2]
    rows, columns = np.mgrid[:height, :width]
    x = np.clip(columns + flow[..., 0], 0, width - 1.001)
    y = np.clip(rows + flow[..., 1], 0, height - 1.001)
    left, top = x.astype(int), y.astype(int)
    u, v = (x - left)[..., None], (y - top)[..., None]
    later = later.astype(float)
    upper = later[top, left] * (1 - u) + later[top, left + 1] * u
    return upper * (1 - v) + (later[top + 1, left] * (1 - u) + later[top + 1, left + 1] * u) * v


def test_one_seed_one_clip_alone_or_in_a_batch():
    alone = w.render(w.sample_world(5), 16, 64, 64)
    together = batch()
    for field in ("frames", "depth", "flow", "occluded"):
        np.testing.assert_array_equal(getattr(alone, field), getattr(together, field)[5])
    assert alone.caption == together.captions[5].text
    assert alone.attributes["seed"] == 5
    again = w.render_batch([5], frames=4)
    np.testing.assert_array_equal(again.frames[0], together.frames[5, :4])
    np.testing.assert_array_equal(again.flow[0], together.flow[5, :3])


@pytest.mark.parametrize("threads", ["1", "2"])
def test_threads_change_nothing(threads):
    code = (
        "import hashlib; from onereel.scenes.world import render_batch; b = render_batch(range(6), frames=4);"
        "print(hashlib.sha256(b''.join(a.tobytes() for a in (b.frames, b.depth, b.flow, b.occluded))).hexdigest())"
    )
    w.render_batch([0], frames=2)  # compiled here, so not again there
    env = {**os.environ, "NUMBA_NUM_THREADS": threads}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    here = w.render_batch(range(6), frames=4)
    parts = (here.frames, here.depth, here.flow, here.occluded)
    assert done.stdout.strip() == hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()


def test_shapes_types_and_ranges():
    b = batch()
    assert (b.frames.shape, b.frames.dtype) == ((48, 16, 64, 64, 3), np.uint8)
    assert (b.depth.shape, b.depth.dtype) == ((48, 16, 64, 64), np.float32)
    assert (b.flow.shape, b.flow.dtype) == ((48, 15, 64, 64, 2), np.float32)
    assert (b.occluded.shape, b.occluded.dtype) == ((48, 15, 64, 64), np.bool_)
    assert np.isfinite(b.flow).all()
    assert b.depth.min() > 1
    assert b.depth.max() <= 40
    for index, names in enumerate(b.names):
        assert len(set(names)) == len(names)
        assert b.surfaces[index].max() < len(names)


def test_masks_are_disjoint_and_cover_everything():
    for seed in range(4):
        scene = w.render(w.sample_world(seed), 3, 48, 80)
        np.testing.assert_array_equal(sum(mask.astype(int) for mask in scene.masks.values()), 1)
        for fact in scene.attributes["objects"]:
            assert scene.masks[fact["name"]].any()


def test_the_flow_explains_plain_frames_and_the_opposite_does_not():
    """Away from the rims of surfaces, where a pixel mixes two motions, and from shadows, which stay behind."""
    chosen = [plain(spec) for spec in specs()[:120] if plain(spec) in _good(spec)][:40]
    b = w.render_specs(chosen, frames=4)
    right, wrong, moving = [], [], []
    for n in range(len(chosen)):
        for t in range(3):
            flow = b.flow[n, t]
            pure = ~b.occluded[n, t] & _inner(b.surfaces[n, t]) & ~_shadowed(b, n, t)
            own = b.surfaces[n, t].astype(float)[..., None]
            pure &= np.abs(warped_back(b.surfaces[n, t + 1][..., None], flow) - own)[..., 0] < 1e-9
            pure &= np.hypot(flow[..., 0], flow[..., 1]) > 0.3
            now = b.frames[n, t].astype(float)
            right.append(np.abs(warped_back(b.frames[n, t + 1], flow) - now)[pure])
            wrong.append(np.abs(warped_back(b.frames[n, t + 1], -flow) - now)[pure])
            moving.append(pure.sum())
    assert sum(moving) > 20_000
    error = np.concatenate(right).mean()
    assert error < 3.0
    assert np.concatenate(wrong).mean() > 1.6 * error


def _good(spec: WorldSpec) -> list[WorldSpec]:
    return [] if any(w.complaints(plain(spec))) else [plain(spec)]


def _inner(surfaces: np.ndarray) -> np.ndarray:
    """Pixels whose neighbours up to two away show the same surface."""
    same = np.ones(surfaces.shape, bool)
    for axis in (0, 1):
        for shift in (-2, -1, 1, 2):
            same &= np.roll(surfaces, shift, axis) == surfaces
    return same


def _shadowed(b: WorldBatch, n: int, t: int) -> np.ndarray:
    """Pixels of the background that some thing or its shadow touches in this frame or the next."""
    first = min(things_of(b, n).values())
    touched = ((b.touched[n, t] | b.touched[n, t + 1]) & 127) > 0
    return touched & (b.surfaces[n, t] < first)


def test_occlusion_agrees_with_a_slow_oracle():
    """Anew from the masks: a point that lands amid pixels of another surface is hidden, amid its own it is not.

    Not to the last pixel: what is thinner than a pixel may pass between pixel centres.
    """
    b = w.render_specs(specs()[:60], frames=4, fps=2)  # steps of several pixels
    hidden, shown, outside_hidden = [], [], []
    rows, columns = np.mgrid[:64, :64]
    for n in range(len(b.specs)):
        for t in range(3):
            x, y = columns + b.flow[n, t, ..., 0], rows + b.flow[n, t, ..., 1]
            outside = (np.abs(x - 31.5) > 32.01) | (np.abs(y - 31.5) > 32.01)
            outside_hidden.append(b.occluded[n, t][outside])
            i, j = np.clip(np.round(y), 0, 63).astype(int), np.clip(np.round(x), 0, 63).astype(int)
            sure = _inner(b.surfaces[n, t + 1])[i, j] & ~outside & (np.abs(x - 31.5) < 29) & (np.abs(y - 31.5) < 29)
            differs = b.surfaces[n, t + 1][i, j] != b.surfaces[n, t]
            hidden.append(b.occluded[n, t][sure & differs])
            # A thing may hide a part of itself (a swinging wing), the background never.
            scenery = b.surfaces[n, t] < min(things_of(b, n).values())
            shown.append(b.occluded[n, t][sure & ~differs & scenery])
    assert np.concatenate(outside_hidden).all()
    assert len(np.concatenate(hidden)) > 150
    assert np.concatenate(hidden).mean() > 0.97
    assert np.concatenate(shown).mean() < 0.0005


def test_where_two_things_overlap_the_nearer_is_seen():
    """The farther one alone shows where the nearer one covers it."""
    seen = 0
    for spec in specs():
        if len(spec.groups) < 2:
            continue
        both = w.render_specs([spec], frames=9)
        for gone in (0, 1):
            kept = replace(spec, groups=(spec.groups[1 - gone],)) if gone == 1 else None
            if kept is None:  # a group's number is part of its places, so only the second can go
                continue
            alone = w.render_specs([kept], frames=9)
            for name, number in things_of(alone, 0).items():
                covered = (alone.surfaces[0] == number) & (both.surfaces[0] != both.names[0].index(name))
                assert (both.depth[0][covered] <= alone.depth[0][covered]).all()
                seen += covered.sum()
        if seen > 300:
            return
    raise AssertionError("no two things overlap")


def test_things_of_a_group_can_be_counted():
    """No thing hides most of another of its kind; a few may be partly behind the other group's."""
    hidden = total = 0
    for spec in specs():
        if max(group.count for group in spec.groups) == 1:
            continue
        b = w.render_specs([spec], frames=9)
        areas = {name: (b.surfaces[0, 8] == number).sum() for name, number in things_of(b, 0).items()}
        for group in spec.groups:
            own = [area for name, area in areas.items() if name.startswith(f"{group.kind}_")]
            assert len(own) == group.count
            hidden += sum(area < 0.5 * max(own) for area in own)
            total += len(own)
    assert total > 100
    assert hidden < 0.01 * total


def test_directions_are_those_of_the_true_flow():
    """In the picture where the camera is still; parts that swing, such as wings, come on top."""
    seen = set()
    for index, spec in enumerate(specs()[:150]):
        if spec.camera != "still":
            continue
        b = w.render_specs([spec], frames=17, height=48, width=48)  # two seconds: whole cycles of all parts
        things = place(spec)
        for name, number in things_of(b, 0).items():
            group = spec.groups[next(thing.group for thing in things if thing.name == name)]
            mask = b.surfaces[0, :-1] == number
            if mask.sum() < 200:
                continue
            flow = b.flow[0][mask].mean(axis=0)
            way = _WAYS[group.direction]
            if group.direction == "still":
                assert np.hypot(*flow) < 0.15, (index, name, flow)
            else:
                along = flow @ way
                assert along > 0.3, (index, name, flow)
                assert abs(flow @ (way[1], way[0])) < 0.5 * along
            seen.add(group.direction)
    assert seen == set(DIRECTIONS)


@pytest.mark.parametrize("camera", ["pan left", "pan right", "zoom in", "zoom out"])
def test_the_camera_moves_the_background(camera):
    spec = next(spec for spec in specs() if spec.camera == "still" and spec.setting == "land")
    spec = replace(spec, camera=camera, groups=(w.Group("tree", "orange", 1, "small", "still", "slow"),), time="day")
    b = w.render_specs([replace(spec, weather="clear")], frames=3, height=48, width=48)
    flow = b.flow[0, 1]
    if camera.startswith("pan"):
        sign = 1 if camera == "pan left" else -1
        assert (sign * flow[..., 0] > 0.05).all()
        # Near things pass faster.
        assert abs(flow[-1, :, 0]).mean() > 2 * abs(flow[0, :, 0]).mean()
    else:
        sign = 1 if camera == "zoom in" else -1
        rows, columns = np.mgrid[:48, :48] - 23.5
        assert (sign * (flow[..., 0] * columns + flow[..., 1] * rows) > 0).all()


def test_every_kind_is_big_enough_and_of_its_own_shape():
    outlines = {}
    for name in KINDS:
        spec = next(spec for spec in specs() if any(group.kind == name for group in spec.groups))
        group = next(group for group in spec.groups if group.kind == name)
        for size, least in (("small", 42), ("large", 160)):
            alone = replace(plain(spec), camera="still", groups=(replace(group, size=size, count=1, speed="slow"),))
            b = w.render_specs([alone], frames=9)
            mask = b.surfaces[0, 8] == things_of(b, 0)[f"{name}_1"]
            assert mask.sum() >= least, (name, size, mask.sum())
            rows, columns = np.nonzero(mask)
            assert rows.min() > 0 or name in ("bird", "plane", "kite"), name
            if size == "large":
                outlines[name] = mask[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    assert len(outlines) == len(KINDS) >= 10


@pytest.mark.parametrize("height", [64, 96])
@pytest.mark.parametrize("kind", w.EDITS)
def test_an_edit_changes_one_attribute_and_only_its_pixels(kind, height):
    styles = set()
    for seed in range(6 if height == 64 else 2):
        pair = w.edit_pair(seed, kind, frames=4, height=height, width=height)
        before, after = _flat(pair.source_spec), _flat(pair.edited_spec)
        differing = {key for key in before | after if before.get(key) != after.get(key)} - {"framed"}
        added = {f"{pair.attribute}.{name}" for name in CLASSES_OF_GROUPS if pair.before is None}
        assert differing == (added or {pair.attribute})
        if not added:
            assert (pair.before, pair.after) == (before[pair.attribute], after[pair.attribute])
        assert pair.mask.shape == pair.source.frames.shape[:3]
        differs = (pair.source.frames != pair.edited.frames).any(axis=-1)
        assert not differs[~pair.mask].any(), (seed, pair.attribute, pair.source_spec.style)
        assert differs[pair.mask].mean() > 0.05
        assert pair.source_caption != pair.edit_caption
        if pair.attribute not in ("time", "weather", "style", "setting", "camera"):
            assert pair.mask.mean() < 0.75
        styles |= {pair.source_spec.style}
    assert len(styles) > 1 or height > 64


CLASSES_OF_GROUPS = ("kind", "colour", "count", "size", "direction", "speed")
PAIRS = {
    ("kind", 0): "e5cb5409b6314dfd",
    ("kind", 7): "daa5f2681b3c75f4",
    ("colour", 0): "330ff097a27f2760",
    ("colour", 7): "71e21a3670f73684",
    ("count", 0): "467f2dd724cddd53",
    ("count", 7): "138337b415be4a5d",
    ("size", 0): "6a94e2d21db830fa",
    ("size", 7): "24444377f28c6d79",
    ("direction", 0): "906f303fba1b581c",
    ("direction", 7): "50faa1b6d213ef5b",
    ("speed", 0): "2a3b518d387d2e07",
    ("speed", 7): "877bff91583f0221",
    ("setting", 0): "c7e98aed8a1563d9",
    ("setting", 7): "d860cfe76ae8d6ee",
    ("time", 0): "17b1addc7c9c9b25",
    ("time", 7): "95edb69211f31d70",
    ("weather", 0): "4cef0d1e81e8d721",
    ("weather", 7): "613f5d78407a76a3",
    ("style", 0): "e5afc2879a0a34d7",
    ("style", 7): "73e9c99a1f049cac",
    (None, 0): "47afd305990b842f",
    (None, 1): "1b858e2adb10b6bf",
    (None, 2): "eb8e59897a0374e8",
    (None, 3): "6ae70325d2914916",
}  # fmt: skip


def test_pairs_stay_what_they_were_to_the_last_bit():
    found = {}
    for kind, seed in PAIRS:
        pair = w.edit_pair(seed, kind, frames=2, height=24, width=32)
        digest = hashlib.sha256()
        for array in (pair.source.frames, pair.edited.frames, pair.mask):
            digest.update(array.tobytes())
        digest.update((pair.source_caption + pair.edit_caption).encode())
        found[kind, seed] = digest.hexdigest()[:16]
    assert found == PAIRS


def test_many_edits_of_one_source_share_its_frames():
    source = w.sample_world(10)
    pairs = [
        w.edit_pair(seed, kind, source=source, frames=2, height=24, width=32)
        for kind in ("colour", "setting", "camera", "add")
        for seed in (0, 1)
    ]
    assert all(pair.source_spec == source for pair in pairs)
    assert all((pair.source.frames == pairs[0].source.frames).all() for pair in pairs)
    assert len({pair.edit_caption for pair in pairs}) > 4


def test_a_source_without_such_an_edit_is_refused():
    pencil = next(spec for spec in specs() if spec.style == "pencil")
    with pytest.raises(ConfigError, match="edit 'colour': this source has none"):
        w.edit_pair(0, "colour", source=pencil)


def test_a_changed_camera_leaves_things_where_they_were():
    pair = w.edit_pair(3, "camera", frames=9)  # 8 per second: the last one is the middle, where all cameras agree
    assert pair.source_spec.camera != pair.edited_spec.camera
    assert np.array_equal(pair.source.depth[8], pair.edited.depth[8])
    assert not np.array_equal(pair.source.depth[0], pair.edited.depth[0])


def test_what_is_added_was_not_there():
    kinds = set()
    for seed in range(12):
        pair = w.edit_pair(seed, "add", frames=2, height=24, width=32)
        if pair.attribute == "weather":
            assert pair.before == "clear"
        else:
            assert pair.before is None
            assert len(pair.edited_spec.groups) == len(pair.source_spec.groups) + 1
            assert len(pair.edit_caption) > len(pair.source_caption)
        kinds.add(pair.attribute)
    assert kinds == {"weather", "groups.1"}


def _flat(spec: WorldSpec) -> dict[str, object]:
    values = spec.as_dict()
    groups = values.pop("groups")
    return values | {f"groups.{i}.{key}": value for i, group in enumerate(groups) for key, value in group.items()}


def test_edited_captions_share_their_other_words():
    for seed in range(40):
        source, edited, attribute, kind = w.edit_specs(seed)
        one, two = (w.describe(spec, seed, name=frozenset({kind})) for spec in (source, edited))
        told = {fact["attribute"]: fact["words"] for fact in one.facts}
        told_after = {fact["attribute"]: fact["words"] for fact in two.facts}
        hidden = hidden_attributes(source) | hidden_attributes(edited)
        assert attribute in told
        assert attribute in told_after
        for key in told.keys() & told_after.keys() - {attribute}:
            related = {"kind", "count", "direction"} & {key.split(".")[-1], attribute.split(".")[-1]}
            assert told[key] == told_after[key] or related or key in hidden, (seed, key)


def test_captions_tell_what_holds_and_nothing_hidden():
    texts = set()
    for spec in specs():
        flat, hidden = _flat(spec), hidden_attributes(spec)
        for wording in range(3):
            caption = w.describe(spec, wording)
            texts.add(caption.text)
            assert caption.text[0].isupper()
            assert caption.text.endswith(".")
            for fact in caption.facts:
                assert flat[fact["attribute"]] == fact["value"]
                assert fact["words"].lower() in caption.text.lower()
                assert fact["attribute"].split(".")[-1] not in hidden
            named = {fact["attribute"] for fact in caption.facts}
            assert {f"groups.{index}.{key}" for index in range(len(spec.groups)) for key in ("kind", "count")} <= named
        whole = {fact["attribute"] for fact in w.describe(spec, name=w.EVERYTHING).facts}
        assert {"setting", "weather", "camera", "style"} <= whole
    assert len(texts) > 2.5 * MANY


def test_every_value_comes_and_specs_survive_json():
    assert {spec.setting for spec in specs()} == set(SETTINGS)
    assert {spec.time for spec in specs()} == set(TIMES)
    assert {spec.weather for spec in specs()} == set(WEATHERS)
    assert {spec.style for spec in specs()} == set(STYLES)
    assert {group.kind for spec in specs() for group in spec.groups} == set(KINDS)
    for spec in specs()[:50]:
        assert not list(w.complaints(spec))
        assert WorldSpec.from_dict(json.loads(json.dumps(spec.as_dict()))) == spec
    json.dumps(w.render(specs()[0], 2, 16, 16).attributes)


def test_labels_stand_for_what_can_be_seen():
    b = batch()
    for attribute, values in w.CLASSES.items():
        for spec, label in zip(b.specs, b.labels[attribute], strict=True):
            if label >= 0:
                owner = spec if hasattr(spec, attribute) else spec.groups[0]
                assert values[label] == getattr(owner, attribute)
                assert attribute not in hidden_attributes(spec)
    assert all((b.labels["colour"] == -1) == np.array([spec.style == "pencil" for spec in b.specs]))


def test_a_world_is_a_source_of_any_size():
    scene = render_spec("scene:world?seed=3&frames=5&height=40&width=100&fps=10")
    assert scene.frames.shape == (5, 40, 100, 3)
    assert scene.attributes["scene"] == "world"
    narrow = render_spec("world?seed=3&frames=5&height=40&width=40&fps=10")
    np.testing.assert_allclose(scene.depth[:, :, 30:70], narrow.depth, rtol=1e-5)
    with pytest.raises(ConfigError, match="2 GB"):
        render_spec("world?frames=5000&height=512&width=512")


@pytest.mark.parametrize("what", SHEETS)
def test_sheets_have_room_for_everything(what):
    page = sheet(what, count=2, height=24, columns=4)
    assert page.width > 4 * 24
    assert len(np.unique(np.asarray(page).reshape(-1, 3), axis=0)) > 50


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: w.sample_world(-1), "least is 0"),
        (lambda: w.edit_pair(0, "colours"), "colour"),
        (lambda: sheet("edit"), "edits"),
        (lambda: sheet("seeds", count=0), "use 1 to 1000"),
    ],
)
def test_mistakes_are_named(call, message):
    with pytest.raises(ConfigError, match=message):
        call()
