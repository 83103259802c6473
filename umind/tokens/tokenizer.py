"""Byte-level BPE: any text of any language has ids, no text has an unknown one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from umind.tokens.vocabulary import END, OWN_IDS, PAD, SPECIAL_TOKENS, TASK_TOKENS, TokenIds


def train_tokenizer(corpus: Iterable[str], vocab_size: int = 2048) -> PreTrainedTokenizerFast:
    """Learn a byte-level BPE vocabulary; deterministic for the same corpus.

    Text is lower-cased, so that a phrase means the same however it is typed. Special tokens take the first ids, in the
    order of ``SPECIAL_TOKENS``.

    Args:
        corpus: Texts to learn merges from.
        vocab_size: Upper limit of the vocabulary; a small corpus gives fewer tokens.
    """
    bpe = Tokenizer(models.BPE())
    bpe.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(corpus, trainer)
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=bpe,
        pad_token=PAD,
        eos_token=END,
        additional_special_tokens=[t for t in SPECIAL_TOKENS if t not in (PAD, END)],
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )


def encode_texts(tokenizer: PreTrainedTokenizerFast, texts: Sequence[str]) -> list[list[int]]:
    """Ids of words that a person wrote, many texts in one call: a task token typed by hand stays plain letters."""
    if not texts:
        return []
    encoded = tokenizer(list(texts), add_special_tokens=False, split_special_tokens=True, return_attention_mask=False)
    ids: list[list[int]] = encoded["input_ids"]
    return ids


def encode_text(tokenizer: PreTrainedTokenizerFast, text: str) -> list[int]:
    """`encode_texts` for one text."""
    return encode_texts(tokenizer, [text])[0]


def encode_response(tokenizer: PreTrainedTokenizerFast, text: str, ids: TokenIds = OWN_IDS) -> list[int]:
    """Ids of a response in which ``[SEG]`` and its like are task tokens."""
    encoded: list[int] = []
    rest = text
    while rest:
        places = [(rest.find(token), token) for token in TASK_TOKENS if token in rest]
        place, token = min(places, default=(len(rest), ""))
        words = rest[:place].strip()
        encoded += encode_text(tokenizer, words) if words else []
        encoded += ids.of(token) if token else ()
        rest = rest[place + len(token) :]
    return encoded
