"""Genes from an annotation, by the rule of open reading frames, and from probabilities: against plain computations."""

import itertools
import re

import numpy as np
import pytest

from genoglot.genes.decoding import Decoder, _viterbi
from genoglot.genes.labels import CLASSES, UNKNOWN, contig_classes, other_strand
from genoglot.genes.orfs import open_reading_frames, painted
from genoglot.genes.scores import Tally, class_genes, decoded_genes, splice_scores
from genoglot.genes.states import STATES, Rates, classes_of_states, coding, intron, signals, ways
from genoglot.genome.store import decode, encode, reverse_complement
from genoglot.genome.transcripts import Transcript

NAMES = tuple(name for name in CLASSES if not name.startswith("UTR"))
NUMBER = {name: number for number, name in enumerate(CLASSES)}
CODONS = [a + b + c for a in "ACGT" for b in "ACGT" for c in "ACGT"]
STOPS = ("TAA", "TAG", "TGA")
# genes to an intergenic base, introns to a coding base and to a base of an intron
RATES = Rates(1 / 300, 1 / 500, 1 / 60)


def transcript(strand: str, cds: list, exons: list | None = None, left_out: str = "") -> Transcript:
    ordered = cds if strand == "+" else cds[::-1]
    pairs = np.array(exons or cds, dtype=np.int64)
    return Transcript("c", strand, "g", "t", "mRNA", np.array(ordered, dtype=np.int64), pairs, left_out=left_out)


def names_of(classes: np.ndarray) -> list[str]:
    return ["?" if number == UNKNOWN else CLASSES[number] for number in classes]


def test_bases_of_a_gene_with_untranslated_ends_and_an_intron():
    found = names_of(contig_classes([transcript("-", [[4, 7], [19, 22]], [[2, 7], [19, 24]])], 26))
    assert found[:2] == ["intergenic"] * 2
    assert found[2:4] == ["UTR_minus"] * 2
    assert found[4:7] == ["CDS_minus"] * 3
    # on -, the acceptor lies on the left
    assert found[7] == "acceptor_minus"
    assert found[8:18] == ["intron_minus"] * 10
    assert found[18] == "donor_minus"
    assert found[19:22] == ["CDS_minus"] * 3
    assert found[22:] == ["UTR_minus"] * 2 + ["intergenic"] * 2


def test_genes_on_both_strands_frameshifts_and_doubtful_genes():
    both = contig_classes([transcript("+", [[0, 9]]), transcript("-", [[6, 15]])], 20)
    assert names_of(both) == ["CDS_plus"] * 6 + ["?"] * 3 + ["CDS_minus"] * 6 + ["intergenic"] * 5
    shifted = contig_classes([transcript("+", [[0, 6], [7, 13]])], 14)
    assert names_of(shifted) == ["CDS_plus"] * 13 + ["intergenic"]
    doubtful = contig_classes([transcript("+", [[0, 9]], left_out="pseudogene"), transcript("+", [[6, 12]])], 14)
    assert names_of(doubtful) == ["?"] * 6 + ["CDS_plus"] * 6 + ["intergenic"] * 2


def test_classes_of_the_other_strand():
    swapped = other_strand(CLASSES)
    assert all(swapped[swapped[number]] == number for number in range(len(CLASSES)))
    assert CLASSES[swapped[NUMBER["donor_plus"]]] == "donor_minus"
    assert swapped[0] == 0


def plain_frames(text: str, shortest: int) -> set[tuple[int, int, int]]:
    """Of both strands, by a regular expression: the longest reading up to each stop."""
    found = set()
    for strand in (0, 1):
        bases = text if strand == 0 else decode(reverse_complement(encode(text)))
        best: dict[int, int] = {}
        for match in re.finditer(r"(?=(ATG(?:(?!TAA|TAG|TGA)[ACGT]{3})*(?:TAA|TAG|TGA)))", bases):
            start, end = match.start(), match.start() + len(match.group(1))
            best[end] = min(best.get(end, start), start)
        for end, start in best.items():
            if end - start >= shortest:
                found.add((start, end, 0) if strand == 0 else (len(text) - end, len(text) - start, 1))
    return found


def test_open_reading_frames_are_those_of_a_regular_expression():
    text = "".join(np.random.default_rng(4).choice(list("ACGT"), 3000))
    for shortest in (0, 30, 90):
        frames = open_reading_frames(encode(text), shortest)
        assert {tuple(row) for row in frames.tolist()} == plain_frames(text, shortest)
    assert len(frames) > 0
    assert open_reading_frames(encode("ATNAAATAA"), 0).tolist() == []


