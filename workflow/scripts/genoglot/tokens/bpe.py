"""Byte-pair encoding of genomes: tokens of different lengths, learnt from training sequence.

After DNABERT-2 (Zhou et al. 2024, arXiv:2306.15006). Unlike theirs, the merges are learnt from training windows alone
and from both strands, and N is never part of a token of more than one letter.
"""

import json
import logging
from collections.abc import Iterator
from functools import cached_property
from itertools import chain
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, models, trainers

from genoglot.corpus.markov import training_stretches
from genoglot.corpus.windows import read_windows
from genoglot.errors import InputError
from genoglot.genome.store import BASES, N_CODE, decode, reverse_complement
from genoglot.tokens.encoding import LETTERS_AND_SPECIAL, SPECIAL, Tokens, Vocabulary
from genoglot.tokens.pipelines import bpe_pipeline, save_pipeline

log = logging.getLogger(__name__)

# Bases between two cuts of the training sequence. No merge crosses a cut, and the time of training grows with the
# bases between cuts, since the trainer searches all of a piece that holds a pair.
PIECE = 1024


class Bpe(Vocabulary):
    """A trained byte-pair encoding, read from a `tokenizer.json`.

    Raises InputError if the file is no byte-pair encoding with the letters of DNA and [MASK], [PAD] and [UNK].
    """

    def __init__(self, path: Path):
        self.path = Path(path)
        self._tokenizer = Tokenizer.from_file(str(self.path))
        missing = {*SPECIAL, *BASES[:N_CODE]} - set(self._tokenizer.get_vocab())
        if missing or not isinstance(self._tokenizer.model, models.BPE):
            found = f"a {type(self._tokenizer.model).__name__} model"
            lacks = f" without {', '.join(sorted(missing))}" if missing else ""
            raise InputError(
                f"{self.path}: found {found}{lacks}, expected a byte-pair encoding of DNA; make it with type: bpe"
            )

    @cached_property
    def tokens(self) -> list[str]:  # type: ignore[override]
        vocabulary = self._tokenizer.get_vocab()
        return sorted(vocabulary, key=vocabulary.__getitem__)

    @cached_property
    def _spans(self) -> np.ndarray:
        """Bases that each token covers, int32 of shape (size,); 1 for those that stand for one letter."""
        return np.array([1 if token in SPECIAL else len(token) for token in self.tokens], dtype=np.int32)

    def encode(self, codes: np.ndarray) -> Tokens:
        """Windows differ in their number of tokens; the tokens of a window lie side by side."""
        written = self._tokenizer.encode_batch_fast([decode(window) for window in codes], add_special_tokens=False)
        of_window = [encoded.ids for encoded in written]
        lengths = np.fromiter(map(len, of_window), dtype=np.int64, count=len(of_window))
        ids = np.full((len(codes), lengths.max(initial=0)), self.pad, dtype=np.int64)
        present = np.arange(ids.shape[1]) < lengths[:, None]
        ids[present] = np.fromiter(chain.from_iterable(of_window), dtype=np.int64, count=int(lengths.sum()))
        spans = np.where(present, self._spans[ids], np.int32(0))
        ends = np.where(present, np.cumsum(spans, axis=1, dtype=np.int32), np.int32(0))
        return Tokens(ids, ends - spans, ends, lengths)


def train_bpe(
    windows: Path, sequences: dict[str, Path], output: Path, vocabulary: int, sample_bases: int, seed: int
) -> None:
    """Learn a byte-pair encoding and write it to the folder `output` as a Hugging Face tokenizer.

    It is learnt from a random sample of about `sample_bases` bases of the training windows, each base of them drawn
    at most once, half of the pieces as their reverse complement. The same input and seed give the same file.

    Args:
        windows: `windows.parquet` of a corpus; only its training windows are read.
        sequences: each genome's folder with `bases.npy`.
        vocabulary: number of tokens, with the letters A C G T N and [MASK], [PAD] and [UNK]; fewer where the sample
            has no more pairs that occur twice.

    Raises InputError if `vocabulary` leaves no room for a merge, or the training windows hold no base but N.
    """
    if vocabulary <= len(LETTERS_AND_SPECIAL):
        raise InputError(
            f"a vocabulary of {vocabulary} tokens: {len(LETTERS_AND_SPECIAL)} are letters and special tokens, "
            "so that a byte-pair encoding needs more; 4096 is usual"
        )
    rng = np.random.default_rng(seed)
    pieces = _sample(training_stretches(read_windows(windows, "train"), sequences, 0), sample_bases, rng)
    flipped = rng.random(len(pieces)) < 0.5
    words = [
        word
        for piece, flip in zip(pieces, flipped, strict=True)
        for word in decode(reverse_complement(piece) if flip else piece).split(BASES[N_CODE])
        if word
    ]
    if not words:
        raise InputError(f"{windows}: its training windows hold no base but N; there is nothing to learn tokens from")
    spelled, merges = _learn(words, vocabulary)
    log.info("byte-pair encoding: %d tokens from %d bases", len(spelled), sum(map(len, words)))
    if len(spelled) < vocabulary:
        log.warning("the sample has too few repeated pairs for %d tokens: there are %d", vocabulary, len(spelled))
    save_pipeline(bpe_pipeline(spelled, merges), Path(output), {"type": "bpe"})


def _sample(stretches: Iterator[np.ndarray], bases: int, rng: np.random.Generator) -> list[np.ndarray]:
    """A random sample, without replacement, of pieces that together have about `bases` bases; all if there are fewer.

    Every piece draws a number and the smallest stay, so that the sequence is read once and only the sample is kept.
    """
    wanted = max(1, -(-bases // PIECE))
    keys, kept = np.empty(0), []
    limit = 1.0
    for codes in stretches:
        draws = rng.random(-(-len(codes) // PIECE))
        chosen = np.flatnonzero(draws < limit)
        keys = np.append(keys, draws[chosen])
        kept += [codes[number * PIECE : (number + 1) * PIECE].copy() for number in chosen]
        if len(kept) > 2 * wanted:
            keys, kept = _smallest(keys, kept, wanted)
            limit = keys.max()
    return _smallest(keys, kept, wanted)[1]


def _smallest(keys: np.ndarray, kept: list[np.ndarray], wanted: int) -> tuple[np.ndarray, list[np.ndarray]]:
    order = np.sort(np.argsort(keys, kind="stable")[:wanted])
    return keys[order], [kept[number] for number in order]


def _learn(words: list[str], vocabulary: int) -> tuple[list[str], list[tuple[str, str]]]:
    """Tokens in the order of their ids, and the merges that make them."""
    tokenizer = Tokenizer(models.BPE())
    # the trainer knows the four bases alone; the other letters and special tokens are put before its merges
    bases = BASES[:N_CODE]
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary - len(LETTERS_AND_SPECIAL) + len(bases),
        initial_alphabet=list(bases),
        show_progress=False,
    )
    tokenizer.train_from_iterator(words, trainer)
    merges = [(left, right) for left, right in json.loads(tokenizer.to_str())["model"]["merges"]]
    return list(dict.fromkeys([*LETTERS_AND_SPECIAL, *(left + right for left, right in merges)])), merges
