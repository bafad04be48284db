import gzip
import json
import random
from pathlib import Path

import numpy as np
import pandas as pd
import pysam
import pytest

from genoglot.annotation.normalise import normalise_annotation
from genoglot.annotation.table import read_annotation
from genoglot.errors import InputError
from genoglot.population.chain import Alignment, Chain
from genoglot.population.haplotype import derive_haplotype
from genoglot.population.lift import lift_annotation

DEMO = Path(__file__).parents[2] / "resources" / "demo"

# Of 100 bases of the reference, 20 to 22, 40, 41 and 50 are deleted, 30 is replaced by another, 80 and 81 by five; two
# are inserted before 5, one before 60 and one before 70.
EDITS = np.array([[5, 5, 2], [20, 23, 0], [30, 31, 1], [40, 42, 0], [50, 51, 0], [60, 60, 1], [70, 70, 1], [80, 82, 5]])


def rows(*features: str) -> str:
    """Features as `type start end strand phase attributes`, in 0-based half-open coordinates."""
    lines = []
    for feature in features:
        kind, start, end, strand, phase, attributes = feature.split(" ")
        lines.append("\t".join(["c", "test", kind, str(int(start) + 1), end, ".", strand, phase, attributes]))
    return "".join(f"{line}\n" for line in lines)


@pytest.fixture
def lift(tmp_path):
    """Lift rows of contig c; return the lifted rows as they were given, the lines before them, and the report."""

    def run(text: str, edits: np.ndarray = EDITS) -> tuple[list[str], list[str], dict]:
        header = "##gff-version 3\n##species x\n##sequence-region c 1 100\n"
        gff, chain = tmp_path / "a.gff3.gz", tmp_path / "to_reference.chain"
        with pysam.BGZFile(str(gff), "wb") as handle:
            handle.write((header + text).encode())
        Chain({"c": Alignment.from_edits(100, *edits.T)}).write(chain)
        lift_annotation(gff, chain, tmp_path / "lifted.gff3", tmp_path / "lifted.json")
        lines = (tmp_path / "lifted.gff3").read_text().splitlines()
        features = []
        for line in lines:
            if not line.startswith("#"):
                _, _, kind, start, end, _, strand, phase, attributes = line.split("\t")
                features.append(f"{kind} {int(start) - 1} {end} {strand} {phase} {attributes}")
        head = [line for line in lines if line.startswith("#")]
        return features, head, json.loads((tmp_path / "lifted.json").read_text())

    return run


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("0 5", "0 5"),  # what is inserted beside a feature is not in it
        ("5 10", "7 12"),
        ("4 6", "4 8"),
        ("0 100", "0 101"),
        ("18 25", "20 24"),
        ("18 22", "20 22"),  # the end is gone
        ("21 25", "22 24"),  # the start is gone
        ("20 24", "22 23"),
        ("20 23", None),
        ("21 22", None),
        ("30 31", "29 30"),
        ("79 83", "77 84"),
        ("81 90", "83 91"),
        ("80 82", None),
        ("99 100", "100 101"),
    ],
)
def test_ends_by_hand(lift, before, after):
    features, _, report = lift(rows("gene 0 100 + . ID=all", f"exon {before} - . Note=a%3Bb"))
    expected = ["gene 0 101 + . ID=all"]
    assert features == ([*expected, f"exon {after} - . Note=a%3Bb"] if after else expected)
    assert report["left_out"] == (after is None)
    assert report["left_out_types"] == ({} if after else {"exon": 1})
    lost = {"18 22", "21 25", "20 24", "81 90"}
    assert (report["features"], report["clipped"]) == (1 + (after is not None), int(before in lost))


def test_frameshifts_are_marked_on_transcripts(lift):
    text = rows(
        "gene 0 100 + . ID=g1",
        "mRNA 0 100 + . ID=three;Parent=g1",
        "mRNA 0 100 + . ID=two;Parent=g1;",
        "mRNA 0 100 + . ID=both;Parent=g1",
        "mRNA 0 100 + . ID=gone;Parent=g1",
        "ncRNA 0 100 + . ID=other;Parent=g1",
        "CDS 15 35 + 0 ID=c1;Parent=three",
        "CDS 36 48 + 1 ID=c2;Parent=two",
        # one lost in the first part, one won in the second
        "CDS 45 55 + 0 ID=c3;Parent=both",
        "CDS 58 65 + 2 ID=c3;Parent=both",
        # a whole part lost, of which three bases do not count, and one base won in a part of two transcripts
        "CDS 20 23 + 0 ID=c4;Parent=gone",
        "CDS 68 75 + 0 ID=c4;Parent=gone,three",
        "exon 36 48 + . Parent=other",
        "CDS 49 54 + 0 ID=alone",
        "CDS 58 65 + 0 Parent=absent",
        "CDS 68 75 + 0 .",
    )
    features, _, report = lift(text)
    marked = [feature for feature in features if feature.endswith("frameshift=true")]
    assert marked == [
        "mRNA 0 101 + . ID=three;Parent=g1;frameshift=true",
        "mRNA 0 101 + . ID=two;Parent=g1;frameshift=true",
        "mRNA 0 101 + . ID=gone;Parent=g1;frameshift=true",
        "CDS 46 50 + 0 ID=alone;frameshift=true",
        "CDS 54 62 + 0 Parent=absent;frameshift=true",
        "CDS 65 73 + 0 frameshift=true",
    ]
    assert report["frameshifts"] == 6
    assert (report["left_out"], report["left_out_types"]) == (1, {"CDS": 1})
    assert "CDS 42 51 + 0 ID=c3;Parent=both" in features
    assert "CDS 54 62 + 2 ID=c3;Parent=both" in features  # the phase stays, though the frame is shifted here


