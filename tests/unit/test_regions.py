import gzip
import random
import shutil
import subprocess
import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pybedtools
import pysam
import pytest

from genoglot.annotation.normalise import normalise_annotation
from genoglot.errors import InputError
from genoglot.genome.region_classes import REGION_CLASSES, UNANNOTATED
from genoglot.genome.regions import classify_regions, read_regions
from genoglot.genome.store import Genome

CODES = [*REGION_CLASSES, UNANNOTATED]
LENGTHS = {"b": 3000, "a": 1200, "lone": 10}
SHARED = Path(__file__).parents[2].parent / "shared" / "data"
SK1 = SHARED / "strains" / "SK1.all_feature.gff.gz"

needs_bedtools = pytest.mark.skipif(shutil.which("bedtools") is None, reason="bedtools is not on PATH")


def write_genome(folder: Path, lengths: dict[str, int]) -> Genome:
    offsets = np.cumsum(list(lengths.values())) - list(lengths.values())
    table = pd.DataFrame({"contig": list(lengths), "length": list(lengths.values()), "offset": offsets})
    table.to_csv(folder / "contigs.tsv", sep="\t", index=False)
    return Genome(folder)


@pytest.fixture
def classify(tmp_path):
    """Classify rows of (contig, type, start, end, strand, attributes), 0-based; return contig -> class names."""

    def run(rows: list[tuple], upstream: int = 0, lengths: dict[str, int] = LENGTHS) -> dict[str, list[str]]:
        genome = write_genome(tmp_path, lengths)
        lines = [
            f"{c}\tt\t{kind}\t{start + 1}\t{end}\t.\t{strand}\t.\t{text}" for c, kind, start, end, strand, text in rows
        ]
        (tmp_path / "in.gff3").write_text("\n".join(lines) + "\n")
        normalise_annotation(
            tmp_path / "in.gff3", tmp_path / "contigs.tsv", tmp_path / "a.gff3.gz", tmp_path / "a.json"
        )
        bed = tmp_path / "regions.bed.gz"
        classify_regions(tmp_path / "a.gff3.gz", tmp_path / "contigs.tsv", bed, upstream)
        codes = read_regions(bed, genome)
        return {
            name: [CODES[code] for code in codes[row.offset : row.offset + row.length]]
            for name, row in genome.contigs.iterrows()
        }

    return run


def runs(classes: list[str]) -> list[tuple[str, int, int]]:
    """Stretches of one class, as (class, start, end), without intergenic ones."""
    borders = [0, *(i for i in range(1, len(classes)) if classes[i] != classes[i - 1]), len(classes)]
    stretches = [(classes[start], start, end) for start, end in pairwise(borders)]
    return [stretch for stretch in stretches if stretch[0] != "intergenic"]


@needs_bedtools
def test_a_coding_gene_on_each_strand(classify):
    rows = []
    for strand, shift in (("+", 0), ("-", 1000)):
        gene = [("gene", 200, 600, f"ID=g{shift}"), ("mRNA", 200, 600, f"ID=t{shift};Parent=g{shift}")]
        parts = [("exon", 200, 300), ("exon", 400, 600), ("CDS", 250, 300), ("CDS", 400, 500)]
        gene += [(*part, f"Parent=t{shift}") for part in parts]
        rows += [("b", kind, shift + start, shift + end, strand, text) for kind, start, end, text in gene]
    assert runs(classify(rows, upstream=50)["b"]) == [
        ("promoter", 150, 200),
        ("UTR", 200, 250),
        ("CDS", 250, 300),
        ("intron", 300, 400),
        ("CDS", 400, 500),
        ("UTR", 500, 600),
        ("UTR", 1200, 1250),
        ("CDS", 1250, 1300),
        ("intron", 1300, 1400),
        ("CDS", 1400, 1500),
        ("UTR", 1500, 1600),
        ("promoter", 1600, 1650),
    ]


@needs_bedtools
def test_genes_whose_parts_name_them_directly(classify):
    rows = [
        ("a", "gene", 100, 400, "+", "ID=G"),
        ("a", "CDS", 100, 160, "+", "Parent=G"),
        ("a", "CDS", 300, 400, "+", "Parent=G"),
        ("a", "tRNA", 500, 600, "-", "ID=tP(UGG)A"),
        ("a", "noncoding_exon", 500, 540, "-", "Parent=tP(UGG)A"),
        ("a", "noncoding_exon", 570, 600, "-", "Parent=tP(UGG)A"),
        ("a", "snoRNA", 700, 750, "+", "ID=snR1"),
        ("a", "gene", 1190, 1200, "-", "ID=edge"),
    ]
    assert runs(classify(rows, upstream=20)["a"]) == [
        ("promoter", 80, 100),
        ("CDS", 100, 160),
        ("intron", 160, 300),
        ("CDS", 300, 400),
        ("ncRNA", 500, 540),
        ("intron", 540, 570),
        ("ncRNA", 570, 600),
        ("promoter", 600, 620),
        ("promoter", 680, 700),
        ("ncRNA", 700, 750),
    ]


