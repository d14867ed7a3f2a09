"""The renderer against worlds whose truth can be written down."""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest

from onereel.scenes.base import Box, Moved, World
from onereel.scenes.mesh import Mesh, Pose
from onereel.scenes.renderer import render_world
from onereel.scenes.sheets import Sheet
from onereel.scenes.textures import Raster
from onereel.scenes.water_surface import Course, Water

HEIGHT, WIDTH, FRAMES, FPS = 40, 64, 5, 10


@dataclass(frozen=True)
class Disc:
    """A flat disc that moves by whole pixels per frame."""

    name: str
    away: float
    radius: float
    start: tuple[float, float]
    step: tuple[float, float]  # pixels per frame
    tone: float
    period: float = math.inf

    def centre(self, time):
        return tuple(at + step / HEIGHT * time * FPS for at, step in zip(self.start, self.step, strict=True))

    def distance(self, time):
        return self.away

    def bounds(self, time):
        (x, y), r = self.centre(time), self.radius
        return Box(x - r, y - r, x + r, y + r)

    def shape(self, x, y, time):
        at_x, at_y = self.centre(time)
        return np.hypot(x - at_x, y - at_y) - self.radius

    def colour(self, x, y, time):
        return np.full((*np.broadcast_shapes(x.shape, y.shape), 3), self.tone, np.float32)

    def depth(self, x, y, time):
        return np.full(x.shape, self.away, np.float32)

    def move(self, x, y, time, later):
        (x0, y0), (x1, y1) = self.centre(time), self.centre(later)
        return Moved(x + (x1 - x0), y + (y1 - y0), np.ones(x.shape, bool))


def textured_sheet(step: float, *, name: str = "back") -> Sheet:
    """A random picture that covers everything and drifts by `step` pixels per frame."""
    texels = np.random.default_rng(0).random((100, 300, 3)).astype(np.float32) * 0.7
    return Sheet(name, 50.0, Raster(texels, 3.0, 0.0, 1.0), speed=step / HEIGHT * FPS)


def rendered(*layers, frames: int = FRAMES, height: int = HEIGHT, width: int = WIDTH):
    world = World(layers, "A test.", {"objects": []})
    return render_world(world, frames=frames, height=height, width=width, fps=Fraction(FPS), attributes={})


@pytest.fixture(scope="module")
def discs():
    far = Disc("far", 20.0, 0.2, (-0.3, 0.5), (3, 0), 0.2)
    near = Disc("near", 5.0, 0.25, (0.35, 0.45), (-2, 1), 0.9)
    return far, near, rendered(textured_sheet(1), near, far)


