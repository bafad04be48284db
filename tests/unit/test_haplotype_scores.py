"""Alleles compared as haplotypes: against a plain version on strings, and what must not matter."""

import numpy as np
import pytest
import torch
from scored_variants import HEADER, MODEL_WINDOW, Scoring, random_chain, vcf_line
from tiny_corpus import random_sequence
from tiny_models import MATES, random_model, random_network

from genoglot.genome.alleles import shifts
from genoglot.genome.store import encode
from genoglot.model.inference import Predictor
from genoglot.model.language_model import of_network
from genoglot.model.reading import truth
from genoglot.tokens.encoding import SingleBase
from genoglot.variants.alleles import Edit
from genoglot.variants.haplotypes import model_sums, pairs, ratios

KINDS = [
    ("cloze", "single"),
    ("convnet", "single"),
    ("encoder", "kmer"),
    ("encoder", "blocks"),
    ("encoder", "bpe"),
    ("decoder", "single"),
    ("decoder", "bpe"),
]
CONTIG = random_sequence(60, 1) + "ACACACAC" + "GATTTTTTTC" + random_sequence(60, 2) + "N" + random_sequence(50, 3)
# 1-based position, REF, ALT
VARIANTS = [
    (4, CONTIG[3:5], CONTIG[3]),
    (20, CONTIG[19], CONTIG[19] + "GGTCA"),
    (61, "ACA", "A"),
    (67, "A", "ACACA"),
    (72, "T", "TT"),
    (90, CONTIG[89:93], "TTGCA"[: 4 + (CONTIG[89] == "T")]),
    (100, CONTIG[99:102], CONTIG[99:102][::-1].translate(MATES)),
    (140, CONTIG[139:143], CONTIG[139]),
]


@pytest.fixture(params=KINDS, ids="-".join)
def scoring(request, make_genome, tmp_path):
    return Scoring(tmp_path, make_genome, {"c1": CONTIG}, *request.param)


def text(variants: list[tuple[int, str, str]]) -> str:
    return HEADER + "".join(vcf_line("c1", *variant) for variant in variants)


def turned(sequence: str) -> str:
    return sequence[::-1].translate(MATES)


def repeated(sequence: str, start: int, end: int, new: str) -> tuple[int, int]:
    """Leftmost start and rightmost end of places that give the same sequence, by trying them all."""
    made = sequence[:start] + new + sequence[end:]
    deleted, size = end - start, len(new)
    if deleted and size:
        return start, end
    starts = [
        place
        for place in range(max(0, start - 12), min(len(sequence) - deleted, start + 12) + 1)
        for inserted in [made[place : place + size]]
        if sequence[:place] + inserted + sequence[place + deleted :] == made
    ]
    return min(starts), max(starts) + deleted


def plain_bases(model, sequence: str, places: list[int]) -> np.ndarray:
    """Log-probability of each base that is no N, hidden alone (or, of a causal model, given what is before it)."""
    codes = encode(sequence)[None] & 7
    values = []
    for place in places:
        chosen = np.zeros(codes.shape, dtype=bool)
        chosen[0, place] = True
        with torch.inference_mode():
            values.append(float(truth(model, codes, chosen)[0]))
    return np.array(values)


def plain_ratio(model, sequence: str, start: int, end: int, new: str, flank: int) -> float:
    """The compensated ratio of an edit, one haplotype, strand and base after the other."""
    first, last = repeated(sequence, start, end, new)
    alleles = [sequence[first:last], sequence[first:start] + new + sequence[end:last]]
    size = max(map(len, alleles))
    flank = (MODEL_WINDOW - 1 - size) // 2 if model.kind == "causal" else min(flank, (MODEL_WINDOW - 1 - size) // 2)
    total, beside = np.zeros((2, 2)), []
    for row, allele in enumerate(alleles):
        room = (MODEL_WINDOW - len(allele)) // 2
        padded = "N" * 40 + sequence + "N" * 40
        window = padded[40 + first - room : 40 + first] + allele + padded[40 + last : 40 + last + room]
        for column, strand in enumerate((window, turned(window))):
            stretch = range(room - flank, room + len(allele) + flank)
            places = [place for place in stretch if strand[place] != "N"]
            values = plain_bases(model, strand, places)
            total[row, column] = values.sum()
            flanking = [not room <= place < room + len(allele) for place in places]
            beside.append(values[flanking])
    more = len(alleles[1]) - len(alleles[0])
    means = [np.concatenate(beside[column::2]).mean() for column in range(2)]
    return float(np.mean(total[1] - total[0] - more * np.array(means)))


