"""Vocabularies of others: which scheme they follow, their ids, and what cannot be read."""

import json
import re
from itertools import product

import foreign_models
import numpy as np
import pytest
from foreign_models import BERT_SPECIAL, words
from tiny_corpus import random_sequence
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers
from transformers import AutoTokenizer, BertTokenizer, EsmTokenizer, PreTrainedTokenizerFast

from genoglot.errors import InputError
from genoglot.genome.store import encode
from genoglot.tokens.encoding import Kmers
from genoglot.tokens.files import load_encoding, save_tokenizer
from genoglot.tokens.pipelines import kmer_pipeline
from genoglot.tokens.translated import NONE, TranslatedSubwords, TranslatedTable, agree, resized, samples, translate

ASCII = [chr(number) for number in range(33, 127)]


def word_level(vocabulary: list[str], pattern: str, unknown: str | None = "<unk>", **named: str):
    ids = {token: number for number, token in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.WordLevel(ids, **({"unk_token": unknown} if unknown else {})))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(pattern), "isolated")
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **({"unk_token": unknown} if unknown else {}), **named)


def spell(encoding, text: str) -> list[str]:
    written = encoding.encode(encode(text)[None])
    return [encoding.tokens[number] for number in written.ids[0]]


def test_blocks_with_letters_of_six():
    """As of the Nucleotide Transformer: the vocabulary in the order A T C G, after the special tokens."""
    tokenizer = word_level(["<unk>", *words(6), *"ATCGN"], "[ACGT]{6}|.")
    encoding = translate(tokenizer, "model")
    assert isinstance(encoding, TranslatedTable)
    assert (encoding.type, encoding.k, encoding.overlapping) == ("blocks", 6, False)
    assert spell(encoding, "AAAAATGNACGTACC") == ["AAAAAT", "G", "N", "ACGTAC", "C"]
    assert encoding.encode(encode("AAAAATGNACGTACC")[None]).ids[0, :3].tolist() == [2, 4100, 4101]
    # by number, the first base the most significant digit of A C G T
    letters = ["".join(word) for word in product("ACGT", repeat=6)]
    assert [encoding.tokens[number] for number in encoding.kmer_ids] == letters
    assert [encoding.tokens[number] for number in encoding.base_ids] == list("ACGT")
    assert len(encoding.tokens) == encoding.size == 4102


def test_the_esm_tokenizer_of_sixes(tmp_path):
    folder = foreign_models.nucleotide_transformer(tmp_path / "source", 6)
    encoding = translate(AutoTokenizer.from_pretrained(folder), "model")
    assert (encoding.type, encoding.k, encoding.prefix, encoding.suffix) == ("blocks", 6, (3,), ())
    assert encoding.highest == 6 + 4096 + 4


def test_overlapping_words_with_spaces(tmp_path):
    """As of DNABERT, which has no letters: an N makes k words unknown."""
    tokenizer = AutoTokenizer.from_pretrained(foreign_models.dnabert(tmp_path / "source", 4))
    encoding = translate(tokenizer, "model")
    assert (encoding.type, encoding.k, encoding.overlapping) == ("kmer", 4, True)
    assert (encoding.prefix, encoding.suffix) == ((2,), (3,))
    assert spell(encoding, "ACGTACNTTTTA") == ["ACGT", "CGTA", "GTAC", *["[UNK]"] * 4, "TTTT", "TTTA"]
    assert encoding.base_ids.tolist() == [-1] * 4
    written = encoding.encode(encode("ACGTAC")[None])
    assert (written.starts.tolist(), written.ends.tolist()) == ([[0, 1, 2]], [[4, 5, 6]])


def test_overlapping_words_of_sequence_as_it_is():
    own = Kmers(3)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=kmer_pipeline(own), unk_token="[UNK]", pad_token="[PAD]")
    encoding = translate(tokenizer, "model")
    assert (encoding.type, encoding.k) == ("kmer", 3)
    assert encoding.kmer_ids.tolist() == list(range(64))
    assert encoding.mask == NONE


def test_single_letters_with_spaces(tmp_path):
    (tmp_path / "vocab.txt").write_text("\n".join([*BERT_SPECIAL, *"NTGCA"]))
    encoding = translate(BertTokenizer(str(tmp_path / "vocab.txt"), do_lower_case=False), "model")
    assert (encoding.type, encoding.k, encoding.overlapping) == ("single", 1, False)
    assert encoding.base_ids.tolist() == encoding.kmer_ids.tolist() == [9, 8, 7, 6]
    assert encoding.encode(encode("acgtn")[None]).ids.tolist() == [[9, 8, 7, 6, 5]]
    assert (encoding.prefix, encoding.suffix) == ((2,), (3,))


def test_capitals_and_small_letters():
    both = translate(word_level(ASCII, ".", None), "model")
    assert [both.tokens[number] for number in both.base_ids] == list("ACGT")
    assert both.base_ids.tolist() == [ord(base) - 33 for base in "ACGT"]
    assert both.tokens[ord("a") - 33] == "a"
    # without a token for the unknown, N is it
    assert both.unknown == ord("N") - 33
    small = translate(word_level([token for token in ASCII if not token.isupper()], ".", None), "model")
    assert small.type == "single"
    assert [small.tokens[number] for number in small.base_ids] == list("ACGT")


