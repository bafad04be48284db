"""Recipes: the stretches on which windows lie, against one flag a base and against bedtools alone."""

import gzip
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tiny_corpus import corpus_settings

from genoglot.corpus.recipes import find_stretches
from genoglot.errors import InputError

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
SK1 = SHARED / "strains" / "SK1.all_feature.gff.gz"
# not in alphabetical order, and one shorter than a window
CONTIGS = pd.DataFrame({"contig": ["b", "a", "tiny"], "length": [2000, 900, 30]})

pytestmark = pytest.mark.skipif(shutil.which("bedtools") is None, reason="bedtools is not on PATH")


@pytest.fixture
def gff(tmp_path):
    """Write rows of (contig, type, start, end, strand, attributes), 0-based, as GFF3."""

    def write(rows):
        path = tmp_path / "a.gff3"
        path.write_text("".join(f"{c}\tt\t{k}\t{s + 1}\t{e}\t.\t{d}\t.\t{text}\n" for c, k, s, e, d, text in rows))
        return path

    return write


def runs(flags: np.ndarray) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def slow_stretches(intervals: list[tuple[str, int, int]], flank: int, window: int) -> list[tuple[str, int, int]]:
    """Flank, join, widen, join: with one flag a base."""
    found = []
    for contig, length in zip(CONTIGS["contig"], CONTIGS["length"], strict=True):
        covered = np.zeros(length, dtype=bool)
        for name, start, end in intervals:
            if name == contig:
                covered[max(start - flank, 0) : end + flank] = True
        wide = np.zeros(length, dtype=bool)
        for start, end in runs(covered):
            if end - start < window:
                start = max(0, min(start - (window - (end - start)) // 2, length - window))
                end = min(start + window, length)
            wide[start:end] = True
        found += [(contig, start, end) for start, end in runs(wide)]
    return found


def stretches(recipe, **inputs) -> list[tuple[str, int, int]]:
    found = find_stretches("g", CONTIGS, corpus_settings(recipe=recipe), **inputs)
    assert found.columns.tolist() == ["contig", "start", "end"]
    return list(found.itertuples(index=False, name=None))


def random_intervals(seed: int, number: int = 12) -> list[tuple[str, int, int]]:
    rng = np.random.default_rng(seed)
    lengths = dict(zip(CONTIGS["contig"], CONTIGS["length"], strict=True))
    rows = []
    for _ in range(number):
        contig = str(rng.choice(CONTIGS["contig"]))
        start = int(rng.integers(0, lengths[contig]))
        rows.append((contig, start, int(min(start + rng.integers(1, 90), lengths[contig]))))
    return rows


def test_all_is_every_contig():
    assert stretches({"type": "all"}) == [("b", 0, 2000), ("a", 0, 900), ("tiny", 0, 30)]


@pytest.mark.parametrize("flank", [0, 7, 60])
@pytest.mark.parametrize("seed", range(3))
def test_features_and_regions_against_flags(gff, tmp_path, seed, flank):
    intervals = random_intervals(seed)
    expected = slow_stretches(intervals, flank, 40)
    rows = [
        (*place[:1], kind, *place[1:], "+", ".") for place, kind in zip(intervals, ["gene", "tRNA"] * 6, strict=True)
    ]
    other = ("a", "exon", 0, 900, "+", ".")
    recipe = {"type": "features", "features": ["tRNA", "gene"], "flank": flank}
    assert stretches(recipe, annotation=gff([*rows, other])) == expected
    (tmp_path / "in.bed").write_text("".join(f"{c}\t{start}\t{end}\n" for c, start, end in intervals))
    assert stretches({"type": "bed", "flank": flank}, include=tmp_path / "in.bed") == expected


@pytest.mark.parametrize("flank", [0, 20])
@pytest.mark.parametrize("seed", range(3))
def test_exons_and_promoters_against_flags(gff, seed, flank):
    lengths = dict(zip(CONTIGS["contig"], CONTIGS["length"], strict=True))
    rows, intervals = [], []
    for number, (contig, start, end) in enumerate(random_intervals(seed, 5)):
        strand = "+-."[number % 3]
        rows += [
            (contig, "gene", start, end, strand, f"ID=g{number}"),
            (contig, "mRNA", start, end, strand, f"ID=t{number};Parent=g{number}"),
            (contig, "exon", start, min(start + 20, end), strand, f"Parent=t{number}"),
        ]
        intervals.append((contig, start, min(start + 20, end)))
        if strand == "+":
            intervals.append((contig, max(start - 70, 0), start))
        elif strand == "-":
            intervals.append((contig, end, min(end + 70, lengths[contig])))
    expected = slow_stretches([place for place in intervals if place[1] < place[2]], flank, 40)
    assert stretches({"type": "balanced", "promoter_upstream": 70, "flank": flank}, annotation=gff(rows)) == expected


def test_coding_sequence_stands_for_exons_where_there_are_none(gff):
    rows = [("a", "gene", 100, 400, "+", "ID=g"), ("a", "CDS", 100, 400, "+", "ID=c;Parent=g")]
    recipe = {"type": "balanced", "promoter_upstream": 50}
    assert stretches(recipe, annotation=gff(rows)) == [("a", 50, 400)]
    # nothing is upstream of a gene at the very start of its contig
    rows = [("a", "gene", 0, 400, "+", "ID=g"), ("a", "CDS", 100, 400, "+", "ID=c;Parent=g")]
    assert stretches(recipe, annotation=gff(rows)) == [("a", 100, 400)]


@pytest.mark.parametrize(
    ("recipe", "inputs", "words"),
    [
        ({"type": "features"}, [], ["genome g: the recipe features needs an annotation"]),
        ({"type": "balanced"}, [], ["genome g: the recipe balanced needs an annotation"]),
        ({"type": "bed"}, [], ["genome g: the recipe bed needs a BED file", "include"]),
        ({"type": "all"}, ["include"], ["in.bed", "its recipe is all", "bed"]),
        ({"type": "features", "features": ["gene", "mrna"]}, ["annotation"], ["'mrna'", "did you mean mRNA?"]),
        ({"type": "features", "features": ["zzz"]}, ["annotation"], ["'zzz'; it has gene (2), mRNA (1)"]),
        ({"type": "balanced"}, ["annotation"], ["no features of type exon or CDS", "it has gene, mRNA"]),
    ],
)
def test_what_a_recipe_lacks_is_said(gff, tmp_path, recipe, inputs, words):
    (tmp_path / "in.bed").write_text("a\t0\t100\n")
    rows = [("a", "gene", 0, 50, "+", "ID=g"), ("a", "mRNA", 0, 50, "+", "Parent=g"), ("b", "gene", 0, 50, "+", "ID=h")]
    given = {"annotation": gff(rows), "include": tmp_path / "in.bed"}
    with pytest.raises(InputError) as error:
        stretches(recipe, **{name: given[name] for name in inputs})
    assert all(word in str(error.value) for word in words)


@pytest.mark.skipif(not SK1.exists(), reason=f"{SK1} is not there")
def test_genes_of_a_strain_agree_with_bedtools_alone(tmp_path):
    with gzip.open(SK1, "rt") as handle:
        table = pd.read_csv(handle, sep="\t", names=list("abcdefghi"), dtype=str, comment="#")
    ends = table.groupby("a", sort=False)["e"].agg(lambda column: column.astype(int).max() + 1000)
    contigs = ends.rename_axis("contig").rename("length").reset_index()
    (tmp_path / "a.gff3").write_bytes(gzip.decompress(SK1.read_bytes()))
    recipe = {"type": "features", "features": ["gene"], "flank": 100}
    found = find_stretches("SK1", contigs, corpus_settings(recipe=recipe, window=10), tmp_path / "a.gff3")
    (tmp_path / "sizes").write_text(contigs.to_csv(sep="\t", header=False, index=False))
    genes = table[table["c"] == "gene"].to_csv(sep="\t", header=False, index=False)
    command = f"bedtools slop -b 100 -g {tmp_path / 'sizes'} -i - | sort -k1,1 -k4,4n | bedtools merge -i -"
    result = subprocess.run(["bash", "-c", command], input=genes, check=True, capture_output=True, text=True)
    expected = [
        (c, int(start), int(end)) for c, start, end in (line.split("\t") for line in result.stdout.splitlines())
    ]
    assert len(expected) > 1000
    assert sorted(found.itertuples(index=False, name=None)) == sorted(expected)