def test_directives(lift):
    _, head, _ = lift(rows("gene 0 100 + . ID=g"))
    assert head == ["##gff-version 3", "##species x"]


def test_nothing_to_lift_is_refused(lift, tmp_path):
    with pytest.raises(InputError, match=r"none of its 2 features.*its contigs are c"):
        lift(rows("gene 20 23 + . ID=g", "exon 21 23 + . ID=e"))
    assert not (tmp_path / "lifted.gff3").exists()


def normalise(source: Path, lengths: dict[str, int], folder: Path) -> Path:
    folder.mkdir()
    table = pd.DataFrame({"contig": list(lengths), "length": list(lengths.values()), "offset": 0})
    table.to_csv(folder / "contigs.tsv", sep="\t", index=False)
    normalise_annotation(source, folder / "contigs.tsv", folder / "a.gff3.gz", folder / "a.json")
    return folder / "a.gff3.gz"


def lengths_of(fasta: pysam.FastaFile) -> dict[str, int]:
    return dict(zip(fasta.references, fasta.lengths, strict=True))


def random_vcf(genome: pysam.FastaFile, path: Path, step: int) -> dict[str, np.ndarray]:
    """An SNV or indel every `step` bases or so; the 0-based starts of the records by contig."""
    generator = random.Random(1)
    lines = ["##fileformat=VCFv4.2", '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">']
    lines += ["#CHROM POS ID REF ALT QUAL FILTER INFO FORMAT S".replace(" ", "\t")]
    starts: dict[str, list[int]] = {}
    for contig in genome.references:
        text, position = genome.fetch(contig), 0
        while (position := position + generator.randrange(10, 2 * step)) < len(text) - 10:
            size = generator.choice([1, 1, 1, 3, 7])
            ref, first = text[position : position + size], text[position]
            snv = generator.choice([base for base in "ACGT" if base != first]) + ref[1:]
            alt = generator.choice([snv, first + "G" * generator.choice([1, 3, 4])])
            lines.append("\t".join([contig, str(position + 1), ".", ref, alt, ".", ".", ".", "GT", "1|1"]))
            starts.setdefault(contig, []).append(position)
    path.write_text("\n".join(lines) + "\n")
    return {contig: np.array(values) for contig, values in starts.items()}


def test_features_without_variants_keep_their_sequence(tmp_path):
    """The demo genome with variants: its annotation, lifted and normalised, lies on the same bases."""
    source = tmp_path / "genome.fa.gz"
    with pysam.BGZFile(str(source), "wb") as handle:
        handle.write(gzip.decompress((DEMO / "scer_chrI_chrII.fa.gz").read_bytes()))
    genome = pysam.FastaFile(str(source))
    starts = random_vcf(genome, tmp_path / "a.vcf", 400)
    outputs = [tmp_path / name for name in ("derived.fa", "to_reference.chain", "haplotype.json")]
    derive_haplotype(source, tmp_path / "a.vcf", "S", 1, *outputs)
    gff = normalise(DEMO / "scer_chrI_chrII.gff3.gz", lengths_of(genome), tmp_path / "reference")
    lift_annotation(gff, outputs[1], tmp_path / "lifted.gff3", tmp_path / "lifted.json")
    derived = pysam.FastaFile(str(outputs[0]))
    lifted = read_annotation(normalise(tmp_path / "lifted.gff3", lengths_of(derived), tmp_path / "derived"))

    before = read_annotation(gff)
    report = json.loads((tmp_path / "lifted.json").read_text())
    assert len(lifted) == report["features"] == len(before) - report["left_out"]
    keys = ["contig", "type", "strand", "id", "parent", "name"]
    plain = lifted["attributes"].str.replace(";?frameshift=true$", "", regex=True)
    both = before.assign(plain=before["attributes"]).merge(
        lifted.assign(plain=plain), on=[*keys, "plain"], suffixes=("", "_lifted")
    )
    both = both[~both.duplicated([*keys, "plain"], keep=False)]
    untouched = 0
    for row in both.itertuples():
        # a record reaches over 7 bases at most
        near = starts[row.contig][np.searchsorted(starts[row.contig], row.start - 7) :]
        if not len(near) or near[0] >= row.end:
            untouched += 1
            expected = genome.fetch(row.contig, row.start, row.end)
            assert derived.fetch(row.contig, row.start_lifted, row.end_lifted) == expected
    assert untouched > 150
    assert report["frameshifts"] > 50