def truth(disc: Disc, index: int) -> np.ndarray:
    """Mask of a disc alone, from pixel coordinates."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    x = disc.start[0] * HEIGHT + WIDTH / 2 - 0.5 + disc.step[0] * index
    y = disc.start[1] * HEIGHT - 0.5 + disc.step[1] * index
    return (columns - x) ** 2 + (rows - y) ** 2 < (disc.radius * HEIGHT) ** 2


def test_masks_depth_and_flow_are_those_of_the_nearest_layer(discs):
    far, near, scene = discs
    for index in range(FRAMES):
        on_near = truth(near, index)
        on_far = truth(far, index) & ~on_near
        np.testing.assert_array_equal(scene.masks["near"][index], on_near)
        np.testing.assert_array_equal(scene.masks["far"][index], on_far)
        np.testing.assert_array_equal(scene.depth[index], np.select([on_near, on_far], [5.0, 20.0], 50.0))
        if index + 1 < FRAMES:
            for chosen, step in ((on_near, (-2, 1)), (on_far, (3, 0)), (~on_near & ~on_far, (1, 0))):
                np.testing.assert_allclose(
                    scene.flow[index][chosen], np.broadcast_to(step, (chosen.sum(), 2)), atol=1e-4
                )


def test_occlusion_is_cover_by_something_nearer_or_leaving_the_image(discs):
    far, near, scene = discs
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    covered_some = False
    for index in range(FRAMES - 1):
        step = np.round(scene.flow[index]).astype(int)  # whole pixels in this world
        to_x, to_y = columns + step[..., 0], rows + step[..., 1]
        inside = (to_x >= 0) & (to_x < WIDTH) & (to_y >= 0) & (to_y < HEIGHT)
        clip_x, clip_y = to_x.clip(0, WIDTH - 1), to_y.clip(0, HEIGHT - 1)
        later_near, later_far = truth(near, index + 1)[clip_y, clip_x], truth(far, index + 1)[clip_y, clip_x]
        on_near, on_far = scene.masks["near"][index], scene.masks["far"][index]
        covered = np.where(on_near, False, np.where(on_far, later_near, later_near | later_far))
        np.testing.assert_array_equal(scene.occluded[index], covered | ~inside)
        covered_some |= bool((covered & on_far).any())
    assert covered_some, "the discs were meant to cross"


def test_warping_back_by_whole_pixels_gives_the_same_picture(discs):
    """Points and their samples move together, so that only rounding (one level) remains away from soft edges."""
    _, _, scene = discs
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    for index in range(FRAMES - 1):
        step = np.round(scene.flow[index]).astype(int)
        to_x, to_y = (columns + step[..., 0]).clip(0, WIDTH - 1), (rows + step[..., 1]).clip(0, HEIGHT - 1)
        warped = scene.frames[index + 1][to_y, to_x].astype(int)
        pure = ~scene.occluded[index] & ~rim(scene, index) & ~rim(scene, index + 1)[to_y, to_x]
        assert pure.mean() > 0.5
        assert np.abs(warped - scene.frames[index])[pure].max() <= 1


def rim(scene, index: int) -> np.ndarray:
    """Pixels whose neighbourhood holds more than one layer."""
    label = np.select([mask[index] for mask in scene.masks.values()], range(len(scene.masks)))
    padded = np.pad(label, 1, mode="edge")
    shifted = [padded[1 + dy : 1 + dy + HEIGHT, 1 + dx : 1 + dx + WIDTH] for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    return np.any([other != label for other in shifted], axis=0)


def test_coverage_at_an_edge_is_the_share_of_the_pixel():
    """The mean tone of a disc on black is its area, far better than whole pixels would give."""
    black = Sheet("back", 50.0, Raster(np.zeros((4, 4, 3), np.float32), 3.0, 0.0, 1.0))
    disc = Disc("disc", 5.0, 0.2, (0.013, 0.487), (0, 0), 0.5)
    frame = rendered(black, disc, frames=1).frames[0, ..., 0] / 255.0
    linear = np.where(frame <= 0.04045, frame / 12.92, ((frame + 0.055) / 1.055) ** 2.4)
    area = linear.sum() / 0.5 / HEIGHT**2
    assert area == pytest.approx(math.pi * 0.2**2, rel=0.01)


def test_a_periodic_layer_comes_again():
    disc = Disc("disc", 5.0, 0.1, (-0.5, 0.5), (0, 0), 0.5, period=0.8)

    class Repeated(Disc):
        def shape(self, x, y, time):
            return np.hypot((x + 0.5 + 0.4) % 0.8 - 0.4, y - 0.5) - 0.1

    again = Repeated(**disc.__dict__)
    mask = rendered(textured_sheet(0), again, frames=1).masks["disc"][0]
    np.testing.assert_array_equal(mask[:, :32], mask[:, 32:])  # 0.8 scene units are 32 of these pixels
    assert mask[:, :32].sum() == pytest.approx(math.pi * 4**2, abs=6)


def spinning_square(rate: float) -> Mesh:
    """A square of two triangles that turns about the image's centre and grows."""

    def pose(time: float) -> Pose:
        angles = np.array([0.35, 0.85, 1.35, 1.85]) * math.pi + rate * time
        corners = (1 + time) * 0.3 * np.stack([np.cos(angles), np.sin(angles)], axis=1) + (0, 0.5)
        return Pose(corners, np.full(4, 3.0), np.tile(np.float32([0.2, 0.4, 0.6]), (4, 1)))

    return Mesh("square", np.array([(0, 1, 2), (0, 2, 3)]), pose)


def test_mesh_points_move_with_the_rotation_and_growth():
    scene = rendered(textured_sheet(0), spinning_square(2.0), frames=2)
    mask = scene.masks["square"][0]
    assert mask.sum() == pytest.approx((0.3 * math.sqrt(2) * HEIGHT) ** 2, rel=0.06)
    rows, columns = np.nonzero(mask)
    x, y = columns + 0.5 - WIDTH / 2, rows + 0.5 - HEIGHT / 2
    angle, growth = 2.0 / FPS, 1 + 1 / FPS
    to_x = growth * (x * math.cos(angle) - y * math.sin(angle))
    to_y = growth * (x * math.sin(angle) + y * math.cos(angle))
    np.testing.assert_allclose(scene.flow[0][mask], np.stack([to_x - x, to_y - y], axis=1), atol=1e-3)


def test_mesh_seam_does_not_show():
    scene = rendered(Sheet("back", 9.0, Raster(np.ones((4, 4, 3), np.float32), 3.0, 0.0, 1.0)), spinning_square(0.3))
    for frame, mask in zip(scene.frames, scene.masks["square"], strict=True):
        inner = mask & np.roll(mask, 1, 0) & np.roll(mask, -1, 0) & np.roll(mask, 1, 1) & np.roll(mask, -1, 1)
        assert np.ptp(frame[inner].astype(int), axis=0).max() <= 1


