"""3D convolutions: their gradients are those of float64, also for sizes where PyTorch's own in bfloat16 are not."""

import pytest
import torch
from torch.nn import functional

from onereel.networks.conv3d import Conv3d, conv3d, transposed, weight_gradient

KERNELS = [
    ((3, 3, 3), (1, 1, 1)),
    ((3, 3, 3), (1, 0, 0)),
    ((1, 3, 3), (0, 1, 1)),
    ((3, 1, 1), (1, 0, 0)),
    ((3, 1, 1), (0, 0, 0)),
]


def drawn(*size: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize(("kernel", "padding"), KERNELS)
@pytest.mark.parametrize("videos", [1, 2])
def test_gradients_are_those_of_autograd(kernel, padding, videos):
    values, weight = drawn(videos, 2, 4, 5, 6).requires_grad_(), drawn(3, 2, *kernel, seed=1).requires_grad_()
    result = functional.conv3d(values, weight, padding=padding)
    gradient = drawn(*result.shape, seed=2)
    by_values, by_weight = torch.autograd.grad(result, (values, weight), gradient)
    assert torch.allclose(transposed(gradient, weight, padding), by_values, atol=1e-12)
    assert torch.allclose(weight_gradient(gradient, values, weight, padding), by_weight, atol=1e-12)


def test_a_tap_that_only_sees_padding_has_no_gradient():
    values, weight = drawn(1, 2, 1, 5, 6), drawn(3, 2, 3, 3, 3, seed=1)
    found = weight_gradient(drawn(1, 3, 1, 5, 6, seed=2), values, weight, (1, 1, 1))
    assert not found[:, :, [0, 2]].any()
    assert found[:, :, 1].all()


@pytest.mark.parametrize(
    ("videos", "inputs", "outputs", "size", "kernel"),
    [
        # Of PyTorch 2.13's own weight gradients on a processor with AMX, all of these were wrong or damaged memory.
        (3, 8, 64, (4, 60, 107), (3, 1, 1)),
        (2, 32, 64, (2, 40, 107), (3, 3, 3)),
        (1, 8, 8, (7, 80, 140), (3, 3, 3)),
        (1, 32, 16, (2, 62, 117), (1, 3, 3)),
        (1, 4, 4, (2, 6, 5), (3, 3, 3)),
    ],
)
def test_bfloat16_gradients_are_near_those_of_float64(videos, inputs, outputs, size, kernel):
    layer = Conv3d(inputs, outputs, kernel, padding=tuple(side // 2 for side in kernel))
    values = drawn(videos, inputs, *size).float().contiguous(memory_format=torch.channels_last_3d).requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        result = layer(values)
    assert result.dtype == torch.bfloat16
    gradient = drawn(*result.shape, seed=2)
    result.backward(gradient.to(result.dtype))
    exact = [tensor.detach().double().requires_grad_() for tensor in (values, layer.weight, layer.bias)]
    wanted = torch.autograd.grad(functional.conv3d(*exact, padding=layer.padding), exact, gradient)
    for found, right in zip((values.grad, layer.weight.grad, layer.bias.grad), wanted, strict=True):
        assert float((found - right).norm() / right.norm()) < 0.01


def test_gradients_of_gradients():
    """What a penalty on a critic's gradient needs."""
    values, weight = drawn(1, 4, 4, 9, 9), drawn(1, 4, 3, 3, 3, seed=1)
    found = []
    for dtype in (torch.float64, torch.bfloat16):
        point, kernel = (tensor.to(dtype).requires_grad_() for tensor in (values, weight))
        score = conv3d(point, kernel, None, (1, 1, 1)).square().sum()
        (slope,) = torch.autograd.grad(score, point, create_graph=True)
        found.append(torch.autograd.grad(slope.square().sum(), kernel)[0].double())
    exact, rough = found
    assert float((rough - exact).norm() / exact.norm()) < 0.03
