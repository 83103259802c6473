"""A short report, generated."""

from __future__ import annotations

from dataclasses import dataclass

from umind.schema.result import Measurement, Report
from umind.tasks.ask import resolve
from umind.tasks.readout import Readout
from umind.tokens.template import Block


def block(response: str | None = None) -> Block:
    """The request for a report."""
    return Block("report", response)


@dataclass(frozen=True)
class Write:
    """Asks for a report.

    Args:
        threshold: Least presence and score of what the report points at; the calibrated ones when None.
    """

    threshold: float | None = None

    def blocks(self) -> tuple[Block, ...]:
        """What to ask the model; the response is left open."""
        return (block(),)

    def read(self, readout: Readout) -> Report:
        """Sentences with the numbers of their measurements, and the evidence behind them."""
        text, pointed = resolve(readout, "report", self.threshold)
        evidence = tuple(item for item in pointed if not isinstance(item, Measurement))
        return Report(
            text,
            findings=tuple(part.strip() for part in text.split(". ") if part.strip())[1:],
            measurements=tuple(item for item in pointed if isinstance(item, Measurement)),
            evidence=evidence,
            presence=min((item.presence for item in pointed), default=1.0),
        )
