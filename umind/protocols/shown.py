"""Values as clinics write them."""

from __future__ import annotations

from umind.schema.result import Measurement

DECIMALS = {"mm": 1, "cm": 2, "m": 4, "mm2": 0, "cm2": 2, "px": 1, "px2": 0, "ml": 1, "g": 0, "deg": 0, "%": 0, "{points}": 0}


def shown(measurement: Measurement) -> str:
    """Value and unit, rounded: millimetres to 0.1, ages in weeks + days, weights to 1 g; ``"absent"`` without a value."""
    if measurement.value is None:
        return "absent"
    if measurement.unit in ("wk", "d"):
        days = round(measurement.value * (7 if measurement.unit == "wk" else 1))
        return f"{days // 7} weeks + {days % 7} days"
    return f"{measurement.value:.{DECIMALS[measurement.unit]}f} {measurement.unit.strip('{}')}"
