"""Token ids of k-mers, blocks and byte-pair encoding, against slow versions and against Hugging Face."""

import hashlib
import json
import re
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tiny_corpus import random_sequence
from transformers import AutoTokenizer

from genoglot.errors import InputError
from genoglot.genome.fasta import normalise_fasta, tokenize
from genoglot.genome.store import Genome, encode
from genoglot.model.tokenizer import VOCABULARY, save_tokenizer
from genoglot.tokens import bpe
from genoglot.tokens.bpe import Bpe, train_bpe
from genoglot.tokens.encoding import SPECIAL, Blocks, Kmers, SingleBase
from genoglot.tokens.files import load_encoding, measure, write_tokenizer

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
SETTINGS = {
    "single": {"type": "single"},
    "kmer": {"type": "kmer", "k": 3},
    "blocks": {"type": "blocks", "k": 4},
    "bpe": {"type": "bpe", "vocabulary": 60, "sample_bases": 10_000},
}
MOTIF = "GATTACAGGCT"


def write_windows(folder: Path, rows: list[tuple[str, int, int, str]]) -> Path:
    """`windows.parquet` of the genome g."""
    frame = pd.DataFrame(rows, columns=["contig", "start", "end", "split"])
    path = folder / "windows.parquet"
    frame.assign(genome="g", weight=np.float32(1)).to_parquet(path)
    return path


@pytest.fixture
def corpus(make_genome, tmp_path):
    """Training windows that overlap on one contig, validation windows on another with N and lower case."""
    training = "".join(random_sequence(40, i) + MOTIF for i in range(80))
    held_out = random_sequence(300, 1, "ACGTacgtN") + random_sequence(340, 2)
    genome = make_genome({"train": training, "held": held_out})
    rows = [("train", start, start + 64, "train") for start in range(0, len(training) - 63, 32)]
    rows += [("held", start, start + 64, "validation") for start in range(0, 640, 64)]
    return write_windows(tmp_path, rows), {"g": genome.folder}


@pytest.fixture
def folders(corpus, tmp_path):
    """Make the tokenizer folder of a type."""

    def make(kind: str) -> Path:
        write_tokenizer(SETTINGS[kind], tmp_path / kind, *corpus, seed=1)
        return tmp_path / kind

    return make


@pytest.fixture
def codes():
    """Stored bytes of windows of 30 bases, soft-mask bits included, from all N to none."""
    texts = []
    for seed, share in enumerate((0, 0.02, 0.2, 0.9, 1) * 6):
        unknown = np.random.default_rng(seed).random(30) < share
        bases = np.array(list(random_sequence(30, seed, "ACGTacgt")))
        texts.append("".join(np.where(unknown, "N", bases)))
    return np.stack([encode(text) for text in texts]), texts


def spell(encoding, row: int, written) -> list[str]:
    return [encoding.tokens[number] for number in written.ids[row, : written.lengths[row]]]


def slow_blocks(text: str, k: int) -> list[str]:
    """A loop over the letters: a block where k known bases follow."""
    result, place = [], 0
    while place < len(text):
        block = text[place : place + k]
        size = k if len(block) == k and "N" not in block else 1
        result.append(text[place : place + size])
        place += size
    return result


def check_layout(written, encoding, batch: int) -> None:
    assert written.ids.dtype == np.int64
    assert written.starts.dtype == written.ends.dtype == np.int32
    assert written.ids.shape == written.starts.shape == written.ends.shape
    assert written.lengths.shape == (batch,)
    assert written.ids.shape[1] == written.lengths.max()
    beyond = ~written.present
    assert (written.ids[beyond] == encoding.pad).all()
    assert not written.starts[beyond].any()
    assert not written.ends[beyond].any()


