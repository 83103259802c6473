"""The turns of a chat model, as the ids that blocks are made of."""

from __future__ import annotations

from typing import Any

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerFast

from umind.tokens.vocabulary import TASK_TOKENS, TokenIds

QUESTION, ANSWER, NEXT = "umind-question", "umind-answer", "umind-next"
"""Words that stand for all words while the template is read."""


def chat_ids(tokenizer: PreTrainedTokenizerFast, image: int) -> TokenIds:
    """Read a tokenizer's chat template, so that one block is one conversation, id by id.

    What the template has in front of the first image opens the sequence; the token behind the last image opens a block; what
    it has between two images, between a question and its answer, and between that and the next question, stands there too.

    Args:
        tokenizer: With a chat template that takes images, and with ``TASK_TOKENS``.
        image: Id of the token that stands for one visual token.

    Raises:
        ValueError: It has no such template, or not exactly one token between the image and the question.
    """
    asked: Any = {"role": "user", "content": [{"type": "image"}, {"type": "image"}, {"type": "text", "text": QUESTION}]}
    told: Any = {"role": "assistant", "content": [{"type": "text", "text": ANSWER}]}
    again: Any = {"role": "user", "content": [{"type": "text", "text": NEXT}]}
    try:
        prompt = str(tokenizer.apply_chat_template([asked], tokenize=False, add_generation_prompt=True))
        whole = str(tokenizer.apply_chat_template([asked, told, again], tokenize=False))
    except (ValueError, TypeError, TemplateError) as error:
        raise ValueError(f"the tokenizer has no chat template for images: {error}") from error
    mark = str(tokenizer.convert_ids_to_tokens(image))
    opening, _, rest = prompt.partition(mark)
    between, _, rest = rest.partition(mark)
    behind, _, answer = rest.partition(QUESTION)
    query, end = (read(tokenizer, text) for text in (behind, whole.partition(ANSWER)[2].partition(NEXT)[0]))
    if len(query) != 1 or not answer or not end:
        raise ValueError(f"the chat template wants one token between image and question, and an answer after: {prompt!r}")
    pad, tasks = tokenizer.pad_token_id, [tokenizer.convert_tokens_to_ids(token) for token in TASK_TOKENS]
    return TokenIds(
        pad=end[0] if pad is None else pad,
        image=image,
        query=query[0],
        answer=read(tokenizer, answer),
        end=end[0],
        tasks=tuple(number for number in tasks if isinstance(number, int)),
        opening=read(tokenizer, opening),
        between=read(tokenizer, between),
        turn=end[1:],
    )


def read(tokenizer: PreTrainedTokenizerFast, text: str) -> tuple[int, ...]:
    """Ids of a piece of a template, in which special tokens are special."""
    return tuple(tokenizer.encode(text, add_special_tokens=False))
