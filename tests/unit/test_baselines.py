"""Baselines of variants: mutation rates against counting in plain text, conservation against values written by hand."""

from collections import Counter

import numpy as np
import pandas as pd
import pyBigWig
import pytest
from tiny_genome import write_genome

from genoglot.errors import InputError
from genoglot.genome.names import ContigNames
from genoglot.genome.store import Genome
from genoglot.variants.baselines import BLOCK, FOLDS, Substitutions, changed_bases, conservation, trinucleotide_rates
from genoglot.variants.strata import RegionTable

COMPLEMENT = str.maketrans("ACGT", "TGCA")


def variants(rows):
    return pd.DataFrame(rows, columns=["contig", "pos", "ref", "alt"])


@pytest.mark.parametrize(
    ("variant", "interval"),
    [
        ((10, "A", "C"), (10, 11)),
        ((10, "AT", "CG"), (10, 12)),
        ((10, "AT", "AG"), (11, 12)),
        ((10, "A", "ATT"), (11, 11)),
        ((10, "ATT", "A"), (11, 13)),
        ((10, "ATT", "att"), (13, 13)),
        ((10, "GTT", "CA"), (10, 13)),
        ((10, "A", "<DEL>"), (10, 10)),
    ],
)
def test_bases_that_a_variant_changes(variant, interval):
    position = np.array(variant[:1])
    ref, alt = (np.array([allele], dtype=object) for allele in variant[1:])
    starts, ends = changed_bases(position, ref, alt)
    if variant[1].upper() == variant[2].upper():
        assert starts[0] == ends[0]
    else:
        assert (starts[0], ends[0]) == interval


def test_regions_of_positions():
    table = pd.DataFrame(
        [("a", 0, 10, "CDS"), ("a", 10, 30, "intron"), ("a", 30, 40, "intergenic"), ("b", 0, 5, "UTR")],
        columns=["contig", "start", "end", "class"],
    )
    regions = RegionTable(table)
    contig = pd.Series(["a", "b", "a", "a", "c", "b", "a"], index=range(5, 12))
    classes = regions.classes(contig, np.array([9, 4, 10, 39, 0, 5, 40]))
    assert classes.tolist() == ["CDS", "UTR", "intron", "intergenic", "", "", ""]
    assert regions.intervals("a", ("intron", "intergenic")).tolist() == [[10, 40]]
    assert regions.intervals("z", ("intron",)).tolist() == []


def kind_of(sequence, position, alt):
    """`ACG>T`, with the pyrimidine of the pair in the middle."""
    context = sequence[position - 1 : position + 2]
    if context[1] in "AG":
        context, alt = context.translate(COMPLEMENT)[::-1], alt.translate(COMPLEMENT)
    return f"{context}>{alt}"


@pytest.fixture
def mutated(tmp_path):
    """A genome of which the second half of one contig is coding, and SNVs, C>T in CG more often than others."""
    rng = np.random.default_rng(1)
    sequence = "".join(rng.choice(list("ACGT"), 260_000))
    folder, _ = write_genome(tmp_path, {"c": sequence})
    rows = []
    for position in np.sort(rng.choice(np.arange(1, 259_999), 9000, replace=False)):
        ref = sequence[position]
        alt = rng.choice([base for base in "ACGT" if base != ref])
        if kind_of(sequence, position, alt)[1:] == "CG>T" or rng.random() < 0.5:
            rows.append(("c", int(position), ref, str(alt)))
    table = [("c", 0, 180_000, "intergenic"), ("c", 180_000, 260_000, "CDS")]
    return Genome(folder), sequence, variants(rows), RegionTable(
        pd.DataFrame(table, columns=["contig", "start", "end", "class"])
    )  # fmt: skip


def test_rates_are_counts_of_the_other_folds_for_each_site(mutated):
    genome, sequence, frame, regions = mutated
    frame = pd.concat([frame, variants([("c", 50, sequence[50:52], "A"), ("c", 0, sequence[0], "N")])])
    frame = pd.concat([frame, frame.iloc[:300]], ignore_index=True)
    rates, why = trinucleotide_rates(genome, frame, regions)
    assert why is None
    neutral = sequence[:180_001]
    unique = set(frame.itertuples(index=False, name=None))
    for row in (0, 100, 2000, len(frame) - 400, 4000):
        position, alt = int(frame["pos"][row]), frame["alt"][row]
        fold = position // BLOCK % FOLDS
        kind = kind_of(sequence, position, alt)
        others = [
            kind_of(sequence, place, new)
            for _, place, ref, new in unique
            if len(ref) == 1 and new in "ACGT" and 0 < place < 180_000 and place // BLOCK % FOLDS != fold
        ]
        sites = Counter(
            kind_of(neutral, place, "A")[:3] for place in range(1, 180_000) if place // BLOCK % FOLDS != fold
        )
        mean = len(others) / (3 * sum(sites.values()))
        expected = (Counter(others)[kind] + 1) / (sites[kind[:3]] + 1 / mean)
        assert rates[row] == pytest.approx(np.log(expected))
    assert np.isnan(rates[frame["ref"].str.len() > 1]).all()
    assert np.isnan(rates[frame["alt"] == "N"]).all()


