"""Tokenizer folders: made from settings, measured on held-out windows, and read back as encodings."""

from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from genoglot.corpus.reader import WindowReader
from genoglot.corpus.windows import read_windows
from genoglot.errors import InputError
from genoglot.files import write_json
from genoglot.genome.store import BASES, CODE_MASK, N_CODE
from genoglot.tokens.bpe import Bpe, train_bpe
from genoglot.tokens.encoding import SPECIAL, Blocks, Encoding, Kmers, SingleBase
from genoglot.tokens.pipelines import (
    TOKENIZER,
    block_pipeline,
    kmer_pipeline,
    read_settings,
    save_pipeline,
    single_pipeline,
)

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
    if kind == "single":
        save_pipeline(single_pipeline(SingleBase()), output, {"type": kind}, pad=BASES[N_CODE], unknown=BASES[N_CODE])
    elif kind == "kmer":
        save_pipeline(kmer_pipeline(Kmers(settings["k"])), output, {"type": kind, "k": settings["k"]})
    elif kind == "blocks":
        save_pipeline(block_pipeline(Blocks(settings["k"])), output, {"type": kind, "k": settings["k"]})
    elif kind == "bpe":
        train_bpe(windows, sequences, output, settings["vocabulary"], settings["sample_bases"], seed)
    else:
        raise InputError(f"a tokenizer of type {kind!r}: the types are {', '.join(TYPES)}")
    measured = measure(load_encoding(output), windows, sequences)
    write_json(output / "metrics.json", {"type": kind, **measured})


def load_encoding(folder: Path) -> Encoding:
    """The encoding of a folder that holds `tokenizer.json` and `tokenizer_config.json`, a model's for instance.

    A configuration that does not name the encoding, as model folders of single bases have it, is taken as that of
    single bases. Raises InputError if the vocabulary is not what the configuration says.
    """
    folder = Path(folder)
    path = folder / TOKENIZER
    if not path.exists():
        raise InputError(f"{folder} has no {TOKENIZER}: it is not the folder of a tokenizer or a model")
    settings = read_settings(folder) or {"type": "single"}
    if settings["type"] == "bpe":
        return Bpe(path)
    encoding: Encoding
    match settings["type"]:
        case "kmer":
            encoding = Kmers(settings["k"])
        case "blocks":
            encoding = Blocks(settings["k"])
        case _:
            encoding = SingleBase()
    found = Tokenizer.from_file(str(path)).get_vocab()
    if found != {token: number for number, token in enumerate(encoding.tokens)}:
        raise InputError(
            f"{path}: its {len(found)} tokens are not the {encoding.size} of the type {settings['type']}; "
            "make the tokenizer with this workflow, or give the folder that it made"
        )
    return encoding


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