def test_single_bases_keep_the_ids_of_the_models(codes):
    stored, texts = codes
    encoding = SingleBase()
    assert dict(zip(encoding.tokens, range(encoding.size), strict=True)) == VOCABULARY
    assert (encoding.mask, encoding.pad, encoding.unknown) == (VOCABULARY["[MASK]"], VOCABULARY["N"], VOCABULARY["N"])
    written = encoding.encode(stored)
    check_layout(written, encoding, len(texts))
    assert written.ids.tolist() == [[VOCABULARY[base] for base in text.upper()] for text in texts]
    assert written.starts.tolist() == [list(range(30))] * len(texts)
    assert (written.ends - written.starts == 1).all()


@pytest.mark.parametrize("k", [2, 3, 6])
def test_kmers_are_those_of_a_loop(codes, k):
    stored, texts = codes
    encoding = Kmers(k)
    assert encoding.size == 4**k + 3
    written = encoding.encode(stored)
    check_layout(written, encoding, len(texts))
    for row, text in enumerate(texts):
        words = [text.upper()[place : place + k] for place in range(30 - k + 1)]
        assert spell(encoding, row, written) == ["[UNK]" if "N" in word else word for word in words]
    assert written.starts[0].tolist() == list(range(30 - k + 1))
    assert (written.ends - written.starts == k).all()


@pytest.mark.parametrize("k", [2, 4, 6, 7])
def test_blocks_are_those_of_a_loop(codes, k):
    stored, texts = codes
    encoding = Blocks(k)
    assert encoding.size == 4**k + 8
    written = encoding.encode(stored)
    check_layout(written, encoding, len(texts))
    for row, text in enumerate(texts):
        expected = slow_blocks(text.upper(), k)
        assert spell(encoding, row, written) == expected
        ends = np.cumsum([len(word) for word in expected])
        assert written.ends[row, : len(expected)].tolist() == ends.tolist()
        assert written.starts[row, : len(expected)].tolist() == [0, *ends[:-1].tolist()]


def test_blocks_by_hand():
    encoding = Blocks(3)
    written = encoding.encode(encode("ACGTNGGGCC")[None])
    assert spell(encoding, 0, written) == ["ACG", "T", "N", "GGG", "C", "C"]
    # the first eight ids are A C G T N [MASK] [PAD] [UNK]; ACG is 012 in base 4, GGG 222
    assert written.ids.tolist() == [[8 + 6, 3, 4, 8 + 42, 1, 1]]


@pytest.mark.parametrize("encoding", [SingleBase(), Kmers(4), Blocks(4)], ids=["single", "kmer", "blocks"])
def test_windows_shorter_than_a_token_and_no_windows(encoding):
    none = encoding.encode(np.empty((0, 12), dtype=np.uint8))
    assert none.ids.shape[0] == 0
    assert none.lengths.shape == (0,)
    short = encoding.encode(encode("ACG")[None])
    assert short.lengths.tolist() == [0 if isinstance(encoding, Kmers) else 3]
    assert short.ids.shape == (1, short.lengths[0])


@pytest.mark.parametrize("k", [1, 9])
@pytest.mark.parametrize("kind", [Kmers, Blocks])
def test_a_k_that_does_not_do_is_refused(kind, k):
    with pytest.raises(InputError, match=f"k = {k} bases: k is from 2 to 8"):
        kind(k)


