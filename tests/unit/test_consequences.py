"""Consequences of SNVs, against translating mutated genes by hand and against bcftools csq."""

import hashlib
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pysam
import pytest
from tiny_genome import write_genome, write_gff

from genoglot.errors import InputError
from genoglot.genome.consequences import derive_consequences, label_snvs
from genoglot.genome.snvs import CONSEQUENCES

AMINO_ACIDS = {
    "F": "TTT TTC", "L": "TTA TTG CTT CTC CTA CTG", "I": "ATT ATC ATA", "M": "ATG", "V": "GTT GTC GTA GTG",
    "S": "TCT TCC TCA TCG AGT AGC", "P": "CCT CCC CCA CCG", "T": "ACT ACC ACA ACG", "A": "GCT GCC GCA GCG",
    "Y": "TAT TAC", "*": "TAA TAG TGA", "H": "CAT CAC", "Q": "CAA CAG", "N": "AAT AAC", "K": "AAA AAG",
    "D": "GAT GAC", "E": "GAA GAG", "C": "TGT TGC", "W": "TGG", "R": "CGT CGC CGA CGG AGA AGG", "G": "GGT GGC GGA GGG",
}  # fmt: skip
CODONS = {codon: letter for letter, codons in AMINO_ACIDS.items() for codon in codons.split()}
COMPLEMENT = str.maketrans("ACGTN", "TGCAN")
# each gene: contig, strand, exons and coding parts on the forward strand (0-based half-open), whole codons or not
FORWARD = ("chr1", "+", [(20, 62), (90, 140)], [(30, 62), (90, 121)])
REVERSE = ("chr1", "-", [(200, 240), (262, 300)], [(210, 240), (262, 289)])
SINGLE = ("chr2", "+", [(10, 61)], [(10, 61)])


def reading(contig, strand, exons, coding, sequences):
    """The coding sequence as it is translated."""
    spliced = "".join(sequences[contig][start:end] for start, end in coding)
    return spliced.translate(COMPLEMENT)[::-1] if strand == "-" else spliced


def protein(gene, sequences):
    text = reading(*gene, sequences)
    return "".join(CODONS[text[place : place + 3]] for place in range(0, len(text) - 2, 3))


def placed(gene, text, sequences):
    """Sequences in which the gene's coding parts read `text`."""
    contig, strand, _, coding = gene
    if strand == "-":
        text = text.translate(COMPLEMENT)[::-1]
    letters = list(sequences[contig])
    positions = [position for start, end in coding for position in range(start, end)]
    assert len(positions) == len(text)
    for position, letter in zip(positions, text, strict=True):
        letters[position] = letter
    return sequences | {contig: "".join(letters)}


def mutated(sequences, contig, position, alt):
    text = sequences[contig]
    return sequences | {contig: text[:position] + alt + text[position + 1 :]}


def by_hand(gene, sequences, position, alt):
    """Consequence of an SNV in a complete gene, by translating the mutated gene whole."""
    before, after = protein(gene, sequences), protein(gene, mutated(sequences, gene[0], position, alt))
    start = reading(*gene, mutated(sequences, gene[0], position, alt))[:3]
    if start != "ATG":
        return "start_lost"
    if before[-1] != after[-1]:
        return "stop_lost"
    if after.count("*") > 1:
        return "stop_gained"
    if before != after:
        return "missense_variant"
    last = {"+": range(gene[3][-1][1] - 3, gene[3][-1][1]), "-": range(gene[3][0][0], gene[3][0][0] + 3)}[gene[1]]
    return "stop_retained_variant" if position in last else "synonymous_variant"


