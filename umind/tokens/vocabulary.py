"""Special tokens. A task token names a kind of output inside the sequence; their ids depend on the tokenizer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

PAD = "<pad>"
IMAGE = "<image>"
QUERY = "<query>"
ANSWER = "<answer>"
END = "<end>"
SEG = "[SEG]"
DET = "[DET]"
KPT = "[KPT]"
MEAS = "[MEAS]"

TASK_TOKENS = (SEG, DET, KPT, MEAS)
"""Tokens whose hidden state a decoder reads."""

REGION_TOKENS = (SEG, DET, MEAS)
"""Task tokens that stand for the instances of a phrase; ``[KPT]`` stands for one named point."""

SPECIAL_TOKENS = (PAD, IMAGE, QUERY, ANSWER, END, *TASK_TOKENS)
"""All of them; a token's place here is its id in the tokenizers that umind trains."""


@dataclass(frozen=True, kw_only=True)
class TokenIds:
    """What the special tokens are in one vocabulary; as they stand here, in those that umind trains.

    Args:
        pad: Fills rows of a batch.
        image: Stands for one visual token.
        query: Behind the last visual token it opens a block; it stands in no block's words.
        answer: Between the words of a question and its response.
        end: Closes a response.
        tasks: Of ``TASK_TOKENS``, in their order.
        opening: In front of the visual tokens.
        between: From the visual tokens of one image to those of the next.
        turn: From the end of an earlier answer to the words of the next question.
    """

    pad: int = SPECIAL_TOKENS.index(PAD)
    image: int = SPECIAL_TOKENS.index(IMAGE)
    query: int = SPECIAL_TOKENS.index(QUERY)
    answer: tuple[int, ...] = (SPECIAL_TOKENS.index(ANSWER),)
    end: int = SPECIAL_TOKENS.index(END)
    tasks: tuple[int, ...] = tuple(SPECIAL_TOKENS.index(token) for token in TASK_TOKENS)
    opening: tuple[int, ...] = ()
    between: tuple[int, ...] = ()
    turn: tuple[int, ...] = ()

    def of(self, *tokens: str) -> tuple[int, ...]:
        """Ids of task tokens."""
        return tuple(self.tasks[TASK_TOKENS.index(token)] for token in tokens)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and lists, for ``config.json``."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, numbers: Mapping[str, Any]) -> TokenIds:
        """What ``to_dict`` gave."""
        given: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in numbers.items()}
        return cls(**given)


OWN_IDS = TokenIds()
"""Ids in the tokenizers that umind trains."""
