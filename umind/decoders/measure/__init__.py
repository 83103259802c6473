"""Spread of measurements; the geometry itself is the region of the ``[MEAS]`` token."""
