"""The vocabularies of other people's models, as encodings of base codes.

A tokenizer of another model is recognised by its vocabulary and by what it does: single bases, overlapping k-mers
(DNABERT), blocks of k with letters beside them (Nucleotide Transformer), or subwords (byte-pair encoding, WordPiece,
unigram). The encoding found gives the ids of the original; that it does so is tried on some hundred sequences.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from tokenizers import Tokenizer, normalizers
from transformers import PreTrainedTokenizerBase

from genoglot.errors import InputError
from genoglot.genome.store import BASES, N_CODE, decode, encode
from genoglot.tokens.encoding import (
    MAX_K,
    SPECIAL,
    Blocks,
    Encoding,
    Kmers,
    SingleBase,
    Tokens,
    Vocabulary,
    kmers,
)
from genoglot.tokens.pipelines import alphabet, block_pipeline, kmer_pipeline, single_pipeline, wrap

NONE = -1  # id of what a vocabulary does not have
PROBE = 97  # bases of the first sequence tried: long enough to hold many tokens, and no multiple of a k


@dataclass(frozen=True)
class Special:
    """Ids of what is no sequence; `NONE` for a mask that a vocabulary lacks, as those of causal models do.

    `prefix` and `suffix` are the ids that the model expects around the tokens of a sequence.
    """

    mask: int
    pad: int
    unknown: int
    prefix: tuple[int, ...] = ()
    suffix: tuple[int, ...] = ()


class Translated(Vocabulary, ABC):
    """A foreign vocabulary. `encode` gives the tokens of the sequence alone, without `prefix` and `suffix`.

    `tokens` spells sequence in upper case, whatever the vocabulary does; ids without a token are "<unused:ID>".
    """

    type: str

    def __init__(self, tokens: list[str], special: Special):
        self.tokens = tokens
        self.special = special
        self.mask, self.pad, self.unknown = special.mask, special.pad, special.unknown
        self.prefix, self.suffix = special.prefix, special.suffix

    @property
    def settings(self) -> dict[str, Any]:
        """What `restore` needs beside the tokenizer file."""
        shape = {"type": self.type, "translated": True, "size": self.size}
        ids = {name: getattr(self.special, name) for name in ("mask", "pad", "unknown")}
        return {
            **shape,
            **({"k": self.k} if self.k > 1 else {}),
            **ids,
            "prefix": list(self.prefix),
            "suffix": list(self.suffix),
        }

    @property
    @abstractmethod
    def highest(self) -> int:
        """The highest id that a sequence can have."""

    @abstractmethod
    def encode(self, codes: np.ndarray) -> Tokens:
        """As of an `Encoding`."""

    @abstractmethod
    def pipeline(self) -> Tokenizer:
        """The same as a Hugging Face tokenizer, prefix and suffix included."""


class TranslatedTable(Translated):
    """One of the own encodings with the ids of another vocabulary."""

    def __init__(self, inner: SingleBase | Kmers | Blocks, tokens: list[str], special: Special):
        super().__init__(tokens, special)
        self.inner = inner
        self.k, self.overlapping = inner.k, inner.overlapping
        self.type = {SingleBase: "single", Kmers: "kmer", Blocks: "blocks"}[type(inner)]
        ids = {token: number for number, token in enumerate(tokens) if token not in SPECIAL}
        self._translation = np.array([ids.get(token, self.unknown) for token in inner.tokens], dtype=np.int64)

    @property
    def highest(self) -> int:
        return int(self._translation.max())

    def encode(self, codes: np.ndarray) -> Tokens:
        written = self.inner.encode(codes)
        ids = np.where(written.present, self._translation[written.ids], self.pad)
        return Tokens(ids, written.starts, written.ends, written.lengths)

    def pipeline(self) -> Tokenizer:
        make = {"single": single_pipeline, "kmer": kmer_pipeline, "blocks": block_pipeline}[self.type]
        return wrap(make(self), self.tokens, self.prefix, self.suffix)


class TranslatedSubwords(Translated):
    """Subwords that a Hugging Face tokenizer finds; `tokenizer` also knows the prefix and suffix."""

    type = "bpe"

    def __init__(self, tokenizer: Tokenizer, tokens: list[str], special: Special):
        super().__init__(tokens, special)
        self._tokenizer = tokenizer

    @property
    def highest(self) -> int:
        return max(self._tokenizer.get_vocab(with_added_tokens=False).values())

    def encode(self, codes: np.ndarray) -> Tokens:
        """Starts and ends are those the tokenizer tells, since a token need not be spelled as its bases."""
        written = self._tokenizer.encode_batch([decode(window) for window in codes], add_special_tokens=False)
        lengths = np.fromiter(map(len, written), dtype=np.int64, count=len(written))
        shape = (len(codes), lengths.max(initial=0))
        ids = np.full(shape, self.pad, dtype=np.int64)
        spans = np.zeros((*shape, 2), dtype=np.int32)
        for row, tokens in enumerate(written):
            ids[row, : len(tokens)] = tokens.ids
            spans[row, : len(tokens)] = np.array(tokens.offsets, dtype=np.int32).reshape(-1, 2)
        return Tokens(ids, spans[..., 0].copy(), spans[..., 1].copy(), lengths)

    def pipeline(self) -> Tokenizer:
        return self._tokenizer


def resized(encoding: Translated, size: int) -> Translated:
    """The same with as many tokens as a network has logits."""
    tokens = [*encoding.tokens[:size], *(_unused(number) for number in range(encoding.size, size))]
    if isinstance(encoding, TranslatedTable):
        return TranslatedTable(encoding.inner, tokens, encoding.special)
    return TranslatedSubwords(encoding.pipeline(), tokens, encoding.special)


def restore(tokenizer: Tokenizer, settings: dict[str, Any]) -> Translated:
    """The encoding of a tokenizer file that `Translated.pipeline` gave, and its `settings`."""
    prefix, suffix = tuple(settings["prefix"]), tuple(settings["suffix"])
    special = Special(settings["mask"], settings["pad"], settings["unknown"], prefix, suffix)
    tokens = spelled(tokenizer.get_vocab(), settings["size"])
    if settings["type"] == "bpe":
        return TranslatedSubwords(tokenizer, tokens, special)
    return TranslatedTable(unlearnt(settings["type"], settings.get("k", 1)), tokens, special)


def unlearnt(kind: str, k: int) -> SingleBase | Kmers | Blocks:
    """The own encoding of a type that needs no training; k matters to k-mers and blocks."""
    if kind == "kmer":
        return Kmers(k)
    return Blocks(k) if kind == "blocks" else SingleBase()


def spelled(vocabulary: dict[str, int], size: int) -> list[str]:
    """Tokens in the order of their ids, up to `size` of them; sequence in capitals where only small letters are."""
    tokens = [_unused(number) for number in range(size)]
    for token, number in vocabulary.items():
        if number < size:
            small = set(token) <= set(BASES.lower()) and token.upper() not in vocabulary
            tokens[number] = token.upper() if small else token
    return tokens


def translate(tokenizer: PreTrainedTokenizerBase, name: str) -> Translated:
    """The encoding that gives the ids of a tokenizer; `name` is what messages call the model.

    Raises InputError if none of the schemes gives the ids of the original on every sequence tried.
    """
    vocabulary = tokenizer.get_vocab()
    capitals = any(set(token) <= set("ACGT") for token in vocabulary if token)
    lower = not capitals and any(set(token) <= set("acgt") for token in vocabulary if token)
    original = _Original(tokenizer, lower)
    disagreements = []
    for encoding, spacing in _candidates(tokenizer, original, vocabulary, name):
        placed = _placed(encoding, original, spacing)
        if placed is None:
            continue
        example = _disagreement(placed, original, spacing)
        if example is None:
            return placed
        disagreements.append(f"read as {_words(placed, spacing)}, {example}")
    probe = _probe()[:24]
    ids = original.ids(probe, 0)
    found = f"of {probe} it makes {tokenizer.convert_ids_to_tokens(ids)}"
    raise InputError(
        f"{name}: its tokenizer ({type(tokenizer).__name__}, {len(vocabulary)} tokens) follows none of the schemes "
        "that can be read: single bases, overlapping k-mers, blocks of k bases with letters beside them, subwords; "
        f"{'; '.join(disagreements) or found}"
    )


def agree(encoding: Translated, tokenizer: PreTrainedTokenizerBase) -> str | None:
    """The first sequence, if there is one, that a tokenizer writes otherwise than an encoding, in words.

    Prefix and suffix are part of it, and every other sequence is given in small letters.
    """
    originals = [_Original(tokenizer, lower) for lower in (False, True)]
    for number, text in enumerate(samples()):
        example = _difference(encoding, text, originals[number % 2].ids(text, 0))
        if example is not None:
            return example
    return None


@cache
def samples() -> tuple[str, ...]:
    """Sequences to try a tokenizer on: short and long, without N, with some, with runs of them and of N alone."""
    rng = np.random.default_rng(0)
    texts = []
    for number in range(240):
        length = number % 40 if number < 120 else int(rng.integers(20, 150))
        letters = rng.choice(list(BASES[:N_CODE]), length)
        if number % 3 == 1:
            letters[rng.random(length) < rng.choice([0.03, 0.2, 0.9])] = BASES[N_CODE]
        elif number % 9 == 2:
            first = int(rng.integers(0, length + 1))
            letters[first : first + int(rng.integers(1, 30))] = BASES[N_CODE]
        texts.append("".join(letters))
    return tuple(texts)


class _Original:
    """What the tokenizer of a model makes of a sequence, written as the model wants it."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, lower: bool):
        self._tokenizer, self.lower = tokenizer, lower

    def ids(self, text: str, spacing: int) -> list[int]:
        """`spacing` 0: as it is; k: all its k-mers, with a space between them."""
        text = text.lower() if self.lower else text
        if spacing:
            text = " ".join(text[start : start + spacing] for start in range(len(text) - spacing + 1))
        return list(self._tokenizer(text, verbose=False)["input_ids"])


