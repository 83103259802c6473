from pathlib import Path

import pytest
import timm
import torch

from umind.backbone.pixels import PixelConfig, PixelEncoder, PixelFeatures, upsample


@pytest.fixture(scope="module")
def encoder() -> PixelEncoder:
    torch.manual_seed(0)
    return PixelEncoder(PixelConfig(image_size=64, width=32, mask_channels=8), 48).eval()


@pytest.fixture(scope="module")
def pixels() -> torch.Tensor:
    return torch.randn(3, 1, 64, 64, generator=torch.Generator().manual_seed(1))


def test_config_counts_tokens() -> None:
    assert PixelConfig().num_tokens == 64
    assert PixelConfig(image_size=128).grid == 4


@torch.no_grad()
def test_shapes(encoder: PixelEncoder, pixels: torch.Tensor) -> None:
    features = encoder(pixels)
    assert features.mask.shape == (3, 8, 16, 16)
    assert features.context.shape == (3, 32, 8, 8)
    assert features.tokens.shape == (3, 4, 48)
    assert len(features) == 3


@torch.no_grad()
def test_batch_equals_one_by_one(encoder: PixelEncoder, pixels: torch.Tensor) -> None:
    features = encoder(pixels)
    alone = PixelFeatures.cat([encoder(pixels[row : row + 1]) for row in range(3)])
    for row in range(3):
        part = features[row : row + 1]
        assert len(part) == 1
        for name in ("mask", "context", "tokens"):
            torch.testing.assert_close(getattr(part, name), getattr(alone[row : row + 1], name), atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_every_kind_of_feature_depends_on_the_pixels(encoder: PixelEncoder, pixels: torch.Tensor) -> None:
    one, other = encoder(pixels[:1]), encoder(pixels[1:2])
    for name in ("mask", "context", "tokens"):
        assert (getattr(one, name) - getattr(other, name)).abs().max() > 1e-3


def test_gradient_reaches_the_pixels(encoder: PixelEncoder, pixels: torch.Tensor) -> None:
    leaf = pixels[:1].clone().requires_grad_()
    encoder(leaf).tokens.square().sum().backward()
    assert leaf.grad is not None
    assert leaf.grad.abs().sum() > 0


def test_encoder_takes_timm_weights_and_buffers_bit_equal(encoder: PixelEncoder, tmp_path: Path) -> None:
    torch.manual_seed(7)
    source = timm.create_model("mobilenetv2_100", pretrained=False, features_only=True, out_indices=(1, 2, 3, 4))
    torch.save(source.state_dict(), tmp_path / "timm.pth")
    target = PixelEncoder(encoder_config(), 48)
    target.encoder.load_state_dict(torch.load(tmp_path / "timm.pth", weights_only=True))
    for name, tensor in source.state_dict().items():
        assert torch.equal(target.encoder.state_dict()[name], tensor), name


def encoder_config() -> PixelConfig:
    return PixelConfig(image_size=64, width=32, mask_channels=8)


def test_config_round_trip(tmp_path: Path) -> None:
    config = PixelConfig(image_size=128, width=40, mask_channels=12)
    config.save_pretrained(tmp_path)
    loaded = PixelConfig.from_pretrained(tmp_path)
    assert (loaded.encoder, loaded.image_size, loaded.width, loaded.mask_channels) == ("mobilenetv2_100", 128, 40, 12)


def test_upsample_doubles() -> None:
    assert upsample(torch.ones(2, 3, 4, 5)).shape == (2, 3, 8, 10)
