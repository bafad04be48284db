"""Token ids of every type against slow versions and against Hugging Face, and the folders of tokenizers."""

import hashlib
import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from tiny_corpus import random_sequence
from token_corpus import write_windows
from transformers import AutoTokenizer

from genoglot.errors import InputError
from genoglot.genome.store import encode
from genoglot.tokens.bpe import Bpe
from genoglot.tokens.encoding import Blocks, Kmers, SingleBase
from genoglot.tokens.files import load_encoding, measure, save_tokenizer, write_tokenizer

SETTINGS = {
    "single": {"type": "single"},
    "kmer": {"type": "kmer", "k": 3},
    "blocks": {"type": "blocks", "k": 4},
    "bpe": {"type": "bpe", "vocabulary": 60, "sample_bases": 10_000},
}
MOTIF = "GATTACAGGCT"
# what every model of single nucleotides was trained with
VOCABULARY = {"A": 0, "C": 1, "G": 2, "T": 3, "N": 4, "[MASK]": 5}


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


def test_a_model_folder_of_single_bases(tmp_path):
    save_tokenizer(SingleBase(), tmp_path / "model", 64)
    assert isinstance(load_encoding(tmp_path / "model"), SingleBase)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "model")
    assert tokenizer("acGTN[MASK]RT")["input_ids"] == [0, 1, 2, 3, 4, 5, 4, 3]
    assert tokenizer.model_max_length == 64


@pytest.mark.parametrize("kind", SETTINGS)
def test_a_tokenizer_goes_into_a_model_folder(folders, codes, tmp_path, kind):
    stored, texts = codes
    folder = folders(kind)
    expected = load_encoding(folder)
    for number, source in enumerate((folder, str(folder), expected)):
        output = tmp_path / f"model{number}"
        save_tokenizer(source, output, 64)
        assert sorted(path.name for path in output.iterdir()) == ["tokenizer.json", "tokenizer_config.json"]
        found = load_encoding(output)
        assert type(found) is type(expected)
        assert found.tokens == expected.tokens
        tokenizer = AutoTokenizer.from_pretrained(output)
        assert tokenizer(texts, padding=True)["input_ids"] == expected.encode(stored).ids.tolist()
        assert tokenizer.model_max_length == 64
        assert tokenizer.mask_token == "[MASK]"


def test_no_tokenizer_is_copied_from_a_folder_without(tmp_path):
    with pytest.raises(InputError, match=r"has no tokenizer\.json"):
        save_tokenizer(tmp_path, tmp_path / "model", 64)
    assert not (tmp_path / "model").exists()


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


def test_every_kmer_has_the_id_of_its_number():
    letters = ["".join(word) for word in product("ACGT", repeat=3)]
    stored = np.stack([encode(word) for word in letters])
    assert Kmers(3).encode(stored).ids.ravel().tolist() == list(range(64))
    assert Blocks(3).encode(stored).ids.ravel().tolist() == list(range(8, 72))