def test_the_longer_frame_is_painted_over_the_shorter():
    frames = np.array([[2, 20, 1], [0, 9, 0]])
    assert painted(frames, 22, 5, 6).tolist() == [5] * 2 + [6] * 18 + [0] * 2


def test_ways_lead_round_a_codon_and_through_introns():
    before, _ = ways()
    into = {state: {other for other in row.tolist() if other >= 0} for state, row in enumerate(before)}
    assert into[0] == {0, coding(0, 2), coding(1, 0)}
    assert into[coding(0, 0)] == {0, coding(0, 2), intron(0, 2, 2)}
    assert into[coding(1, 2)] == {0, coding(1, 0), intron(1, 2, 0)}
    assert into[coding(1, 0)] == {coding(1, 1), intron(1, 0, 0)}
    assert sorted(into) == list(range(STATES))
    names = classes_of_states()
    assert names[intron(1, 2, 0)] == "donor_minus"
    assert names[coding(0, 1)] == "CDS_plus"


def test_viterbi_finds_the_best_of_all_paths():
    random = np.random.default_rng(3)
    before = np.array([[0, 2, -1], [0, 1, -1], [1, -1, -1]])
    needs = np.array([[0, 1, -1], [1, 0, -1], [0, -1, -1]])
    for _ in range(20):
        emissions = random.normal(size=(6, 3)).astype(np.float32)
        cost = random.normal(size=(6, 2)).astype(np.float32)

        def total(path, emissions=emissions, cost=cost):
            score = emissions[0, path[0]] - 3.0 * (path[0] != 0) - 3.0 * (path[-1] != 0)
            for base in range(1, 6):
                way = before[path[base]].tolist()
                if path[base - 1] not in way:
                    return -np.inf
                score += emissions[base, path[base]] + cost[base, needs[path[base], way.index(path[base - 1])]]
            return score

        best = max(itertools.product(range(3), repeat=6), key=total)
        assert _viterbi(emissions, cost, before, needs, np.float32(-3.0)).tolist() == list(best)


def gene(random: np.random.Generator, codons: int, cut: int | None = None) -> tuple[str, list[str]]:
    """The text of a gene on +, and what each of its bases is; with an intron after `cut` coding bases."""
    inner = [codon for codon in CODONS if codon not in STOPS]
    text = "ATG" + "".join(random.choice(inner, codons)) + "TAA"
    kinds = ["CDS_plus"] * len(text)
    if cut is not None:
        middle = "".join(random.choice(list("ACGT"), 60))
        text = text[:cut] + "GT" + middle + "AG" + text[cut:]
        kinds[cut:cut] = ["donor_plus"] + ["intron_plus"] * 62 + ["acceptor_plus"]
    return text, kinds


