"""Genomes derived from a VCF, beside brute force on strings and beside bcftools."""

import gzip
import random
import re
from pathlib import Path

import numpy as np
import pysam
import pysam.bcftools
import pytest
from haplotype_files import BASES, read_fasta, upper, vcf_text

from genoglot.population.chain import Chain

PINFESTANS = Path(__file__).parents[2].parent / "shared" / "data" / "pinfestans"


def random_variants(generator: random.Random, contigs: dict[str, str], samples: int = 1) -> list[str]:
    """Records that do not touch: SNVs, MNVs, complex ones, indels behind one anchor, some with two ALT."""
    records = []
    for name, text in contigs.items():
        position = generator.randrange(3)
        while position < len(text) - 8:
            size = generator.choice([1, 1, 1, 2, 4])
            ref = text[position : position + size].upper()
            alts = set()
            while len(alts) < generator.choice([1, 1, 2]):
                longer = "".join(generator.choices(BASES, k=generator.choice([0, 0, 1, 2, 5])))
                body = generator.choice([ref[0] + longer, generator.choice(BASES) + ref[1:]])
                alts |= {body} - {ref}
            if "N" not in ref:
                calls = [f"{generator.randrange(len(alts) + 1)}|{generator.randrange(3) and 1}" for _ in range(samples)]
                records.append(f"{name} {position + 1} {ref} {','.join(sorted(alts))} {' '.join(calls)}")
            position += size + generator.randrange(1, 12)
    return records


def apply_by_string(contigs: dict[str, str], records: list[str], sample: int, haplotype: int) -> dict[str, str]:
    """The same from the last variant to the first, on strings, without case."""
    texts = upper(contigs)
    for record in reversed(records):
        name, position, ref, alts, *calls = record.split(" ")
        allele = int(calls[sample].split("|")[haplotype - 1])
        start, text = int(position) - 1, texts[name]
        assert text[start : start + len(ref)] == ref
        texts[name] = text[:start] + [ref, *alts.split(",")][allele] + text[start + len(ref) :]
    return texts


def random_contigs(generator: random.Random) -> dict[str, str]:
    return {name: "".join(generator.choices("ACGTACGTacgtN", k=length)) for name, length in (("c", 300), ("d", 1500))}


@pytest.mark.parametrize("seed", range(10))
def test_random_genomes_by_brute_force(derive, seed):
    generator = random.Random(seed)
    contigs = random_contigs(generator)
    records = random_variants(generator, contigs, samples=3)
    shuffled = generator.sample(records, len(records))
    for haplotype in (1, 2):
        sequences, chain, report = derive(contigs, vcf_text(*shuffled, samples="R S T"), haplotype=haplotype)
        expected = apply_by_string(contigs, records, 1, haplotype)
        assert upper(sequences) == expected
        changed = {record for record in records if record.split(" ")[5].split("|")[haplotype - 1] != "0"}
        assert (sum(report["applied"].values()), report["skipped"]) == (len(changed), {})
        assert report["length_change"] == sum(map(len, expected.values())) - sum(map(len, contigs.values()))
        for name, text in contigs.items():
            derived = np.array(list(sequences[name]))
            positions = chain.to_target(name, np.arange(len(text)))
            same = derived[positions] == np.array(list(text))
            touched = [name == record.split(" ")[0] for record in changed]
            assert ((positions >= 0) & ~same).sum() <= 5 * sum(touched)
            assert np.array_equal(chain.to_query(name, positions[positions >= 0]), np.flatnonzero(positions >= 0))


def with_bcftools(folder: Path, fasta: Path, vcf: Path, sample: str, haplotype: int) -> tuple[dict[str, str], Chain]:
    plain = folder / "plain.fa"
    plain.write_bytes(gzip.decompress(fasta.read_bytes()))
    output, chain = folder / "consensus.fa", folder / "consensus.chain"
    text = pysam.bcftools.consensus("-f", str(plain), "-s", sample, "-H", str(haplotype), "-c", str(chain), str(vcf))
    output.write_text(text)
    return read_fasta(output), Chain.read(chain)


@pytest.mark.parametrize("seed", range(4))
def test_random_genomes_as_bcftools_has_them(derive, tmp_path, seed):
    generator = random.Random(seed)
    contigs = random_contigs(generator)
    packed = tmp_path / "packed.vcf.gz"
    text = vcf_text(*random_variants(generator, contigs))
    with pysam.BGZFile(str(packed), "wb") as handle:
        handle.write(text.encode())
    pysam.tabix_index(str(packed), preset="vcf")
    for haplotype in (1, 2):
        sequences, ours, _ = derive(contigs, text, haplotype=haplotype)
        expected, theirs = with_bcftools(tmp_path, tmp_path / "genome.fa.gz", packed, "S", haplotype)
        assert upper(sequences) == upper(expected)
        # its chains lead from the reference (target) to the derived genome (query), and break at one anchor
        for name, text_of in contigs.items():
            there = theirs.to_query(name, np.arange(len(text_of)))
            mine = ours.to_target(name, np.arange(len(text_of)))
            assert np.array_equal(mine[there >= 0], there[there >= 0])
            assert ((there < 0) & (mine >= 0)).sum() <= 0.02 * len(text_of)


def without(text: str, positions: set[str]) -> str:
    lines = text.splitlines(keepends=True)
    return "".join(line for line in lines if line.startswith("#") or line.split("\t", 2)[1] not in positions)


@pytest.mark.skipif(not PINFESTANS.exists(), reason=f"{PINFESTANS} is not there")
@pytest.mark.parametrize("haplotype", [1, 2])
def test_phytophthora_as_bcftools_has_it(derive, tmp_path, haplotype):
    """bcftools compares untrimmed records, so it finds overlaps among alleles that are apart: these are set aside."""
    contigs = read_fasta(PINFESTANS / "pinf_sc50.normalised.fa.gz")
    text = gzip.decompress((PINFESTANS / "pinf_sc50.vcf.gz").read_bytes()).decode()
    sequences, _, report = derive(contigs, text, "P17777us22", haplotype)
    packed = tmp_path / "packed.vcf.gz"
    with pysam.BGZFile(str(packed), "wb") as handle:
        handle.write(text.encode())
    pysam.tabix_index(str(packed), preset="vcf")
    expected, theirs = with_bcftools(tmp_path, tmp_path / "genome.fa.gz", packed, "P17777us22", haplotype)
    messages = pysam.bcftools.consensus.get_messages()
    overlaps = set(re.findall(r":(\d+) overlaps with another variant", messages))
    assert report["skipped"]["OVERLAP"]["count"] < len(overlaps) < 40
    assert report["skipped"]["MISSING_GENOTYPE"]["count"] == 964
    assert report["unphased"] == 0

    sequences, ours, report = derive(contigs, without(text, overlaps), "P17777us22", haplotype)
    assert "OVERLAP" not in report["skipped"]
    assert upper(sequences) == upper(expected)
    (name, reference), (derived,) = next(iter(contigs.items())), sequences.values()
    there, mine = (chain(name, np.arange(len(reference))) for chain in (theirs.to_query, ours.to_target))
    assert np.array_equal(mine[there >= 0], there[there >= 0])
    assert (there >= 0).mean() > 0.99
    changed = np.frombuffer(derived.encode(), np.uint8)[mine] != np.frombuffer(reference.encode(), np.uint8)
    assert (changed & (mine >= 0)).sum() == report["applied"]["snv"]
    masked = [sum(map(str.islower, text)) / len(text) for text in (reference, derived)]
    assert masked[1] == pytest.approx(masked[0], abs=0.001)