@pytest.mark.parametrize("kind", SETTINGS)
def test_hugging_face_gives_the_same_ids(folders, codes, kind):
    stored, texts = codes
    folder = folders(kind)
    encoding = load_encoding(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert len(tokenizer) == encoding.size
    assert tokenizer.convert_ids_to_tokens(range(encoding.size)) == encoding.tokens
    for role, number in (("mask", encoding.mask), ("pad", encoding.pad), ("unk", encoding.unknown)):
        assert getattr(tokenizer, f"{role}_token_id") == number
    written = encoding.encode(stored)
    check_layout(written, encoding, len(texts))
    of_text = tokenizer(texts, padding=True)["input_ids"]
    assert written.ids.tolist() == of_text
    # letters that are no base are N to both
    assert tokenizer("ACGRYK-*ACGTT\n\nACC")["input_ids"] == tokenizer("acgNNNNNACGTTNNACC")["input_ids"]
    # [MASK] is one token, and parts the sequence
    parts = [tokenizer(part)["input_ids"] for part in ("ACGTTAC", "GGTCA")]
    assert tokenizer("ACGTTAC[MASK]GGTCA")["input_ids"] == [*parts[0], encoding.mask, *parts[1]]


@pytest.mark.parametrize("length", [0, 1, 2, 3, 4, 5, 12])
@pytest.mark.parametrize("kind", ["kmer", "blocks"])
def test_hugging_face_at_the_ends_of_short_sequences(folders, kind, length):
    folder = folders(kind)
    text = random_sequence(length, length)
    expected = load_encoding(folder).encode(encode(text)[None])
    assert AutoTokenizer.from_pretrained(folder)(text)["input_ids"] == expected.ids[0].tolist()


@pytest.mark.parametrize("kind", ["single", "blocks", "bpe"])
def test_tokens_side_by_side_spell_the_sequence(folders, codes, kind):
    stored, texts = codes
    folder = folders(kind)
    encoding, tokenizer = load_encoding(folder), AutoTokenizer.from_pretrained(folder)
    written = encoding.encode(stored)
    for row, text in enumerate(texts):
        words = spell(encoding, row, written)
        assert "".join(words) == text.upper()
        spans = zip(written.starts[row], written.ends[row], strict=True)
        assert words == [text.upper()[start:end] for start, end in list(spans)[: len(words)]]
        assert tokenizer.decode(written.ids[row, : len(words)]) == text.upper()


def test_folders_of_the_same_settings_are_the_same(folders, tmp_path):
    for kind in SETTINGS:
        folder = folders(kind)
        names = sorted(path.name for path in folder.iterdir())
        assert names == ["metrics.json", "tokenizer.json", "tokenizer_config.json"]
        before = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}
        again = folders(kind)
        assert {name: hashlib.sha256((again / name).read_bytes()).hexdigest() for name in names} == before


def test_a_model_folder_of_single_bases_is_read(tmp_path):
    save_tokenizer(tmp_path / "model", 64)
    assert isinstance(load_encoding(tmp_path / "model"), SingleBase)


def test_a_vocabulary_that_is_not_what_the_folder_says_is_refused(folders, tmp_path):
    folder = folders("kmer")
    config = json.loads((folder / "tokenizer_config.json").read_text())
    config["genoglot"]["k"] = 4
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match="67 tokens are not the 259 of the type kmer"):
        load_encoding(folder)
    with pytest.raises(InputError, match=r"has no tokenizer\.json"):
        load_encoding(tmp_path / "nothing")
    with pytest.raises(InputError, match="expected a byte-pair encoding"):
        Bpe(folder / "tokenizer.json")


def test_an_unknown_type_is_refused(corpus, tmp_path):
    with pytest.raises(InputError, match="'words': the types are single, kmer, blocks, bpe"):
        write_tokenizer({"type": "words"}, tmp_path / "out", *corpus, seed=1)


def slow_byte_pairs(words: list[str], merges: int) -> list[str]:
    """The merges of byte-pair encoding, counted anew each time; ties go to the earlier pair of the vocabulary."""
    split = [list(word) for word in words]
    vocabulary = list("ACGT")
    for _ in range(merges):
        counts: dict[tuple[str, str], int] = {}
        for word in split:
            for pair in pairwise(word):
                counts[pair] = counts.get(pair, 0) + 1
        best = min(counts, key=lambda pair: (-counts[pair], *(vocabulary.index(token) for token in pair)))
        joined = "".join(best)
        if joined not in vocabulary:
            vocabulary.append(joined)
        for word in split:
            place = 0
            while place < len(word) - 1:
                if (word[place], word[place + 1]) == best:
                    word[place : place + 2] = [joined]
                place += 1
    return vocabulary[4:]