def plain_trim(start: int, ref: str, alt: str) -> tuple[int, int, str]:
    while ref and alt and ref[0] == alt[0]:
        start, ref, alt = start + 1, ref[1:], alt[1:]
    while ref and alt and ref[-1] == alt[-1]:
        ref, alt = ref[:-1], alt[:-1]
    return start, start + len(ref), alt


def test_other_alleles_equal_the_plain_reference(scoring):
    table = scoring.table(text(VARIANTS))
    model = Predictor.open(scoring.folder / "model", {"batch_size": 4, "precision": "float32"}, 1).model
    for (position, ref, alt), row in zip(VARIANTS, table.itertuples(), strict=True):
        expected = plain_ratio(model, CONTIG, *plain_trim(position - 1, ref, alt), 4)
        assert row.llr == pytest.approx(expected, abs=2e-4), (position, ref, alt)
        assert np.isfinite(row.markov_llr)


def test_the_other_strand_gives_the_same_ratios(scoring, make_genome):
    forward = scoring.table(text(VARIANTS))
    mirror = turned(CONTIG)
    mirrored = []
    for position, ref, alt in VARIANTS:
        # the base before, on the other strand, is the one after
        start = len(CONTIG) - (position - 1) - len(ref) - 1
        anchor = mirror[start]
        body = [turned(allele) for allele in (ref, alt)]
        mirrored.append((start + 1, anchor + body[0], anchor + body[1]))
    sequence = make_genome({"c1": mirror}, "mirror").folder
    backward = scoring.table(text(mirrored[::-1]), "back", sequence=sequence)[::-1]
    for column in ("llr", "markov_llr", "strand_difference"):
        np.testing.assert_allclose(forward[column], backward[column], atol=2e-4)


def test_swapped_alleles_change_the_sign(scoring, make_genome):
    for number, (position, ref, alt) in enumerate(VARIANTS):
        changed = CONTIG[: position - 1] + alt + CONTIG[position - 1 + len(ref) :]
        sequence = make_genome({"c1": changed}, f"changed{number}").folder
        there = scoring.table(text([(position, ref, alt)]))
        back = scoring.table(text([(position, alt, ref)]), "back", sequence=sequence)
        for column in ("llr", "markov_llr"):
            assert there[column][0] == pytest.approx(-back[column][0], abs=2e-4)


def test_where_a_repeat_is_changed_does_not_matter(scoring):
    """One unit of ACACACAC less, written at three places and with more bases than it needs."""
    ways = [(61, "ACA", "A"), (63, "ACA", "A"), (64, "CAC", "C"), (60, CONTIG[59:68], CONTIG[59] + "ACACAC")]
    ways.sort()
    found = scoring.table(text(ways))["llr"]
    np.testing.assert_allclose(found, found[0], atol=1e-5)


@pytest.mark.parametrize(
    ("start", "end", "new"), [(60, 62, ""), (66, 68, ""), (63, 63, "CA"), (70, 71, ""), (75, 75, "TTT"), (5, 5, "G")]
)
def test_shifts_by_trying_all_places(start, end, new):
    left, right = shifts(encode(CONTIG), start, end, encode(new), 12)
    assert (start - left, end + right) == repeated(CONTIG, start, end, new)


