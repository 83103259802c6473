"""A sector as another setting of the scanner would show it."""

from dataclasses import astuple

import pytest

from umind.data.augment.sector_view import shallower
from umind.geometry.probe import LinearProbe, SectorProbe


def test_a_shallower_sector_ends_where_the_old_one_did() -> None:
    sector = shallower(SectorProbe(60.0, -20.0, 30.0, 80.0, 0.6), 0.8, 0.9)
    assert astuple(sector) == pytest.approx((60, 10 - 37.5, 37.5, 80, 0.54))
    assert shallower(LinearProbe(10.0, 110.0, 5.0, 100.0), 0.8, 0.8) == LinearProbe(10.0, 110.0, 5.0, 100.0)