@needs_bedtools
def test_a_trans_spliced_gene_has_no_intron_between_its_strands(classify):
    """As rps12 of chloroplasts: its parts come from RNAs of both strands, far from each other."""
    parts = [("+", 200, 300), ("-", 1200, 1300), ("-", 1400, 1450)]
    rows = [("b", "CDS", start, end, strand, "ID=rps12") for strand, start, end in parts]
    assert runs(classify(rows)["b"]) == [
        ("CDS", 200, 300), ("CDS", 1200, 1300), ("intron", 1300, 1400), ("CDS", 1400, 1450)
    ]  # fmt: skip


@needs_bedtools
def test_a_gene_of_unknown_strand_has_no_promoter(classify):
    assert runs(classify([("a", "gene", 100, 200, ".", "ID=g")], upstream=20)["a"]) == []


@needs_bedtools
def test_mobile_elements_take_their_genes_with_them(classify):
    rows = [
        ("a", "LTR_retrotransposon", 100, 400, "+", "ID=ty"),
        ("a", "transposable_element_gene", 120, 380, "+", "ID=gag"),
        ("a", "CDS", 120, 380, "+", "Parent=gag"),
        ("a", "TY1/TY2_soloLTR", 500, 520, "-", "ID=solo"),
        ("a", "gene", 600, 700, "+", "ID=host"),
        ("a", "CDS", 600, 700, "+", "Parent=host"),
        ("a", "repeat_region", 690, 720, "+", "ID=low"),
        ("a", "telomere", 1100, 1200, "+", "ID=tel"),
    ]
    assert runs(classify(rows, upstream=10)["a"]) == [
        ("repeat", 100, 400),
        ("repeat", 500, 520),
        ("promoter", 590, 600),
        ("CDS", 600, 700),
        ("repeat", 700, 720),
        ("repeat", 1100, 1200),
    ]


@needs_bedtools
def test_what_the_annotation_leaves_open(classify):
    rows = [
        ("a", "exon", 100, 150, "+", "ID=one"),
        ("a", "exon", 200, 250, "+", "ID=one"),
        ("a", "exon", 300, 310, "+", "Note=alone"),
        ("a", "gene", 400, 500, "+", "ID=P;biotype=processed_pseudogene"),
        ("a", "exon", 400, 500, "+", "Parent=P"),
        # a frameshift of one base is no intron
        ("a", "gene", 600, 701, "+", "ID=slip"),
        ("a", "CDS", 600, 650, "+", "Parent=slip"),
        ("a", "CDS", 651, 701, "+", "Parent=slip"),
        # a retained intron of a coding gene stays an intron; the processed transcript of another gene is ncRNA
        ("a", "gene", 800, 900, "+", "ID=H"),
        ("a", "mRNA", 800, 900, "+", "ID=H1;Parent=H"),
        ("a", "CDS", 800, 820, "+", "Parent=H1"),
        ("a", "CDS", 880, 900, "+", "Parent=H1"),
        ("a", "transcript", 800, 900, "+", "ID=H2;Parent=H;biotype=retained_intron"),
        ("a", "exon", 800, 900, "+", "Parent=H2"),
        ("a", "gene", 1000, 1050, "+", "ID=L"),
        ("a", "transcript", 1000, 1050, "+", "ID=L1;Parent=L;biotype=processed_transcript"),
        ("a", "exon", 1000, 1050, "+", "Parent=L1"),
    ]
    assert runs(classify(rows)["a"]) == [
        ("unannotated", 100, 150),
        ("intron", 150, 200),
        ("unannotated", 200, 250),
        ("unannotated", 300, 310),
        ("CDS", 600, 701),
        ("CDS", 800, 820),
        ("intron", 820, 880),
        ("CDS", 880, 900),
        ("ncRNA", 1000, 1050),
    ]


