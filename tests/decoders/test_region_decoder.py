import dataclasses
from operator import attrgetter

import pytest
import torch

from umind.backbone.pixels import PixelConfig, PixelFeatures
from umind.decoders.config import DecoderConfig
from umind.decoders.decoder import InstanceSites, RegionDecoder, RegionOutput

ROWS = torch.tensor([0, 1, 1])
SITES = InstanceSites(torch.tensor([0, 1, 1, 2]), torch.tensor([[0.3, 0.4], [0.7, 0.6], [0.1, 0.9], [0.5, 0.5]]))


@pytest.fixture(scope="module")
def decoder() -> RegionDecoder:
    torch.manual_seed(0)
    pixels = PixelConfig(image_size=64, width=12, mask_channels=6)
    decoder = RegionDecoder(DecoderConfig(instance_size=24, kernel_channels=8, max_instances=4), pixels, 20).eval()
    with torch.no_grad():  # spread the centre maps out, so that they have more than one peak
        decoder.locate.kernels.weight.mul_(30)
        decoder.locate.kernels.bias[12] = 0
    return decoder


def inputs() -> tuple[torch.Tensor, PixelFeatures]:
    torch.manual_seed(1)
    features = PixelFeatures(torch.randn(2, 6, 16, 16), torch.randn(2, 12, 8, 8), torch.randn(2, 4, 20))
    return torch.randn(3, 20), features


def test_shapes_with_sites(decoder: RegionDecoder) -> None:
    states, features = inputs()
    output = decoder(states, ROWS, features, SITES)
    assert output.centres.shape == output.extent.shape == (3, 8, 8)
    assert output.presence.shape == (3,)
    assert output.masks.shape == (4, 32, 32)
    assert output.boxes.shape == (4, 4)
    assert output.lengths.log_scale.shape == output.lengths.log_spread.shape == (4, 4)
    assert output.quality.shape == output.scores.shape == (4,)
    assert output.slots is SITES.slots
    assert output.points is SITES.points


def test_without_sites_every_token_has_an_instance(decoder: RegionDecoder) -> None:
    states, features = inputs()
    output = decoder(states, ROWS, features)
    assert set(output.slots.tolist()) == {0, 1, 2}
    assert len(output.slots) > 3
    assert output.slots.bincount().max() <= 4
    assert (output.slots.diff() >= 0).all()
    assert ((output.scores >= 0) & (output.scores <= 1)).all()


def test_a_phrase_that_is_surely_absent_has_no_instance(decoder: RegionDecoder) -> None:
    states, features = inputs()
    whole = decoder(states, ROWS, features)
    least = whole.presence.median().item()
    output = decoder(states, ROWS, features, least=least)
    kept = whole.presence[whole.slots] >= least
    assert 0 < len(output.slots) == int(kept.sum()) < len(whole.slots)
    assert torch.equal(output.slots, whole.slots[kept])
    assert torch.equal(output.presence, whole.presence)
    assert torch.allclose(output.masks, whole.masks[kept], atol=1e-5)
    assert torch.allclose(output.scores, whole.scores[kept], atol=1e-6)


def test_candidates_are_the_peaks_and_are_judged_as_instances_are(decoder: RegionDecoder) -> None:
    states, features = inputs()
    free, given = decoder(states, ROWS, features), decoder(states, ROWS, features, SITES)
    assert len(free.candidates.slots) == 0
    assert torch.equal(given.candidates.slots, free.slots)
    assert torch.equal(given.candidates.points, free.points)
    torch.testing.assert_close(given.candidates.quality, free.quality)


def test_batch_equals_one_by_one(decoder: RegionDecoder) -> None:
    states, features = inputs()
    output = decoder(states, ROWS, features)
    for slot, row in enumerate(ROWS.tolist()):
        alone = decoder(states[slot : slot + 1], torch.tensor([0]), features[row : row + 1])
        mine = output.slots == slot
        for name in ("centres", "extent", "presence"):
            torch.testing.assert_close(getattr(alone, name)[0], getattr(output, name)[slot], atol=1e-5, rtol=1e-4)
        for name in ("points", "scores", "masks", "quality", "boxes", "lengths.log_scale"):
            torch.testing.assert_close(attrgetter(name)(alone), attrgetter(name)(output)[mine], atol=1e-5, rtol=1e-4)


def test_no_tokens(decoder: RegionDecoder) -> None:
    _, features = inputs()
    output = decoder(torch.zeros(0, 20), torch.zeros(0, dtype=torch.long), features)
    fields = [field.name for field in dataclasses.fields(RegionOutput) if field.name != "candidates"]
    assert all(len(getattr(output, name)) == 0 for name in fields)
    assert len(output.candidates.slots) == len(output.candidates.points) == len(output.candidates.quality) == 0


def test_output_is_frozen(decoder: RegionDecoder) -> None:
    states, features = inputs()
    output = decoder(states, ROWS, features, SITES)
    with pytest.raises(dataclasses.FrozenInstanceError):
        output.masks = output.boxes