def test_merges_are_those_of_the_algorithm(make_genome, tmp_path, monkeypatch):
    sequence = random_sequence(400, 3) + "N" * 7 + random_sequence(50, 4)
    genome = make_genome({"c": sequence})
    windows = write_windows(tmp_path, [("c", 0, len(sequence), "train")])
    # one strand, so that the expected words are those of the sequence
    monkeypatch.setattr(bpe, "reverse_complement", lambda codes: codes)
    train_bpe(windows, {"g": genome.folder}, tmp_path / "bpe", 8 + 12, 10_000, 1)
    found = Bpe(tmp_path / "bpe" / "tokenizer.json").tokens
    assert found[:8] == ["A", "C", "G", "T", "N", *SPECIAL]
    assert found[8:] == slow_byte_pairs([word for word in sequence.split("N") if word], 12)


def test_only_training_windows_are_learnt_from(make_genome, tmp_path):
    genome = make_genome({"train": "AC" * 500, "held": "GT" * 500, "apart": "GA" * 500})
    rows = [("train", 0, 1000, "train"), ("held", 0, 1000, "validation"), ("apart", 0, 1000, "test")]
    train_bpe(write_windows(tmp_path, rows), {"g": genome.folder}, tmp_path / "bpe", 30, 10_000, 0)
    learnt = "".join(Bpe(tmp_path / "bpe" / "tokenizer.json").tokens[8:])
    # (AC)n on one strand or, if the piece was turned, (GT)n on the other; never the test contig's (GA)n or (TC)n
    assert learnt
    assert not re.search("GA|AG|TC|CT", learnt)


def test_both_strands_are_learnt_from(make_genome, tmp_path):
    genome = make_genome({"c": "AAG" * 7000})
    windows = write_windows(tmp_path, [("c", 0, 21_000, "train")])
    train_bpe(windows, {"g": genome.folder}, tmp_path / "bpe", 14, 50_000, 0)
    learnt = set(Bpe(tmp_path / "bpe" / "tokenizer.json").tokens)
    assert any(set(token) == set("AG") for token in learnt)
    assert any(set(token) == set("CT") for token in learnt)


