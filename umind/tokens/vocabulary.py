"""Special tokens. A task token names a kind of output inside the sequence."""

from __future__ import annotations

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
"""All of them; a token's place here is its id."""