def gff_rows(gene, name, utrs=False):
    contig, strand, exons, coding = gene
    span = f"{exons[0][0] + 1} {exons[-1][1]} {strand}"
    rows = [
        f"{contig} gene {span} . ID=gene:{name};Name={name};biotype=protein_coding",
        f"{contig} mRNA {span} . ID=transcript:{name};Parent=gene:{name};Name={name};biotype=protein_coding",
    ]
    rows += [f"{contig} exon {start + 1} {end} {strand} . Parent=transcript:{name}" for start, end in exons]
    done = 0
    for start, end in coding if strand == "+" else coding[::-1]:
        rows.append(f"{contig} CDS {start + 1} {end} {strand} {-done % 3} Parent=transcript:{name}")
        done += end - start
    if utrs:
        left, right = ("five", "three") if strand == "+" else ("three", "five")
        ends = [(left, exons[0][0], coding[0][0]), (right, coding[-1][1], exons[-1][1])]
        rows += [
            f"{contig} {side}_prime_UTR {start + 1} {end} {strand} . Parent=transcript:{name}"
            for side, start, end in ends
            if start < end
        ]
    return rows


@dataclass
class Study:
    folder: Path
    sequences: dict[str, str]
    genes: list
    annotation: Path
    sequence: Path
    fasta: Path

    def derive(self, name="derived.vcf.gz", contigs=None, max_per_class=None, seed=1):
        path = self.folder / name
        derive_consequences(self.annotation, self.sequence, self.fasta, path, contigs, max_per_class, seed, "tiny")
        return path

    def label(self, variants):
        columns = [np.array(column, dtype=object) for column in zip(*variants, strict=True)]
        return label_snvs(self.annotation, self.sequence, *columns).tolist()


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    rng = np.random.default_rng(11)

    def text(size):
        return "".join(rng.choice(list("ACGT"), size=size))

    def coding(codons):
        inner = [codon for codon in (text(3) for _ in range(3 * codons)) if CODONS[codon] != "*"][:codons]
        # TGG, TAC, TTA: codons from which stops are one step away
        return "ATG" + "".join(inner[:-3]) + "TGGTACTTA" + "TAA"

    genes = [FORWARD, REVERSE, SINGLE]
    sequences = {"chr1": text(400), "chr2": text(90) + "NNNNN" + text(25)}
    for gene in genes:
        length = sum(end - start for start, end in gene[3])
        sequences = placed(gene, coding(length // 3 - 2), sequences)
    rows = [row for gene, name in zip(genes, "frs", strict=True) for row in gff_rows(gene, name)]
    rows.append("chr1 region 1 400 . . ID=chr1")
    rows.append("chr1 tRNA 341 350 + . ID=trna")
    annotation = write_gff(folder / "annotation.gff3", "\n".join(rows))
    return Study(folder, sequences, genes, annotation, *write_genome(folder, sequences))


def records(path):
    with pysam.VariantFile(str(path)) as handle:
        return [
            (record.contig, record.start, record.ref, record.alts[0], record.info["CONSEQUENCE"][0], dict(record.info))
            for record in handle
        ]


def every_coding_snv(study):
    for gene in study.genes:
        for start, end in gene[3]:
            for position in range(start, end):
                ref = study.sequences[gene[0]][position]
                for alt in sorted({*"ACGT"} - {ref}):
                    yield gene, (gene[0], position, ref, alt)


def test_every_coding_snv_is_what_translation_says(study):
    derived = {record[:4]: record for record in records(study.derive())}
    seen = Counter()
    for gene, variant in every_coding_snv(study):
        expected = by_hand(gene, study.sequences, variant[1], variant[3])
        assert derived[variant][4] == expected, variant
        info = derived[variant][5]
        assert info["STRAND"] == (gene[1],)
        reference, alternative = info["CODON"][0].split("/")
        assert reference in reading(*gene, study.sequences)
        assert sum(a != b for a, b in zip(reference, alternative, strict=True)) == 1
        seen[expected] += 1
    assert min(seen.values()) > 0
    assert set(seen) >= {"stop_gained", "stop_lost", "start_lost", "missense_variant", "synonymous_variant"}


def test_the_codon_split_by_the_intron_is_read_across_it(study):
    # the first coding part of the forward gene has 32 bases: its last two are a codon with the first of the second
    sequence = study.sequences["chr1"]
    derived = {record[:2]: record[5]["CODON"][0] for record in records(study.derive()) if "CODON" in record[5]}
    assert derived["chr1", 61].split("/")[0] == derived["chr1", 90].split("/")[0] == sequence[60:62] + sequence[90]


def test_splice_and_intergenic_sites(study):
    found = {}
    for contig, position, ref, alt, term, _ in records(study.derive()):
        assert study.sequences[contig][position] == ref != alt
        found.setdefault(term, Counter())[contig, position] += 1
    assert found["splice_donor_variant"] == dict.fromkeys([("chr1", p) for p in (62, 63, 260, 261)], 3)
    assert found["splice_acceptor_variant"] == dict.fromkeys([("chr1", p) for p in (88, 89, 240, 241)], 3)
    covered = {("chr1", p) for p in [*range(20, 140), *range(200, 300), *range(340, 350)]}
    covered |= {("chr2", p) for p in [*range(10, 61), *range(90, 95)]}
    expected = {(name, p) for name, text in study.sequences.items() for p in range(len(text))} - covered
    assert found["intergenic_variant"] == dict.fromkeys(expected, 3)


def test_derived_file_is_a_sound_vcf_and_the_same_each_time(study):
    def digests(path):
        return [hashlib.sha256(Path(f"{path}{end}").read_bytes()).hexdigest() for end in ("", ".tbi")]

    first, second, other = (
        study.derive(name, max_per_class=10, seed=seed)
        for name, seed in (("a.vcf.gz", 1), ("b.vcf.gz", 1), ("c.vcf.gz", 2))
    )
    assert digests(first) == digests(second)
    assert digests(first) != digests(other)
    with pysam.VariantFile(str(first)) as handle:
        assert handle.header.version == "VCFv4.3"
        assert [(name, item.length) for name, item in handle.header.contigs.items()] == [("chr1", 400), ("chr2", 120)]
        assert [record.start for record in handle.fetch("chr2", 0, 120)]
    found = records(first)
    order = [(list(study.sequences).index(item[0]), item[1], item[3]) for item in found]
    assert order == sorted(order)
    counts = Counter(item[4] for item in found)
    everything = records(study.derive())
    assert counts == {term: min(count, 10) for term, count in Counter(item[4] for item in everything).items()}
    assert {item[:5] for item in found} <= {item[:5] for item in everything}


def test_sample_is_drawn_evenly_from_the_contigs(study):
    everything = Counter(item[0] for item in records(study.derive()) if item[4] == "intergenic_variant")
    drawn = Counter()
    for seed in range(12):
        found = records(study.derive("even.vcf.gz", max_per_class=60, seed=seed))
        drawn.update(item[0] for item in found if item[4] == "intergenic_variant")
    share = everything["chr1"] / everything.total()
    spread = np.sqrt(share * (1 - share) / drawn.total())
    assert drawn.total() == 12 * 60
    assert abs(drawn["chr1"] / drawn.total() - share) < 4 * spread


def test_contigs_can_be_chosen_without_changing_what_is_drawn(study):
    alone = records(study.derive("alone.vcf.gz", contigs=["chr2"]))
    assert alone == [item for item in records(study.derive()) if item[0] == "chr2"]
    with pytest.raises(InputError, match=r"'chrX'.*chr1, chr2"):
        study.derive("none.vcf.gz", contigs=["chrX"])
    assert not (study.folder / "none.vcf.gz").exists()


def test_fasta_of_another_genome_is_refused(study, tmp_path):
    _, fasta = write_genome(tmp_path, {"chr1": "ACGT"})
    with pytest.raises(InputError, match="tokenized genome"):
        derive_consequences(study.annotation, study.sequence, fasta, tmp_path / "x.vcf.gz", None, None, 1, "tiny")


def test_labels_are_what_was_derived(study):
    found = records(study.derive())
    assert study.label([item[:4] for item in found]) == [item[4] for item in found]


def test_labels_of_what_is_not_derived(study):
    sequence = study.sequences["chr1"]

    def other(position):
        return "ACGT"["ACGT".index(sequence[position]) - 1]

    places = {25: "5_prime_UTR_variant", 130: "3_prime_UTR_variant", 75: "intron_variant", 64: "intron_variant",
              295: "5_prime_UTR_variant", 205: "3_prime_UTR_variant", 250: "intron_variant",
              345: "non_coding_transcript_exon_variant", 399: "intergenic_variant"}  # fmt: skip
    assert study.label([("chr1", p, sequence[p], other(p)) for p in places]) == list(places.values())
    assert study.label([("chr1", p, sequence[p].lower(), other(p).lower()) for p in places]) == list(places.values())
    unlabelled = [
        ("chr1", 75, other(75), sequence[75]),
        ("chr1", 75, sequence[75:77], sequence[75]),
        ("chr1", 75, sequence[75], "<DEL>"),
        ("chr1", 75, sequence[75], sequence[75]),
        ("chr1", 400, "A", "C"),
        ("chr1", -1, "A", "C"),
        ("chrX", 5, "A", "C"),
        ("chr2", 91, "N", "C"),
    ]
    assert study.label(unlabelled) == [""] * len(unlabelled)


def test_most_severe_of_two_transcripts_counts(tmp_path):
    # the second transcript reads the same bases one base further: TGG TTA TAA against GGT TAT
    sequence, _ = write_genome(tmp_path, {"c": "AAAAA" + "ATGTGGTTATAA" + "CCCCC"})
    annotation = write_gff(
        tmp_path / "a.gff3",
        """
        c gene 6 17 + . ID=g
        c mRNA 6 17 + . ID=t1;Parent=g
        c CDS 6 17 + 0 Parent=t1
        c mRNA 10 15 + . ID=t2;Parent=g
        c CDS 10 15 + 0 Parent=t2
        """,
    )
    columns = ["c", "c"], [10, 11], ["G", "T"], ["A", "G"]
    found = label_snvs(annotation, sequence, *(np.array(column, dtype=object) for column in columns))
    # TGG>TAG gains a stop where GGT>GAT only changes an amino acid; TTA>GTA is missense where GGT>GGG is silent
    assert found.tolist() == ["stop_gained", "missense_variant"]


def test_selenocysteine_does_not_disqualify_a_gene(tmp_path):
    text = "CCCCC" + "ATGTGAAAATAA" + "CCCCC" + "ATGTGAAAATAA" + "CCCCC"
    sequence, fasta = write_genome(tmp_path, {"c": text})
    annotation = write_gff(
        tmp_path / "a.gff3",
        "c CDS 6 17 + 0 ID=sec;transl_except=(pos:9..11%2Caa:Sec)\nc CDS 23 34 + 0 ID=broken",
    )
    path = tmp_path / "a.vcf.gz"
    counts = derive_consequences(annotation, sequence, fasta, path, None, None, 1, "tiny")
    assert {info["TRANSCRIPT"][0] for *_, info in records(path) if "TRANSCRIPT" in info} == {"sec"}
    assert counts["start_lost"] == 9
    assert not any(8 <= item[1] < 11 for item in records(path))


def test_mitochondrion_of_unknown_code_gives_nothing(tmp_path):
    sequence, fasta = write_genome(tmp_path, {"MT": "CCCCC" + "ATGAAATAA" + "CCCCC"})
    annotation = write_gff(tmp_path / "a.gff3", "MT gene 6 14 + . ID=g\nMT CDS 6 14 + 0 Parent=g")
    assert derive_consequences(annotation, sequence, fasta, tmp_path / "a.vcf.gz", None, None, 1, "tiny") == {}
    labels = label_snvs(annotation, sequence, *(np.array([x], dtype=object) for x in ("MT", 9, "A", "C")))
    assert labels.tolist() == ["coding_sequence_variant"]


def test_a_base_read_twice_has_the_worse_of_both_consequences(tmp_path):
    # ATG TGG | GAA TAA, the G in between belongs to both codons
    sequence, fasta = write_genome(tmp_path, {"c": "CCC" + "ATGTGGAATAA" + "CCC"})
    annotation = write_gff(
        tmp_path / "a.gff3", "c CDS 4 9 + 0 ID=x;transl_table=11\nc CDS 9 14 + 0 ID=x;transl_table=11"
    )
    path = tmp_path / "a.vcf.gz"
    derive_consequences(annotation, sequence, fasta, path, None, None, 1, "tiny")
    found = {item[1:4]: (item[4], item[5].get("CODON")) for item in records(path)}
    assert found[8, "G", "A"] == ("stop_gained", ("TGG/TGA",))
    # TGT is a cysteine, TAA a stop: the second codon is the one that counts
    assert found[8, "G", "T"] == ("stop_gained", ("GAA/TAA",))


BCFTOOLS_TERMS = {
    "missense": "missense_variant", "synonymous": "synonymous_variant", "stop_gained": "stop_gained",
    "stop_lost": "stop_lost", "start_lost": "start_lost", "stop_retained": "stop_retained_variant",
    "splice_donor": "splice_donor_variant", "splice_acceptor": "splice_acceptor_variant", "intron": "intron_variant",
    "5_prime_utr": "5_prime_UTR_variant", "3_prime_utr": "3_prime_UTR_variant",
}  # fmt: skip


@pytest.mark.skipif(shutil.which("bcftools") is None, reason="bcftools is not installed")
def test_against_bcftools_csq(study, tmp_path):
    """Every SNV of the genes: the most severe term that bcftools csq (Danecek & McCarthy 2017) gives is ours."""
    variants = []
    for contig, _, exons, _ in study.genes:
        for position in range(exons[0][0], exons[-1][1]):
            ref = study.sequences[contig][position]
            variants += [(contig, position, ref, alt) for alt in "ACGT" if alt != ref]
    vcf = tmp_path / "all.vcf"
    lines = ["##fileformat=VCFv4.2", *(f"##contig=<ID={name}>" for name in study.sequences)]
    lines.append("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO")
    lines += [f"{contig}\t{position + 1}\t.\t{ref}\t{alt}\t.\t.\t." for contig, position, ref, alt in variants]
    vcf.write_text("\n".join(lines) + "\n")
    # csq takes UTRs from rows of their own only; ours are the exons without the CDS
    rows = [row for gene, name in zip(study.genes, "frs", strict=True) for row in gff_rows(gene, name, utrs=True)]
    annotation = write_gff(tmp_path / "utrs.gff3", "\n".join(rows))
    command = ["bcftools", "csq", "--local-csq", "-f", study.fasta, "-g", annotation, vcf, "-Ou"]
    called = subprocess.run(command, capture_output=True, check=True).stdout
    query = ["bcftools", "query", "-f", "%INFO/BCSQ\n", "-"]
    output = subprocess.run(query, input=called, capture_output=True, check=True).stdout.decode().split("\n")[:-1]
    compared = 0
    for variant, terms, ours in zip(variants, output, study.label(variants), strict=True):
        named = {part.split("|")[0] for part in terms.split(",")}
        named = {BCFTOOLS_TERMS[term] for text in named for term in text.split("&") if term != "splice_region"}
        # near an intron, csq says splice_region and nothing else of an intron or UTR
        if not named:
            assert ours.endswith(("intron_variant", "UTR_variant")), variant
            continue
        assert ours == min(named, key=CONSEQUENCES.index), variant
        compared += 1
    assert compared > 0.9 * len(variants)
