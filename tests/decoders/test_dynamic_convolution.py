import pytest
import torch
from torch.nn import functional

from umind.decoders.dynamic import DynamicConvolution, controller, pool, sample


def test_published_size() -> None:
    assert DynamicConvolution(8, 8).num_parameters == 169  # CondInst: 8 features and 2 coordinates


@pytest.mark.parametrize("num_images", [1, 3])
@pytest.mark.parametrize("scaled", [False, True])
def test_equals_a_loop_over_instances(num_images: int, scaled: bool) -> None:
    torch.manual_seed(0)
    layer = DynamicConvolution(6, 5, 3)
    kernels, features = torch.randn(4, layer.num_parameters), torch.randn(num_images, 6, 7, 9)
    rows = torch.arange(4) % num_images
    origins, scales = torch.rand(4, 2), torch.rand(4, 2) + 0.1
    results = layer(kernels, features, rows, origins, scales if scaled else None)
    ys, xs = torch.meshgrid((torch.arange(7) + 0.5) / 7, (torch.arange(9) + 0.5) / 9, indexing="ij")
    for index, one in enumerate(kernels):
        unit = scales[index] if scaled else torch.tensor([0.5, 0.5])
        across, down = (xs - origins[index, 0]) / unit[0], (ys - origins[index, 1]) / unit[1]
        x = torch.cat([features[rows[index]], across[None], down[None]])[None]
        w1, b1, w2, b2, w3, b3 = one.split([40, 5, 25, 5, 15, 3])
        x = functional.conv2d(x, w1.reshape(5, 8, 1, 1), b1).relu()
        x = functional.conv2d(x, w2.reshape(5, 5, 1, 1), b2).relu()
        x = functional.conv2d(x, w3.reshape(3, 5, 1, 1), b3)
        torch.testing.assert_close(results[index], x[0], atol=1e-4, rtol=1e-4)


def test_no_instances() -> None:
    layer, none = DynamicConvolution(6, 5), torch.zeros(0, dtype=torch.long)
    for num_images in (1, 2):
        features = torch.zeros(num_images, 6, 7, 9)
        assert layer(torch.zeros(0, layer.num_parameters), features, none, torch.zeros(0, 2)).shape == (0, 1, 7, 9)


def test_controller_starts_small() -> None:
    torch.manual_seed(0)
    layer = controller(200, 300)
    assert abs(float(layer.weight.detach().std()) - 0.01) < 2e-4
    assert not layer.bias.detach().any()


def test_sample_reads_cell_centres_and_between_them() -> None:
    maps, rows = torch.randn(2, 3, 4, 4), torch.tensor([0, 1])
    points = torch.tensor([[(2 + 0.5) / 4, (1 + 0.5) / 4], [0.5, 0.125]])
    values = sample(maps, points, rows)
    torch.testing.assert_close(values[0], maps[0, :, 1, 2])
    torch.testing.assert_close(values[1], (maps[1, :, 0, 1] + maps[1, :, 0, 2]) / 2)
    assert torch.equal(sample(maps, torch.zeros(2, 2), rows), maps[:, :, 0, 0])  # the rim goes on outwards


def test_pool_is_a_weighted_sum() -> None:
    maps, shares, rows = torch.randn(2, 3, 4, 5), torch.rand(3, 4, 5), torch.tensor([1, 0, 1])
    expected = torch.stack([(maps[row] * share).sum((1, 2)) for row, share in zip(rows, shares, strict=True)])
    torch.testing.assert_close(pool(maps, shares, rows), expected)


def test_one_image_alone_gives_what_it_gives_among_others() -> None:
    maps, points, shares, rows = torch.randn(2, 3, 4, 5), torch.rand(3, 2), torch.rand(3, 4, 5), torch.ones(3, dtype=torch.long)
    alone = torch.zeros(3, dtype=torch.long)
    torch.testing.assert_close(sample(maps[1:], points, alone), sample(maps, points, rows))
    torch.testing.assert_close(pool(maps[1:], shares, alone), pool(maps, shares, rows))


def test_reading_nothing() -> None:
    none = torch.zeros(0, dtype=torch.long)
    for num_images in (1, 2):
        maps = torch.randn(num_images, 3, 4, 4)
        assert sample(maps, torch.zeros(0, 2), none).shape == pool(maps, torch.zeros(0, 4, 4), none).shape == (0, 3)