def test_a_sample_takes_each_piece_at_most_once(monkeypatch):
    monkeypatch.setattr(bpe, "PIECE", 4)
    stretches = [np.arange(first, first + 30) for first in range(0, 300, 30)]
    taken = bpe._sample(iter(stretches), 40, np.random.default_rng(0))
    assert len(taken) == 10
    bases = np.concatenate(taken)
    assert len(np.unique(bases)) == len(bases)
    assert (np.diff(bases) > 0).all()
    again = bpe._sample(iter(stretches), 40, np.random.default_rng(0))
    other = bpe._sample(iter(stretches), 40, np.random.default_rng(1))
    assert np.array_equal(np.concatenate(again), bases)
    assert not np.array_equal(np.concatenate(other), bases)
    everything = bpe._sample(iter(stretches), 10_000, np.random.default_rng(0))
    assert np.array_equal(np.concatenate(everything), np.arange(300))
    # every piece has the same chance, the pieces at the end no less than those at the beginning
    counts = np.zeros(80)
    for seed in range(400):
        chosen = bpe._sample(iter(stretches), 40, np.random.default_rng(seed))
        counts[[int(piece[0]) // 30 * 8 + int(piece[0]) % 30 // 4 for piece in chosen]] += 1
    assert counts.sum() == 4000
    assert abs(counts - 50).max() < 5 * np.sqrt(50)


def test_input_that_gives_no_tokens_is_refused(make_genome, tmp_path):
    genome = make_genome({"c": "N" * 200})
    windows = write_windows(tmp_path, [("c", 0, 200, "train")])
    with pytest.raises(InputError, match="hold no base but N"):
        train_bpe(windows, {"g": genome.folder}, tmp_path / "bpe", 30, 1000, 0)
    with pytest.raises(InputError, match="a vocabulary of 8 tokens"):
        train_bpe(windows, {"g": genome.folder}, tmp_path / "bpe", 8, 1000, 0)
    assert not (tmp_path / "bpe").exists()


def test_measures_by_hand(make_genome, tmp_path):
    genome = make_genome({"c": "acgtNACGTTAA" + "ACGT" * 3 + "TTTTT"})
    rows = [("c", 0, 12, "validation"), ("c", 12, 24, "validation"), ("c", 12, 24, "train")]
    windows = write_windows(tmp_path, rows)
    sequences = {"g": genome.folder}
    assert measure(SingleBase(), windows, sequences) == {
        "vocabulary": 6,
        "bases_per_token": 1.0,
        "used": 1.0,
        "unknown": 1 / 24,
    }
    # AC GT N AC GT TA A | AC GT AC GT AC GT: AC, GT, TA of 16, and N and A of 5 letters
    assert measure(Blocks(2), windows, sequences) == {
        "vocabulary": 24,
        "bases_per_token": 24 / 13,
        "used": 5 / 21,
        "unknown": 1 / 13,
    }
    # AC CG GT . . AC CG GT TT TA AA | AC CG GT TA AC CG GT TA AC CG GT
    assert measure(Kmers(2), windows, sequences) == {
        "vocabulary": 19,
        "bases_per_token": 24 / 22,
        "used": 6 / 16,
        "unknown": 2 / 22,
    }
    assert measure(Kmers(8), write_windows(tmp_path, [("c", 0, 5, "validation")]), sequences) == {
        "vocabulary": 65539,
        "bases_per_token": None,
        "used": 0.0,
        "unknown": None,
    }


def test_metrics_are_written(folders):
    for kind in SETTINGS:
        metrics = json.loads((folders(kind) / "metrics.json").read_text())
        assert set(metrics) == {"type", "vocabulary", "bases_per_token", "used", "unknown"}
        assert metrics["type"] == kind
    assert metrics["vocabulary"] == 60
    assert metrics["bases_per_token"] > 1.5


@pytest.mark.skipif(not (SHARED / "yeast").is_dir(), reason="the yeast genome is not here")
def test_byte_pairs_of_yeast_are_shorter_than_its_bases(tmp_path):
    fasta = SHARED / "yeast" / "Saccharomyces_cerevisiae.R64-1-1.dna.primary_assembly.fa.gz"
    normalise_fasta(fasta, tmp_path / "genome.fa.gz", tmp_path / "genome.json", "g")
    tokenize(tmp_path / "genome.fa.gz", tmp_path / "bases.npy", tmp_path / "contigs.tsv")
    genome = Genome(tmp_path)
    rows = [("IV", start, start + 512, "train") for start in range(0, 1_500_000, 512)]
    rows += [("I", start, start + 512, "validation") for start in range(0, 200_000, 512)]
    settings = {"type": "bpe", "vocabulary": 512, "sample_bases": 500_000}
    write_tokenizer(settings, tmp_path / "bpe", write_windows(tmp_path, rows), {"g": genome.folder}, seed=1)
    metrics = json.loads((tmp_path / "bpe" / "metrics.json").read_text())
    assert metrics["vocabulary"] == 512
    # 512 tokens are 9 bits, which uniform bases would fill with 4.5 of them; yeast is a little more regular
    assert 3.4 < metrics["bases_per_token"] < 4.5
    assert metrics["used"] > 0.98
    assert metrics["unknown"] == 0


def test_every_kmer_has_the_id_of_its_number():
    letters = ["".join(word) for word in product("ACGT", repeat=3)]
    stored = np.stack([encode(word) for word in letters])
    assert Kmers(3).encode(stored).ids.ravel().tolist() == list(range(64))
    assert Blocks(3).encode(stored).ids.ravel().tolist() == list(range(8, 72))