def random_genes(seed: int) -> tuple[list[tuple], list[tuple[str, str, int, int]]]:
    """Overlapping features on two contigs: GFF rows, and what each is painted as: (class, contig, start, end)."""
    generator = random.Random(seed)
    rows, paint = [], []
    for number in range(40):
        contig = generator.choice(["a", "b"])
        length = LENGTHS[contig]
        strand = generator.choice("+-")
        start = generator.randrange(length - 200)
        borders = [start, *sorted(generator.sample(range(start + 1, start + 200), 3))]
        first, gap, second, end = borders
        kind = generator.choice(["coding", "coding", "tRNA", "long_terminal_repeat"])
        if kind == "long_terminal_repeat":
            rows.append((contig, kind, first, end, strand, f"ID=r{number}"))
            paint.append(("repeat", contig, first, end))
            continue
        five = (max(0, first - 30), first) if strand == "+" else (end, min(length, end + 30))
        paint.append(("promoter", contig, *five))
        parent = f"t{number}"
        rows.append((contig, "gene", first, end, strand, f"ID=g{number}"))
        rows.append((contig, "mRNA" if kind == "coding" else kind, first, end, strand, f"ID={parent};Parent=g{number}"))
        exons = [(first, gap), (second, end)]
        rows += [(contig, "exon", *exon, strand, f"Parent={parent}") for exon in exons]
        paint += [("UTR" if kind == "coding" else "ncRNA", contig, *exon) for exon in exons]
        if second - gap >= 15:
            paint.append(("intron", contig, gap, second))
        if kind == "coding":
            coding = (first + (gap - first) // 2, gap)
            if coding[0] < coding[1]:
                rows.append((contig, "CDS", *coding, strand, f"Parent={parent}"))
                paint.append(("CDS", contig, *coding))
    return rows, paint


@needs_bedtools
@pytest.mark.parametrize("seed", range(5))
def test_the_partition_is_a_painting_by_priority(classify, tmp_path, seed):
    rows, paint = random_genes(seed)
    expected = {name: ["intergenic"] * length for name, length in LENGTHS.items()}
    for name in reversed(REGION_CLASSES):
        for _, contig, start, end in [stroke for stroke in paint if stroke[0] == name]:
            expected[contig][start:end] = [name] * (end - start)
    assert classify(rows, upstream=30) == expected
    text = gzip.decompress((tmp_path / "regions.bed.gz").read_bytes()).decode()
    bed = [line.split() for line in text.splitlines()]
    assert list(dict.fromkeys(row[0] for row in bed)) == list(LENGTHS)
    for name, length in LENGTHS.items():
        own = [row for row in bed if row[0] == name]
        assert own[0][1] == "0"
        assert int(own[-1][2]) == length
        for one, other in pairwise(own):
            assert one[2] == other[1]
            assert one[3] != other[3]


def test_without_annotation_all_is_unannotated(tmp_path):
    genome = write_genome(tmp_path, LENGTHS)
    bed = tmp_path / "regions.bed.gz"
    classify_regions(None, tmp_path / "contigs.tsv", bed, 250)
    assert set(read_regions(bed, genome)) == {CODES.index(UNANNOTATED)}
    with pysam.TabixFile(str(bed)) as index:
        assert list(index.fetch("a")) == [f"a\t0\t1200\t{UNANNOTATED}"]


def test_regions_of_another_genome_are_refused(tmp_path):
    bed = tmp_path / "regions.bed.gz"
    write_genome(tmp_path, {**LENGTHS, "a": 1100})
    classify_regions(None, tmp_path / "contigs.tsv", bed, 250)
    with pytest.raises(InputError, match="another genome"):
        read_regions(bed, write_genome(tmp_path, LENGTHS))


def test_missing_bedtools_is_said_with_the_way_to_get_it(classify, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InputError, match=r"apt-get install bedtools.*conda install -c bioconda bedtools"):
        classify([("a", "gene", 0, 10, "+", "ID=g")])
    assert not (tmp_path / "regions.bed.gz").exists()


@needs_bedtools
def test_no_temporary_file_stays(classify, monkeypatch, tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    before = pybedtools.get_tempdir()
    classify(random_genes(1)[0], upstream=30)
    assert list(scratch.iterdir()) == []
    assert pybedtools.get_tempdir() == before


@needs_bedtools
@pytest.mark.skipif(not SK1.exists(), reason=f"{SK1} is not there")
def test_coding_bases_of_a_strain_agree_with_bedtools_alone(tmp_path):
    rows = pd.read_csv(SK1, sep="\t", names=list("abcdefghi"), dtype=str)
    lengths = rows.groupby("a", sort=False)["e"].agg(lambda ends: ends.astype(int).max()).to_dict()
    genome = write_genome(tmp_path, lengths)
    normalise_annotation(SK1, tmp_path / "contigs.tsv", tmp_path / "a.gff3.gz", tmp_path / "a.json")
    classify_regions(tmp_path / "a.gff3.gz", tmp_path / "contigs.tsv", tmp_path / "regions.bed.gz", 250)
    codes = read_regions(tmp_path / "regions.bed.gz", genome)
    coding = rows[rows["c"] == "CDS"].astype({"d": int}).sort_values(["a", "d"])
    text = coding.to_csv(sep="\t", header=False, index=False)
    merged = subprocess.run(["bedtools", "merge"], input=text, check=True, capture_output=True, text=True).stdout
    spans = (line.split("\t") for line in merged.splitlines())
    assert int((codes == CODES.index("CDS")).sum()) == sum(int(end) - int(start) for _, start, end in spans)
    assert len(codes) == sum(lengths.values())
