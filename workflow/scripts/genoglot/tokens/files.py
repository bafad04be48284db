"""Tokenizer folders: made from settings, measured on held-out windows, and read back as encodings."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from genoglot.corpus.reader import WindowReader
from genoglot.corpus.windows import read_windows
from genoglot.errors import InputError
from genoglot.files import atomic_path, read_json, write_json
from genoglot.genome.store import BASES, CODE_MASK, N_CODE
from genoglot.tokens.bpe import Bpe, train_bpe
from genoglot.tokens.encoding import SPECIAL, Blocks, Encoding, Kmers, SingleBase
from genoglot.tokens.pipelines import (
    CONFIG,
    TOKENIZER,
    block_pipeline,
    kmer_pipeline,
    read_settings,
    save_pipeline,
    single_pipeline,
)
from genoglot.tokens.translated import NONE, Translated, restore, unlearnt

TYPES = ("single", "kmer", "blocks", "bpe")
BATCH = 2048


def write_tokenizer(
    settings: dict[str, Any], output: Path, windows: Path, sequences: dict[str, Path], seed: int
) -> None:
    """Write `tokenizer.json`, `tokenizer_config.json` and `metrics.json` to the folder `output`.

    The tokenizer gives, of a sequence, the ids that the encoding of `load_encoding` gives of its base codes.

    Args:
        settings: "type", one of `TYPES`; "k" for kmer and blocks; "vocabulary" and "sample_bases" for bpe.
        windows: `windows.parquet` of a corpus: bpe learns from its training windows, all are measured on its
            validation windows.
        sequences: each genome's folder with `bases.npy`.
        seed: chooses the sample that bpe learns from.

    Raises InputError for an unknown type, a k or a vocabulary that does not do, and training windows of N alone.
    """
    kind, output = settings["type"], Path(output)
    if kind == "bpe":
        train_bpe(windows, sequences, output, settings["vocabulary"], settings["sample_bases"], seed)
    elif kind in TYPES:
        _save_encoding(unlearnt(kind, settings.get("k", 1)), output)
    else:
        raise InputError(f"a tokenizer of type {kind!r}: the types are {', '.join(TYPES)}")
    measured = measure(load_encoding(output), windows, sequences)
    write_json(output / "metrics.json", {"type": kind, **measured})


def save_tokenizer(source: Encoding | Path, folder: Path, window: int) -> None:
    """Write the tokenizer files of a model folder, each whole or not at all.

    Args:
        source: an encoding, or the folder of a tokenizer or a model, whose files are copied.
        window: bases of the model's windows, kept as the number of tokens that it takes at most.

    Raises InputError if `source` is a folder without a tokenizer, or one whose vocabulary is not what it says.
    """
    folder = Path(folder)
    if not isinstance(source, str | Path):
        _save_encoding(source, folder, window)
        return
    load_encoding(Path(source))
    with atomic_path(folder / TOKENIZER) as temporary:
        shutil.copyfile(Path(source) / TOKENIZER, temporary)
    write_json(folder / CONFIG, {**read_json(Path(source) / CONFIG), "model_max_length": window})


def load_encoding(folder: Path) -> Encoding:
    """The encoding of a folder that holds `tokenizer.json` and `tokenizer_config.json`, a model's for instance.

    A configuration that does not name the encoding, as older model folders of single bases have it, is taken as that
    of single bases. Raises InputError if the vocabulary is not what the configuration says.
    """
    folder = Path(folder)
    path = folder / TOKENIZER
    if not path.exists():
        raise InputError(f"{folder} has no {TOKENIZER}: it is not the folder of a tokenizer or a model")
    settings = read_settings(folder) or {"type": "single"}
    if settings.get("translated"):
        return restore(Tokenizer.from_file(str(path)), settings)
    if settings["type"] == "bpe":
        return Bpe(path)
    encoding = unlearnt(settings["type"], settings.get("k", 1))
    found = Tokenizer.from_file(str(path)).get_vocab()
    if found != {token: number for number, token in enumerate(encoding.tokens)}:
        raise InputError(
            f"{path}: its {len(found)} tokens are not the {encoding.size} of the type {settings['type']}; "
            "make the tokenizer with this workflow, or give the folder that it made"
        )
    return encoding


def _save_encoding(encoding: Encoding, folder: Path, longest: int | None = None) -> None:
    if isinstance(encoding, Translated):
        settings, tokenizer = encoding.settings, encoding.pipeline()
    elif isinstance(encoding, SingleBase):
        settings, tokenizer = {"type": "single"}, single_pipeline(encoding)
    elif isinstance(encoding, Kmers):
        settings, tokenizer = {"type": "kmer", "k": encoding.k}, kmer_pipeline(encoding)
    elif isinstance(encoding, Blocks):
        settings, tokenizer = {"type": "blocks", "k": encoding.k}, block_pipeline(encoding)
    elif isinstance(encoding, Bpe):
        settings, tokenizer = {"type": "bpe"}, Tokenizer.from_file(str(encoding.path))
    else:
        raise TypeError(f"no tokenizer file is written of {type(encoding).__name__}")
    pad, unknown = encoding.tokens[encoding.pad], encoding.tokens[encoding.unknown]
    mask = None if encoding.mask == NONE else encoding.tokens[encoding.mask]
    save_pipeline(tokenizer, folder, settings, pad, unknown, mask, longest)


def measure(encoding: Encoding, windows: Path, sequences: dict[str, Path]) -> dict[str, Any]:
    """How an encoding does on the validation windows of a corpus.

    Returns:
        "vocabulary": number of tokens; "bases_per_token"; "used": share of the vocabulary, special tokens apart, that
        occurs; "unknown": share of the tokens that are N or [UNK]. The shares are None where there is no token.
    """
    counts = np.zeros(encoding.size, dtype=np.int64)
    bases = 0
    reader = WindowReader(read_windows(windows, "validation"), sequences)
    for first in range(0, len(reader), BATCH):
        codes = reader.read(np.arange(first, min(first + BATCH, len(reader)))) & CODE_MASK
        written = encoding.encode(codes)
        counts += np.bincount(written.ids[written.present], minlength=encoding.size)
        bases += codes.size
    tokens = np.array(encoding.tokens)
    total = int(counts.sum())
    return {
        "vocabulary": encoding.size,
        "bases_per_token": bases / total if total else None,
        "used": float((counts[~np.isin(tokens, SPECIAL)] > 0).mean()),
        "unknown": float(counts[np.isin(tokens, [BASES[N_CODE], encoding.tokens[encoding.unknown]])].sum() / total)
        if total
        else None,
    }