def _candidates(
    tokenizer: PreTrainedTokenizerBase, original: _Original, vocabulary: dict[str, int], name: str
) -> Iterator[tuple[Translated, int]]:
    """Encodings whose tokens the vocabulary has, and the spacing to write sequence with; the likeliest first.

    A tokenizer that makes nothing of sequence as it is, as DNABERT's, is taken to want all its k-mers with spaces.
    """
    tokens = spelled(vocabulary, max(vocabulary.values()) + 1)
    known = set(tokens)
    special = _special(tokenizer, tokens, name)
    sizes = [k for k in range(MAX_K, 1, -1) if known.issuperset(kmers(k))]
    letters = known.issuperset(BASES[:N_CODE])
    tables: list[SingleBase | Kmers | Blocks] = [kind(k) for kind in (Kmers, Blocks) for k in sizes]
    if letters:
        tables.append(SingleBase())
    for inner in tables:
        yield TranslatedTable(inner, tokens, special), 0
    if tokenizer.is_fast:
        yield TranslatedSubwords(_subwords(tokenizer, original.lower), tokens, special), 0
    if set(original.ids(_probe(), 0)) <= {*tokenizer.all_special_ids, special.unknown}:
        for inner in tables:
            if not isinstance(inner, Blocks):
                yield TranslatedTable(inner, tokens, special), inner.k


