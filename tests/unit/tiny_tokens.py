"""One small encoding of each type, for the tests of what is trained on tokens."""

from pathlib import Path

import numpy as np
import pandas as pd
from tiny_corpus import random_sequence

from genoglot.genome.store import Genome
from genoglot.tokens.bpe import Bpe, train_bpe
from genoglot.tokens.encoding import Blocks, Encoding, Kmers, SingleBase

KINDS = ("single", "kmer", "blocks", "bpe")


def tiny_encoding(kind: str, make_genome, folder: Path) -> Encoding:
    """`single`, `kmer` of 3, `blocks` of 4, or `bpe` with tokens of up to several bases, learnt of random sequence."""
    match kind:
        case "single":
            return SingleBase()
        case "kmer":
            return Kmers(3)
        case "blocks":
            return Blocks(4)
        case _:
            return tiny_bpe(make_genome({"one": random_sequence(4000, 8)}, "learnt_from"), folder)


def tiny_bpe(genome: Genome, folder: Path) -> Bpe:
    frame = pd.DataFrame({"genome": "g", "contig": "one", "start": [0], "end": [4000], "split": "train"})
    frame.assign(weight=np.float32(1)).to_parquet(folder / "learnt_from.parquet")
    train_bpe(folder / "learnt_from.parquet", {"g": genome.folder}, folder / "bpe", 40, 4000, 1)
    return Bpe(folder / "bpe" / "tokenizer.json")