@pytest.mark.parametrize("kind", [("cloze", "single"), ("convnet", "single"), ("decoder", "single")], ids="-".join)
def test_length_alone_moves_nothing(kind, make_genome, tmp_path):
    """Random insertions and deletions in random sequence: no trend with length, where plain sums have a strong one."""
    generator = np.random.default_rng(5)
    genome = make_genome({"c": random_sequence(4000, 9)})
    model = random_model(*kind, make_genome, tmp_path)
    predictor = Predictor(model, 64, "float32")
    edits, change = [], []
    for _ in range(400):
        length, start = int(generator.integers(1, 13)), int(generator.integers(100, 3800))
        if generator.random() < 0.5:
            edits.append(Edit("deletion", start, start + length, np.empty(0, np.uint8)))
            change.append(-length)
        else:
            edits.append(Edit("insertion", start, start, generator.integers(0, 4, length).astype(np.uint8)))
            change.append(length)
    both = pairs(genome, np.zeros(len(edits), dtype=np.int64), edits, model.window, 12)
    sums = [model_sums(predictor, genome, one, exact=False) for one in both]
    found = ratios(*both, *sums).mean(axis=0)
    plain = (sums[1].stretch - sums[0].stretch).mean(axis=0)

    def trend(values: np.ndarray) -> float:
        """Slope of the values against the change of length, in its standard errors."""
        centred = np.array(change) - np.mean(change)
        slope = (centred * values).sum() / (centred**2).sum()
        rest = values - values.mean() - slope * centred
        return slope / np.sqrt((rest**2).sum() / (len(values) - 2) / (centred**2).sum())

    assert abs(trend(found)) < 3
    assert abs(found.mean()) < 3 * found.std() / np.sqrt(len(found))
    assert abs(trend(plain)) > 20


def test_a_masked_model_hides_no_more_than_in_training(make_genome, tmp_path):
    network = random_network("convnet", SingleBase())
    shares = []
    real = network.logits

    def counted(ids, positions, present):
        shares.extend(((ids == 5).sum(1) / ids.shape[1]).tolist())
        return real(ids, positions, present)

    network.logits = counted
    predictor = Predictor(of_network(network, SingleBase(), 48), 16, "float32", mask_rate=0.2)
    genome = make_genome({"c": CONTIG})
    edits = [Edit("deletion", 20, 25, np.empty(0, np.uint8)), Edit("insertion", 40, 40, encode("ACGTA"))]
    both = pairs(genome, np.zeros(2, dtype=np.int64), edits, 48, 16)
    for exact, most in ((False, 0.2), (True, 1.01 / 47)):
        shares.clear()
        for one in both:
            model_sums(predictor, genome, one, exact)
        assert 0 < max(shares) <= most


def test_the_chain_by_hand(make_genome, tmp_path):
    """`GLM_MARKOV_LLR` of an insertion: the same sums of the chain's log-probabilities between neighbours."""
    chain, sequence = random_chain(), "ACGTTGCAAGTCATAGACCATGACGTACGATACGTTGCAAGTC"
    scoring = Scoring(tmp_path, make_genome, {"c1": sequence}, "cloze", "single")
    row = scoring.table(HEADER + vcf_line("c1", 20, sequence[19], sequence[19] + "GG")).iloc[0]
    table = chain.tables["both"]

    def values(allele: str) -> list[float]:
        codes = [int(code) for code in encode(sequence[:20] + allele + sequence[20:])]
        span = range(20 - 4, 20 + len(allele) + 4)
        return [float(table[codes[i - 1] * 4 + codes[i + 1]][codes[i]]) for i in span]

    with_alt, with_ref = values("GG"), values("")
    beside = [*with_alt[:4], *with_alt[-4:], *with_ref]
    assert row["markov_llr"] == pytest.approx(sum(with_alt) - sum(with_ref) - 2 * np.mean(beside), abs=1e-4)


def test_distances_of_embeddings(scoring):
    table = scoring.table(
        text([VARIANTS[0], (30, CONTIG[29], "A" if CONTIG[29] != "A" else "C")]), embedding_distance=True
    )
    predictor = Predictor.open(scoring.folder / "model", {"batch_size": 4, "precision": "float32"}, 1)
    position, alt = 29, table["alt"][1]
    window = CONTIG[position - 15 : position + 16]
    vectors = predictor.embed(np.stack([encode(window), encode(window[:15] + alt + window[16:])]) & 7).astype(float)
    difference = vectors[1] - vectors[0]
    assert table["embedding_l2"][1] == pytest.approx(np.linalg.norm(difference), rel=1e-4)
    cosine = vectors[0] @ vectors[1] / np.linalg.norm(vectors[0]) / np.linalg.norm(vectors[1])
    assert table["embedding_cosine"][1] == pytest.approx(1 - cosine, abs=1e-5)
    assert (table["embedding_l2"] > 0).all()