def _special(tokenizer: PreTrainedTokenizerBase, tokens: list[str], name: str) -> Special:
    n_letter = BASES[N_CODE]
    n_id = tokens.index(n_letter) if n_letter in tokens else None
    unknown = tokenizer.unk_token_id if tokenizer.unk_token_id is not None else n_id
    if unknown is None:
        raise InputError(f"{name}: its tokenizer has neither N nor a token for the unknown, and genomes have N")
    fillers = (tokenizer.pad_token_id, tokenizer.eos_token_id, unknown)
    pad = next(number for number in fillers if number is not None)
    mask = tokenizer.mask_token_id
    return Special(NONE if mask is None else int(mask), int(pad), int(unknown))


def _subwords(tokenizer: PreTrainedTokenizerBase, lower: bool) -> Tokenizer:
    """A copy of a fast tokenizer that reads small letters, and other letters as N."""
    copy = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    copy.no_padding()
    copy.no_truncation()
    steps = alphabet()
    if lower:
        steps.append(normalizers.Lowercase())
    if copy.normalizer is not None:
        steps.append(copy.normalizer)
    copy.normalizer = normalizers.Sequence(steps)
    return copy


def _placed(encoding: Translated, original: _Original, spacing: int) -> Translated | None:
    """The encoding with the special ids that the original puts around a sequence; None if it is another scheme."""
    probe = _probe()
    written = encoding.encode(encode(probe)[None])
    body, expected = written.ids[0].tolist(), original.ids(probe, spacing)
    if not body or encoding.unknown in body or (isinstance(encoding, TranslatedSubwords) and not _tiled(written)):
        return None
    for first in range(len(expected) - len(body) + 1):
        if expected[first : first + len(body)] == body:
            around = tuple(expected[:first]), tuple(expected[first + len(body) :])
            special = Special(encoding.mask, encoding.pad, encoding.unknown, *around)
            if isinstance(encoding, TranslatedTable):
                return TranslatedTable(encoding.inner, encoding.tokens, special)
            return TranslatedSubwords(encoding.pipeline(), encoding.tokens, special)
    return None


def _disagreement(encoding: Translated, original: _Original, spacing: int) -> str | None:
    """The first of the sequences whose ids differ from the original's, in words."""
    differences = (_difference(encoding, text, original.ids(text, spacing)) for text in samples())
    return next((example for example in differences if example is not None), None)


def _difference(encoding: Translated, text: str, theirs: list[int]) -> str | None:
    """How the ids of a sequence differ from those of the original, in words."""
    written = encoding.encode(encode(text)[None])
    ours = [*encoding.prefix, *written.ids[0].tolist(), *encoding.suffix]
    if ours != theirs:
        return f"{text or 'nothing at all'} would be {ours}, and the model's own tokenizer gives {theirs}"
    if isinstance(encoding, TranslatedSubwords) and not _tiled(written, len(text)):
        return f"the tokens of {text} do not lie side by side"
    return None


def _tiled(written: Tokens, length: int = PROBE) -> bool:
    """Whether the tokens of one sequence lie side by side and cover it."""
    edges = [0, *written.ends[0].tolist()]
    return written.starts[0].tolist() == edges[:-1] and edges[-1] == length


def _words(encoding: Encoding, spacing: int) -> str:
    if isinstance(encoding, TranslatedSubwords):
        return "subwords"
    kind = "overlapping" if encoding.overlapping else "blocks of" if encoding.k > 1 else "single bases"
    return f"{kind} {encoding.k}-mers{' with spaces' if spacing else ''}" if encoding.k > 1 else kind


def _probe() -> str:
    return "".join(np.random.default_rng(1).choice(list(BASES[:N_CODE]), PROBE))


def _unused(number: int) -> str:
    return f"<unused:{number}>"
