"""Tensors on disk: what was written comes back, and what changed on the way is noticed."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from onereel.base import tensorfiles

TENSORS = {
    "b": torch.arange(6, dtype=torch.bfloat16).reshape(2, 3).T,
    "a": torch.tensor(2.5),
    "empty": torch.zeros(0, 3),
    "mask": torch.tensor([True, False]),
}


def test_tensors_and_notes_come_back_and_give_the_same_bytes(tmp_path):
    tensorfiles.save(tmp_path / "a.safetensors", TENSORS, {"weights": "DPT", "zoo": "x"})
    tensorfiles.save(tmp_path / "b.safetensors", dict(reversed(TENSORS.items())), {"zoo": "x", "weights": "DPT"})
    found, notes = tensorfiles.load_with_notes(tmp_path / "a.safetensors", ours=True)
    assert notes == {"weights": "DPT", "zoo": "x"}
    assert all(torch.equal(found[name], TENSORS[name]) for name in TENSORS)
    assert found["b"].dtype == torch.bfloat16
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    assert set(load_file(tmp_path / "a.safetensors")) == set(TENSORS)  # everybody else reads them, too


def test_arrays_keep_their_shapes(tmp_path):
    arrays = {"scalar": np.array(3), "reversed": np.arange(6.0)[::-1]}
    tensorfiles.save_arrays(tmp_path / "a.safetensors", arrays)
    found = tensorfiles.load(tmp_path / "a.safetensors")
    assert all(np.array_equal(found[name].numpy(), arrays[name]) for name in arrays)


def test_a_single_wrong_bit_is_noticed(tmp_path):
    path = tmp_path / "a.safetensors"
    tensorfiles.save(path, {"a": torch.zeros(4), "b": torch.ones(4)})
    data = path.read_bytes()
    for changed in (data[:-1] + b"\x01", data.replace(b'"b":', b'"c":')):
        path.write_bytes(changed)
        with pytest.raises(ValueError, match="is damaged: its tensors are not those that were written"):
            tensorfiles.load(path)


def test_files_of_others_have_no_checksum(tmp_path):
    path = tmp_path / "a.safetensors"
    save_file({"a": torch.ones(2)}, path, {"weights": "theirs"})
    tensors, notes = tensorfiles.load_with_notes(path)
    assert (tensors["a"].tolist(), notes) == ([1, 1], {"weights": "theirs"})
    with pytest.raises(ValueError, match="is damaged"):
        tensorfiles.load(path, ours=True)


def test_what_is_no_such_file_is_refused(tmp_path):
    (tmp_path / "half").write_bytes(b"half")
    save_file({"a": torch.ones(2)}, tmp_path / "notes", {"onereel": "[1]"})
    for name in ("missing", ".", "half", "notes"):
        with pytest.raises(ValueError, match="is not a readable safetensors file"):
            tensorfiles.load(tmp_path / name)