def contig(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Base codes and class numbers of `NAMES`: genes on both strands, one with two introns in different phases."""
    random = np.random.default_rng(seed)
    texts, kinds = [], []
    for number, cut in enumerate((None, 100, 101, None, 102, None)):
        between = "".join(random.choice(list("ACGT"), 120))
        texts.append(between)
        kinds.extend(["intergenic"] * 120)
        text, own = gene(random, 90, cut)
        if number % 2:
            text = decode(reverse_complement(encode(text)))
            own = [kind.replace("plus", "minus") for kind in own[::-1]]
        texts.append(text)
        kinds.extend(own)
    texts.append("".join(random.choice(list("ACGT"), 120)))
    kinds.extend(["intergenic"] * 120)
    return encode("".join(texts)), np.array([NAMES.index(kind) for kind in kinds])


def noisy(classes: np.ndarray, seed: int) -> np.ndarray:
    """Probabilities that point the right way in most places, and leave the ends of features open."""
    random = np.random.default_rng(seed)
    right = np.zeros((len(classes), len(NAMES)))
    right[np.arange(len(classes)), classes] = 1
    blurred = np.stack([np.convolve(column, np.ones(5) / 5, mode="same") for column in right.T], axis=1)
    shares = np.bincount(classes, minlength=len(NAMES)) / len(classes)
    likely = blurred + (random.random(right.shape) + 0.1) * shares
    return (likely / likely.sum(axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def decoder():
    shares = np.array([0.3, *[0.05, 0.05], *[0.295, 0.295], *[0.0025] * 4])
    return Decoder(NAMES, tuple(shares.tolist()), RATES)


def test_genes_are_decoded_with_their_exact_ends(decoder):
    codes, classes = contig(1)
    genes = list(decoder.genes(codes, noisy(classes, 2)))
    assert decoded_genes(genes) == sorted(class_genes(classes, NAMES), key=lambda gene: gene[0][1])
    for found in genes:
        bases = np.concatenate([codes[start:end] for start, end in found.exons])
        text = decode(bases if found.strand == "+" else reverse_complement(bases))
        triplets = [text[place : place + 3] for place in range(0, len(text), 3)]
        assert triplets[0] == "ATG"
        assert [codon in STOPS for codon in triplets] == [False] * (len(triplets) - 1) + [True]
        # a phase is what is left of the codon that the exon before began
        order = range(len(found.exons)) if found.strand == "+" else range(len(found.exons))[::-1]
        length = 0
        for exon in order:
            assert found.phases[exon] == -length % 3
            length += found.exons[exon, 1] - found.exons[exon, 0]
        assert found.score > 0.4


def test_the_other_strand_has_the_same_genes(decoder):
    codes, classes = contig(5)
    likely = noisy(classes, 6)
    turned = likely[::-1][:, list(other_strand(NAMES))]
    there = decoded_genes(decoder.genes(codes, likely))
    here = decoded_genes(decoder.genes(reverse_complement(codes), turned))
    swap, length = {"+": "-", "-": "+"}, len(codes)
    mirrored = [[(swap[sign], length - end, length - start) for sign, start, end in gene[::-1]] for gene in here]
    assert there == mirrored[::-1]


def test_signals_stand_where_the_words_are():
    codes = encode("CCATGTAAGTTTAGCTTACATCC")
    cost = signals(codes, RATES)
    text = decode(codes)
    from genoglot.genes import states

    there = {name: np.flatnonzero(cost[:, getattr(states, name)] > -1e20).tolist() for name in (
        "START", "STOP", "DONOR", "ACCEPTOR", "R_STOP", "R_START", "R_ACCEPTOR", "R_DONOR")}  # fmt: skip
    find = lambda word: [match.start() for match in re.finditer(f"(?={word})", text)]  # noqa: E731
    assert there["START"] == find("ATG")
    assert there["STOP"] == sorted(place + 3 for word in STOPS for place in find(word))
    assert there["DONOR"] == find("GT")
    assert there["ACCEPTOR"] == [place + 1 for place in find("AG")]
    assert there["R_STOP"] == sorted(place for word in ("TTA", "CTA", "TCA") for place in find(word))
    assert there["R_START"] == [place + 3 for place in find("CAT")]
    assert there["R_ACCEPTOR"] == find("CT")
    assert there["R_DONOR"] == [place + 1 for place in find("AC")]


def test_rates_are_counted_on_windows():
    windows = np.stack([contig(seed)[1][:2000] for seed in range(3)])
    rates = Rates.of(windows.astype(np.int16), NAMES)
    outside = (windows[:, :-1] == 0).sum()
    edges = (
        (windows[:, :-1] == 0) & np.isin(windows[:, 1:], [NAMES.index("CDS_plus"), NAMES.index("CDS_minus")])
    ).sum()
    assert rates.genes_per_intergenic == pytest.approx((edges + 0.5) / outside)
    assert rates.introns_per_coding < rates.introns_per_intron


def test_exons_and_genes_are_counted_by_hand():
    names = ("intergenic", "CDS_plus", "CDS_minus", "intron_plus", "intron_minus")
    classes = np.array([0, 1, 1, 3, 3, 1, 0, 2, 2, 0, 0, 1, UNKNOWN, 0, 2])
    assert class_genes(classes, names) == [[("+", 1, 3), ("+", 5, 6)], [("-", 7, 9)]]
    tally = Tally()
    tally.add(classes, names, [[("+", 1, 3), ("+", 4, 6)], [("-", 7, 9)], [("+", 11, 13)]])
    found = tally.describe()
    assert found["exons"] == {"true": 3, "predicted": 3, "right": 2, "recall": 2 / 3, "precision": 2 / 3, "f1": 2 / 3}
    assert found["genes"]["right"] == 1
    assert Tally().describe()["genes"]["f1"] is None


def test_splice_sites_by_hand():
    names = ("intergenic", "donor_plus", "donor_minus")
    likely = np.array([[0.1, 0.9, 0.0], [0.7, 0.2, 0.1], [0.1, 0.1, 0.8], [0.3, 0.7, 0.0]])
    found = splice_scores(np.array([1, 0, 2, 0]), likely, names)
    assert found == {"donor": {"n": 2, "auprc": 1.0, "chance": 0.25, "top_k": 1.0}}
    assert splice_scores(np.array([0, 0]), likely[:2], names)["donor"]["auprc"] is None