def test_mesh_hides_its_own_points():
    """A small flap in front slides to the right over a plate: what it will cover is occluded, and only that."""

    def pose(time: float) -> Pose:
        left = -0.4 + 5 / HEIGHT * FPS * time  # 5 pixels per frame
        plate = [(-0.6, 0.2), (0.6, 0.2), (0.6, 0.8), (-0.6, 0.8)]
        flap = [(left, 0.3), (left + 0.3, 0.3), (left + 0.3, 0.7), (left, 0.7)]
        return Pose(np.array(plate + flap), np.repeat([4.0, 3.0], 4), np.full((8, 3), 0.5, np.float32))

    mesh = Mesh("plate", np.array([(0, 1, 2), (0, 2, 3), (4, 5, 6), (4, 6, 7)]), pose)
    scene = rendered(textured_sheet(0), mesh, frames=2)
    on_flap = scene.depth[0] == 3.0
    will_cover = scene.depth[1] == 3.0
    on_plate = scene.depth[0] == 4.0
    np.testing.assert_array_equal(scene.occluded[0][on_plate], will_cover[on_plate])
    assert not scene.occluded[0][on_flap].any()
    assert (on_plate & will_cover).sum() == 5 * round(0.4 * HEIGHT)


def test_mesh_depth_and_motion_are_in_perspective():
    """A slanted board in space, seen from the origin, that comes nearer: depth and flow from the ray by hand."""
    corners = np.array([(-1.0, 0.4, 2.0), (1.0, 0.4, 2.0), (1.5, 4.2, 6.0), (-1.5, 4.2, 6.0)])
    ahead = np.array([0.1, -0.2, -0.5])  # per second

    def pose(time: float) -> Pose:
        space = corners + ahead * time
        return Pose(space[:, :2] / space[:, 2:], space[:, 2], np.full((4, 3), 0.5, np.float32))

    mesh = Mesh("board", np.array([(0, 1, 2), (0, 2, 3)]), pose)
    scene = rendered(textured_sheet(0), mesh, frames=2, height=120, width=192)
    mask = scene.masks["board"][0]
    assert mask.sum() > 1000
    rows, columns = np.nonzero(mask)
    ray = np.stack([(columns + 0.5 - 96) / 120, (rows + 0.5) / 120, np.ones(len(rows))], axis=1)
    normal = np.cross(corners[1] - corners[0], corners[3] - corners[0])
    point = ray * (corners[0] @ normal / (ray @ normal))[:, None]
    np.testing.assert_allclose(scene.depth[0][mask], point[:, 2], rtol=1e-3)
    later = point + ahead / FPS
    expected = later[:, :2] / later[:, 2:] * 120 - np.stack([columns + 0.5 - 96, rows + 0.5], axis=1)
    np.testing.assert_allclose(scene.flow[0][mask], expected, atol=5e-3)


def test_water_moves_with_its_current_along_the_course():
    """Perspective by hand: x = X / Z, y = horizon + eye / Z, with X measured from the river's middle."""
    horizon, eye, current = 0.3, 1.2, 0.9
    course = Course(half_width=0.8, sway=1.5, length=15.0, phase=0.4)
    deep = np.full(3, 0.1, np.float32)
    water = Water("river", horizon, eye, (0.0, -current), course, (), (textured_sheet(0),), (), deep, None, far=100.0)
    moved = water.move(*points(water), 0.0, 0.5)
    x, y = points(water)
    z = eye / (y - horizon)
    across = x * z - 1.5 * (np.sin(math.tau * z / 15 + 0.4) - math.sin(0.4))
    later = z - current * 0.5
    kept = later > 0.2
    expected_x = (across + 1.5 * (np.sin(math.tau * later / 15 + 0.4) - math.sin(0.4))) / later
    np.testing.assert_allclose(moved.x[kept], expected_x[kept], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(moved.y[kept], (horizon + eye / later)[kept], rtol=1e-4)
    # What was in the river stays in it.
    inside = water.shape(x, y, 0.0) < -1e-3
    assert (water.shape(moved.x[inside & kept], moved.y[inside & kept], 0.5) < 0).all()


def points(water: Water) -> tuple[np.ndarray, np.ndarray]:
    """Random points below the horizon."""
    rng = np.random.default_rng(1)
    x = rng.uniform(-0.9, 0.9, 500).astype(np.float32)
    return x, rng.uniform(water.horizon + 0.08, 1, 500).astype(np.float32)
