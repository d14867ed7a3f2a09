"""Depth, motion and embeddings as the page shows them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file

from onereel.base.errors import MethodError
from onereel.base.files import read_json
from onereel.base.tensorfiles import save_arrays
from onereel.features.artefacts import read_artefact
from onereel.report.page.previews import depth_colours, flow_colours, preview, similarity
from onereel.report.page.write import write_report
from onereel.video.clip import Clip
from tests.unit.test_report_project import build_project

SIZE = (5, 20, 32)


def artefacts(folder: Path) -> dict[str, Path]:
    rng = np.random.default_rng(0)
    images = rng.normal(size=(5, 8)).astype(np.float32)
    arrays = {
        "depth": {"inverse_depth": rng.random(SIZE).astype(np.float16)},
        "flow": {name: rng.normal(size=(4, *SIZE[1:], 2)).astype(np.float16) for name in ("forward", "backward")},
        "embeddings": {"images": images / np.linalg.norm(images, axis=1, keepdims=True)},
    }
    for kind, content in arrays.items():
        save_file(content, folder / f"{kind}.safetensors", {"weights": f"{kind} by <hand>"})
    return {kind: folder / f"{kind}.safetensors" for kind in arrays}


def test_near_is_light() -> None:
    colours = depth_colours(np.array([[[0.0, 0.5, 1.0]]])).astype(int).sum(-1)[0, 0]
    assert list(colours) == sorted(colours)
    assert colours[0] < 30 < 500 < colours[2]


def test_rest_is_white_and_opposite_motions_have_opposite_hues() -> None:
    flow = np.zeros((2, 4, 4, 2), np.float32)
    flow[:, :2, :, 0], flow[:, 2:, :2, 0] = 3, -3
    colours = flow_colours(flow)
    assert colours.shape == (3, 4, 4, 3)
    assert np.array_equal(colours[1], colours[2])
    right, left, rest = colours[0, 0, 0].astype(int), colours[0, 2, 0].astype(int), colours[0, 3, 3]
    assert np.ptp(rest) <= 1
    assert rest.min() > 240
    assert right.argmax() != left.argmax()
    assert flow_colours(np.zeros((0, 4, 4, 2))).shape == (1, 4, 4, 3)


def test_equal_frames_are_the_lightest_pairs() -> None:
    vectors = np.array([[1, 0], [1, 0], [0, 1]], np.float32)
    picture = similarity(vectors).astype(int).sum(-1)
    cell = len(picture) // 3
    middle = picture[cell // 2 :: cell, cell // 2 :: cell]
    assert middle[0, 1] == middle[0, 0] == picture.max()
    assert middle[0, 2] == picture.min()


def test_previews_are_drawn_and_name_what_made_them(tmp_path: Path) -> None:
    files = artefacts(tmp_path)
    assert read_artefact(files["depth"], "depth")[1] == "depth by <hand>"
    preview(Clip(np.zeros((*SIZE, 3), np.uint8), 8), files, tmp_path / "out")
    assert read_json(tmp_path / "out/index.json")["flow"] == "flow by <hand>"
    for kind in ("depth", "flow"):
        index = read_json(tmp_path / "out" / kind / "index.json")
        assert index["size"] == list(SIZE)
        assert (tmp_path / "out" / kind / index["sheets"][0]["file"]).is_file()
    assert Image.open(tmp_path / "out/similarity.png").size == (60, 60)
    with pytest.raises(ValueError, match="no kind of artefact"):
        preview(Clip(np.zeros((*SIZE, 3), np.uint8), 8), {"masks": files["depth"]}, tmp_path / "other")


def test_artefacts_of_another_kind_or_damaged_are_refused(tmp_path: Path) -> None:
    files = artefacts(tmp_path)
    with pytest.raises(MethodError, match="does not hold what 'depth' is made of; delete it"):
        read_artefact(files["flow"], "depth")
    save_file({"images": np.zeros((0, 8), np.float32)}, files["embeddings"])
    with pytest.raises(MethodError, match="does not hold what 'embeddings' is made of"):
        read_artefact(files["embeddings"], "embeddings")
    save_arrays(files["depth"], {"inverse_depth": np.zeros(SIZE, np.float16)})
    assert read_artefact(files["depth"], "depth")[0]["inverse_depth"].shape == SIZE
    files["depth"].write_bytes(files["depth"].read_bytes()[:-1] + b"\x01")
    with pytest.raises(MethodError, match="is damaged: its tensors are not those that were written; delete it"):
        read_artefact(files["depth"], "depth")


def test_the_page_plays_them_beside_the_input(tmp_path: Path) -> None:
    project = build_project(tmp_path, visuals=True)
    clip = project.clips[0]
    assert clip.size is not None
    visuals = tmp_path / "results/visuals"
    preview(Clip(np.zeros((*SIZE, 3), np.uint8), 8), artefacts(tmp_path), visuals / "previews" / clip.name)
    write_report(project, tmp_path / "report", tables={}, visuals=visuals)
    page = (tmp_path / "report/index.html").read_text()
    for kind in ("depth", "flow"):
        assert f'id="player-{clip.name}-{kind}"' in page
        assert (tmp_path / "report/media/previews" / clip.name / kind / "frames-0.jpg").is_file()
    assert "depth by &lt;hand&gt;" in page
    assert (tmp_path / "report/media/previews" / clip.name / "similarity.png").is_file()
    assert page.count("What methods read of the input") == 1