def test_a_change_and_its_reverse_complement_are_one_kind(make_genome):
    forward = "TACGATTGCA"
    genome = make_genome({"f": forward, "r": forward.translate(COMPLEMENT)[::-1]})
    here = [("f", position, forward[position], alt) for position in range(10) for alt in "ACGT"]
    there = [
        ("r", 9 - position, ref.translate(COMPLEMENT), alt.translate(COMPLEMENT)) for _, position, ref, alt in here
    ]
    kinds = [Substitutions.of(genome, variants(rows)).kind for rows in (here, there)]
    assert kinds[0].tolist() == kinds[1].tolist()
    named = [kind_of(forward, place, alt) if 0 < place < 9 and ref != alt else "" for _, place, ref, alt in here]
    assert [name == "" for name in named] == (kinds[0] < 0).tolist()
    assert len(set(named) - {""}) == len(set(kinds[0].tolist()) - {-1})


def test_what_happens_often_has_a_high_rate_and_few_variants_have_none(mutated):
    genome, sequence, frame, regions = mutated
    rates, _ = trinucleotide_rates(genome, frame, regions)
    often = np.array([kind_of(sequence, row.pos, row.alt)[1:] == "CG>T" for row in frame.itertuples()])
    assert rates[often].min() > np.median(rates[~often])
    rates, why = trinucleotide_rates(genome, frame.iloc[:900], regions)
    assert np.isnan(rates).all()
    assert why.startswith("900 SNVs of the set lie in neutral regions")


@pytest.fixture
def track(tmp_path):
    """A genome of two contigs, and a bigWig that calls the first `chr1` and has a gap in it."""
    folder, _ = write_genome(tmp_path, {"1": "ACGT" * 5000, "2": "A" * 100})
    values = np.round(np.sin(np.arange(20_000)), 3)
    path = tmp_path / "track.bw"
    with pyBigWig.open(str(path), "w") as bigwig:
        bigwig.addHeader([("chr1", 20_000), ("chr9", 50)])
        bigwig.addEntries("chr1", 0, values=values[:100].tolist(), span=1, step=1)
        bigwig.addEntries("chr1", 120, values=values[120:].tolist(), span=1, step=1)
    values[100:120] = np.nan
    return path, Genome(folder), ContigNames({"1": "1", "chr1": "1", "2": "2", "chrM": ""}), values


def test_conservation_of_every_kind_of_variant(track):
    path, genome, names, values = track
    rows = [
        ("1", 7, "T", "A"),
        ("1", 8, "ACG", "A"),
        ("1", 11, "T", "TGG"),
        ("1", 98, "GTAC", "G"),
        ("1", 105, "C", "G"),
        ("1", 19_999, "T", "A"),
        ("1", 15_000, "AC", "GT"),
        ("1", 40, "A", "<DEL>"),
        ("1", 40, "A", "*"),
        ("2", 5, "A", "C"),
        ("1", 19_999, "T", "TA"),
    ]
    found = conservation(path, genome, names, variants(rows))
    expected = [
        values[7],
        values[9:11].mean(),
        values[11:13].mean(),
        values[99],
        np.nan,
        values[19_999],
        values[15_000:15_002].mean(),
        np.nan,
        np.nan,
        np.nan,
        values[19_999],
    ]
    assert found == pytest.approx(expected, abs=1e-6, nan_ok=True)


def test_a_track_of_another_genome_is_refused(track, tmp_path):
    path, genome, _, _ = track
    frame = variants([("1", 7, "T", "A")])
    with pytest.raises(InputError, match=r"no contig of the genome. bigWig: chr1, chr9. Genome: 1, 2"):
        conservation(path, genome, ContigNames({"1": "1", "2": "2"}), frame)
    with pytest.raises(InputError, match="contig chr9 has 50 bases, and 2 of the genome 100"):
        conservation(path, genome, ContigNames({"chr9": "2"}), frame)
    (tmp_path / "text.bw").write_text("fixedStep chrom=chr1 start=1 step=1\n0.5\n")
    with pytest.raises(InputError, match=r"text.bw: this cannot be read as bigWig"):
        conservation(tmp_path / "text.bw", genome, ContigNames({"1": "1"}), frame)
