import torch
from torch.nn import functional

from umind.decoders.dynamic import DynamicConvolution, controller, relative_coordinates


def test_published_size() -> None:
    assert DynamicConvolution(10, 8).num_parameters == 169  # CondInst: 8 features and 2 coordinates


def test_equals_a_loop_over_instances() -> None:
    torch.manual_seed(0)
    layer = DynamicConvolution(6, 5)
    kernels, features = torch.randn(4, layer.num_parameters), torch.randn(4, 6, 7, 9)
    for one, image, result in zip(kernels, features, layer(kernels, features), strict=True):
        w1, b1, w2, b2, w3, b3 = one.split([30, 5, 25, 5, 5, 1])
        x = functional.conv2d(image[None], w1.reshape(5, 6, 1, 1), b1).relu()
        x = functional.conv2d(x, w2.reshape(5, 5, 1, 1), b2).relu()
        x = functional.conv2d(x, w3.reshape(1, 5, 1, 1), b3)
        torch.testing.assert_close(result, x[0, 0], atol=1e-5, rtol=1e-5)


def test_no_instances() -> None:
    layer = DynamicConvolution(6, 5)
    assert layer(torch.zeros(0, layer.num_parameters), torch.zeros(0, 6, 7, 9)).shape == (0, 7, 9)


def test_controller_starts_small() -> None:
    torch.manual_seed(0)
    layer = controller(200, 300)
    assert abs(float(layer.weight.detach().std()) - 0.01) < 2e-4
    assert not layer.bias.detach().any()


def test_relative_coordinates_vanish_at_the_point() -> None:
    offsets = relative_coordinates(torch.tensor([[2.5 / 8, 1.5 / 4]]), 4, 8)
    assert offsets.shape == (1, 2, 4, 8)
    assert offsets[0, :, 1, 2].abs().max() < 1e-6
    torch.testing.assert_close(offsets[0, :, 1, 3], torch.tensor([0.25, 0.0]))
    torch.testing.assert_close(offsets[0, :, 2, 2], torch.tensor([0.0, 0.5]))