@pytest.mark.parametrize("kind", ["wordpiece", "unigram"])
def test_subwords_of_other_kinds(kind):
    sequence = [random_sequence(200, seed) for seed in range(30)]
    special = ["<unk>", "<pad>"]
    if kind == "wordpiece":
        tokenizer = Tokenizer(models.WordPiece(unk_token="<unk>"))
        trainer = trainers.WordPieceTrainer(vocab_size=60, special_tokens=special, show_progress=False)
    else:
        tokenizer = Tokenizer(models.Unigram())
        trainer = trainers.UnigramTrainer(vocab_size=60, special_tokens=special, unk_token="<unk>", show_progress=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Split("N", "isolated")
    tokenizer.train_from_iterator(sequence, trainer)
    original = PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", pad_token="<pad>")
    encoding = translate(original, "model")
    assert isinstance(encoding, TranslatedSubwords)
    assert (encoding.k, encoding.kmer_ids.tolist()) == (0, [])
    texts = [random_sequence(50, seed, "ACGTN") for seed in range(3)] + ["N" * 50]
    written = encoding.encode(np.stack([encode(text) for text in texts]))
    for row, text in enumerate(texts):
        length = written.lengths[row]
        assert written.ids[row, :length].tolist() == original(text)["input_ids"]
        spans = [text[first:last] for first, last in zip(written.starts[row], written.ends[row], strict=True)][:length]
        assert "".join(spans) == text
        for number, bases in zip(written.ids[row, :length], spans, strict=True):
            assert encoding.tokens[number].removeprefix("##") == bases or number == encoding.unknown


@pytest.mark.parametrize("name", foreign_models.MAKERS)
def test_folders_give_the_encoding_back(name, tmp_path):
    encoding = translate(AutoTokenizer.from_pretrained(foreign_models.MAKERS[name](tmp_path / name)), name)
    encoding = resized(encoding, encoding.size + 3)
    assert encoding.tokens[-3:] == [f"<unused:{encoding.size - number}>" for number in (3, 2, 1)]
    save_tokenizer(encoding, tmp_path / "model", 500)
    for again in (load_encoding(tmp_path / "model"), _copied(tmp_path)):
        assert (again.type, again.settings, again.tokens) == (encoding.type, encoding.settings, encoding.tokens)
        assert np.array_equal(again.base_ids, encoding.base_ids)
        codes = np.stack([encode(random_sequence(60, seed, "ACGTN")) for seed in range(5)])
        for ours, theirs in zip(vars(again.encode(codes)).values(), vars(encoding.encode(codes)).values(), strict=True):
            assert np.array_equal(ours, theirs)
        assert again.encode(codes[:0]).ids.shape[0] == 0
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "model")
    assert agree(encoding, tokenizer) is None
    settings = json.loads((tmp_path / "model" / "tokenizer_config.json").read_text())["genoglot"]
    assert settings["translated"] is True
    assert (tokenizer.mask_token_id if encoding.mask != NONE else NONE) == encoding.mask
    assert tokenizer.pad_token_id == encoding.pad


def _copied(folder):
    save_tokenizer(folder / "model", folder / "copy", 500)
    return load_encoding(folder / "copy")


def test_disagreement_is_found(tmp_path):
    encoding = translate(AutoTokenizer.from_pretrained(foreign_models.dnabert(tmp_path / "source")), "model")
    save_tokenizer(encoding, tmp_path / "model", 500)
    path = tmp_path / "model" / "tokenizer.json"
    settings = json.loads(path.read_text())
    vocabulary = settings["model"]["vocab"]
    vocabulary["ACG"], vocabulary["TTT"] = vocabulary["TTT"], vocabulary["ACG"]
    path.write_text(json.dumps(settings))
    assert "the model's own tokenizer gives" in agree(encoding, AutoTokenizer.from_pretrained(tmp_path / "model"))


class FusedN(EsmTokenizer):
    """Makes one token of a run of N."""

    def tokenize(self, text, **kwargs):
        return super().tokenize(re.sub("N+", "N", text), **kwargs)


def test_tokenizers_that_follow_no_scheme_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"model: its tokenizer .* follows none .* of [ACGT]{24} it makes \['<unk>'"):
        translate(word_level(["<unk>", "gene", "genome"], ".+"), "model")
    foreign_models.nucleotide_transformer(tmp_path / "source")
    with pytest.raises(InputError, match=r"read as blocks of 3-mers, [ACGTN]*NN.* would be \[.*tokenizer gives \["):
        translate(FusedN(str(tmp_path / "source" / "vocab.txt"), eos_token=None), "model")
    with pytest.raises(InputError, match="neither N nor a token for the unknown"):
        translate(word_level(list("ACGT"), ".", None), "model")


def test_subwords_must_cover_the_sequence():
    tokenizer = word_level(["<unk>", *words(3), *"ACGT"], "[ACGT]{3}|.")
    steps = [pre_tokenizers.Split("N", "removed"), tokenizer.backend_tokenizer.pre_tokenizer]
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps)
    with pytest.raises(InputError, match=r"read as subwords, the tokens of [ACGTN]+ do not lie side by side"):
        translate(tokenizer, "model")


def test_a_fast_tokenizer_of_a_scheme_of_its_own_is_read_as_subwords():
    tokenizer = word_level(["<unk>", *words(3), *"ACGTN"], "[ACGT]{3}|N+|.")
    encoding = translate(tokenizer, "model")
    assert encoding.type == "bpe"
    # runs of N are one token, which is unknown but for a single one
    written = encoding.encode(encode("ACGTNACGNNNA")[None])
    assert spell(encoding, "ACGTNACGNNNA") == ["ACG", "T", "N", "ACG", "<unk>", "A"]
    assert written.ends.tolist() == [[3, 4, 5, 8, 11, 12]]


def test_the_sequences_tried_are_of_all_kinds():
    texts = samples()
    assert len(texts) >= 200
    assert {0, 1, 2, 5, 7} <= {len(text) for text in texts}
    assert max(map(len, texts)) > 100
    assert sum("N" in text for text in texts) > 80
    assert sum("N" not in text for text in texts) > 80
    assert any("NNNNN" in text for text in texts)
    assert any(text and set(text) == {"N"} for text in texts)
