"""Real annotations: the demo, and those of several providers where they are there."""

import gzip
import json
from pathlib import Path

import pytest
from tiny_annotation import write_contigs

from genoglot.annotation.normalise import normalise_annotation
from genoglot.annotation.table import read_annotation

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
DEMO = Path(__file__).parents[2] / "resources" / "demo"
YEAST = SHARED / "yeast" / "Saccharomyces_cerevisiae.R64-1-1.109.gtf.gz"
YEAST_FASTA = SHARED / "yeast" / "Saccharomyces_cerevisiae.R64-1-1.dna.primary_assembly.fa.gz"
STOPS = {"TAA", "TAG", "TGA"}


@pytest.mark.skipif(not SHARED.exists(), reason=f"{SHARED} is not there")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ecoli", ("no UTRs", "no introns")),
        ("pinfestans", ("no gene features", "223 of 223 exons", "no CDS", "223 exons may code")),
    ],
)
def test_notes_on_real_annotations(tmp_path, name, said):
    source, fasta, *_ = REAL[name]
    contigs = write_contigs(tmp_path, fasta_lengths(SHARED / fasta))
    normalise_annotation(SHARED / source, contigs, tmp_path / "a.gff3.gz", tmp_path / "a.json")
    notes = json.loads((tmp_path / "a.json").read_text())["notes"]
    assert all(any(note.startswith(words) for note in notes) for words in said)
    assert name != "ecoli" or len(notes) == len(said)


def fasta_lengths(path: Path) -> dict[str, int]:
    lengths: dict[str, int] = {}
    with gzip.open(path, "rt") as handle:
        for line in handle:
            if line.startswith(">"):
                name = line[1:].split()[0]
                lengths[name] = 0
            else:
                lengths[name] += len(line.strip())
    return lengths


def test_the_demo_annotation(tmp_path):
    contigs = write_contigs(tmp_path, {"chrI": 230208, "chrII": 813178})
    normalise_annotation(DEMO / "scer_chrI_chrII.gff3.gz", contigs, tmp_path / "a.gff3.gz", tmp_path / "a.json")
    report = json.loads((tmp_path / "a.json").read_text())
    assert (report["features"], report["types"]["gene"], report["cds"]) == (1349, 573, 616)
    assert fasta_lengths(DEMO / "scer_chrI_chrII.fa.gz") == {"chrI": 230208, "chrII": 813178}


REAL = {
    "strains/SK1": ("strains/SK1.all_feature.gff.gz", "strains/SK1.genome.fa.gz", 23388, 5543),
    "ecoli": ("ecoli/MG1655_U00096.gff3.gz", "ecoli/MG1655_U00096.fasta.gz", 10121, 4419),
    "pinfestans": ("pinfestans/pinf_sc50.gff.gz", "pinfestans/pinf_sc50.normalised.fa.gz", 223, 0),
    "human": (
        "human_chr21/chr21_24985581_26000306.offset.gff3.gz",
        "human_chr21/chr21_24985581_26000306.fa.gz",
        658,
        20,
    ),
}


@pytest.mark.skipif(not SHARED.exists(), reason=f"{SHARED} is not there")
@pytest.mark.parametrize("name", REAL)
def test_real_annotations_pass_unchanged(tmp_path, name):
    source, fasta, features, genes = REAL[name]
    contigs = write_contigs(tmp_path, fasta_lengths(SHARED / fasta))
    normalise_annotation(SHARED / source, contigs, tmp_path / "a.gff3.gz", tmp_path / "a.json")
    report = json.loads((tmp_path / "a.json").read_text())
    assert (report["features"], report["genes"]) == (features, genes)
    rows, made = (
        sorted(
            line.rstrip() for line in gzip.decompress(path.read_bytes()).decode().splitlines() if line[:1] not in "#"
        )
        for path in (SHARED / source, tmp_path / "a.gff3.gz")
    )
    assert made == rows


@pytest.mark.skipif(not YEAST.exists(), reason=f"{YEAST} is not there")
def test_yeast_coding_sequences_end_with_their_stop_codons(tmp_path):
    sequences: dict[str, str] = {}
    for record in gzip.decompress(YEAST_FASTA.read_bytes()).decode().split(">")[1:]:
        header, _, body = record.partition("\n")
        sequences[header.split()[0]] = body.replace("\n", "")
    contigs = write_contigs(tmp_path, {name: len(text) for name, text in sequences.items()})
    normalise_annotation(YEAST, contigs, tmp_path / "a.gff3.gz", tmp_path / "a.json")
    report = json.loads((tmp_path / "a.json").read_text())
    assert (report["genes"], report["types"]["mRNA"], report["stop_codons_added"]) == (7127, 6600, 6600)
    table = read_annotation(tmp_path / "a.gff3.gz")
    cds = table[(table["type"] == "CDS") & (table["contig"] != "Mito")]
    texts: dict[tuple[str, str], str] = {}
    for part in cds.itertuples():
        key = (part.parent, part.strand)
        texts[key] = texts.get(key, "") + sequences[part.contig][part.start : part.end]
    complement = str.maketrans("ACGT", "TGCA")
    coding = [text if strand == "+" else text[::-1].translate(complement) for (_, strand), text in texts.items()]
    whole = sum(len(text) % 3 == 0 for text in coding)
    ends = sum(text[-3:] in STOPS for text in coding)
    assert whole == cds["parent"].nunique()
    assert ends / whole > 0.999
