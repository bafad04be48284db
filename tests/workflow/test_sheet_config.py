"""Corpora, genomes and the sheets: what follows from their entries and rows, and mistakes named where they are."""

import pytest
from configurations import read, refused

from genoglot.errors import InputError


def one_corpus(**settings):
    return {"tasks": {}, "models": {"m": {"corpus": "c"}}, "corpora": {"c": {"genomes": ["a"], **settings}}}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (one_corpus(validation=["I"], split={"by": "hash"}), "corpora.c: it is split by hash, so no contigs are held"),
        (one_corpus(split={"by": "hash", "validation": 0}), "corpora.c.split: expected a share for validation"),
        (one_corpus(split={"by": "hash", "test": 0.95}), "corpora.c.split: expected a share for validation"),
        (one_corpus(split={"by": "hash", "block": 100}), "a block of 100 bases holds no window of 512"),
        (one_corpus(validation=["I"], recipe={"type": "bed"}), "corpora.c.include: windows on the regions of a BED"),
        (one_corpus(validation=["I"], include={"a": "x.bed"}), "corpora.c.include: regions to include are for windows"),
        (one_corpus(validation=["I"], exclude={"b": "x.bed"}), "corpora.c.exclude: b is no genome of this corpus"),
        (one_corpus(validation=["I"], weights={"a": 0}), "corpora.c.weights.a: expected a value above 0"),
        (
            one_corpus(validation=["I"], genomes=["a", "b"], recipe={"type": "balanced"}),
            "corpora.c.recipe: windows on balanced need an annotation, and b has none",
        ),
        (one_corpus(validation=["I"], window=16), "corpora.c.leakage.kmer: 21 is longer than a window of 16"),
        (
            {"tokenizers": {"t": {"corpus": "ones", "type": "kmer"}}},
            "tokenizers.t.corpus: there is no corpus ones; did you mean one?",
        ),
        ({"cleaning": {"strict": {"min_contig": 5}}}, "cleaning.strict.min_contig: unknown key; did you mean"),
        ({"cleaning": [1]}, "cleaning: expected a section of keys, found a list"),
    ],
)
def test_mistakes_in_corpora(config, change, words):
    refused(config | change, words)


@pytest.mark.parametrize(
    ("recipe", "flank"),
    [({"type": "balanced"}, 100), ({"type": "balanced", "flank": 7}, 7), ({"type": "features"}, 0), ({}, 0)],
)
def test_balanced_windows_have_a_flank_of_half_a_window(config, recipe, flank):
    study = read(config | one_corpus(validation=["I"], window=200, recipe=recipe))
    assert study.window_settings("c")["recipe"]["flank"] == flank


def test_a_species_is_the_genome_itself_unless_the_sheet_names_one(config, tmp_path):
    sheet = tmp_path / "genomes.tsv"
    sheet.write_text("genome\tfasta\tannotation\tspecies\na\ta.fa\ta.gff\tyeast\nb\tb.fa\t\t\n")
    assert read(config).species("both") == {"a": "yeast", "b": "b"}


def test_a_genome_is_cleaned_as_its_row_says(config, tmp_path):
    sheet = tmp_path / "genomes.tsv"
    sheet.write_text("genome\tfasta\tannotation\tcleaning\na\ta.fa\ta.gff\tplants\nb\tb.fa\t\t\n")
    refused(config, "genomes.tsv, line 2: the configuration has no cleaning plants; known are standard")
    config["cleaning"] = {"plants": {"drop_contigs": ["Mt", "Pt"]}}
    study = read(config)
    assert study.cleaning("a") == {
        "min_contig_length": 0, "drop_contigs": ["Mt", "Pt"], "soft_masks": "keep", "min_gap": 10
    }  # fmt: skip
    assert study.cleaning("b")["drop_contigs"] == []


def test_features_of_a_genbank_file_are_an_annotation(config, tmp_path):
    sheet = tmp_path / "genomes.tsv"
    sheet.write_text("genome\tfasta\tannotation\na\thttps://host/a.gbff.gz\t\nb\tb.gb\tb.gff\n")
    study = read(config)
    assert study.in_genbank("a")
    assert study.annotated("a")
    assert not study.in_genbank("b")


DERIVED = "genome\tfasta\tannotation\treference\thaplotype_vcf\tsample\thaplotype\na\ta.fa\ta.gff\t\t\t\t\n"


def test_genomes_derived_from_one_vcf_share_it(config, tmp_path):
    (tmp_path / "genomes.tsv").write_text(
        DERIVED + "b\t\t\ta\tp.vcf\ts1\t2\nc\t\t\ta\tp.vcf\ts2\t\nd\t\t\ta\tq.vcf\ts2\t\n"
    )
    study = read(config)
    assert study.annotated("b")
    assert study.haplotypes("b") == study.haplotypes("c") != study.haplotypes("d")
    assert study.origin("a", study.haplotypes("b")) == "p.vcf"
    assert study.genomes["b"]["haplotype"] == "2"
    config["corpora"]["both"] = {"genomes": ["a", "b"], "split": {"by": "hash"}}
    refused(config, "corpora.both.split: a, b are one sequence but for variants")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("b\t\t\tz\tp.vcf\ts\t", "line 3: reference z is not in the sheet"),
        ("b\t\t\tb\tp.vcf\ts\t", "line 3: the reference b is itself derived"),
        ("b\tb.fa\t\ta\tp.vcf\ts\t", "line 3: b has a reference and a fasta"),
        ("b\t\t\ta\tp.vcf\t\t", "line 3: sample: missing; a genome derived from a needs it"),
        ("b\tb.fa\t\t\tp.vcf\t\t", "line 3: haplotype_vcf is for a genome derived from another"),
        ("b\t\t\ta\tp.vcf\ts\t3", "line 3: haplotype: expected one of 1, 2, found the text '3'"),
    ],
)
def test_mistakes_in_derived_genomes(config, tmp_path, row, words):
    (tmp_path / "genomes.tsv").write_text(DERIVED + row + "\n")
    refused(config, words)


@pytest.mark.parametrize(
    ("sheet", "text", "words"),
    [
        ("genomes", "", "the sheet is empty"),
        ("genomes", "genome\tfasta\n", "there is no genome below the header"),
        ("genomes", "genome fasta\n", "columns must be separated by tabs"),
        ("genomes", "genome\tfata\na\tx\n", "line 1: unknown column 'fata'; did you mean fasta?"),
        ("genomes", "fasta\tannotation\na\tx\n", "line 1: there is no column 'genome'"),
        ("genomes", "genome\tannotation\na\tx\n", "line 2: fasta: missing; give the sequence, or a reference"),
        ("genomes", "genome\tfasta\tfasta\na\tx\ty\n", "column 'fasta' is there twice"),
        ("genomes", "genome\tfasta\na\tx\ty\n", "line 2: 3 fields under 2 columns"),
        ("genomes", "genome\tfasta\na\t\n", "line 2: fasta: missing"),
        ("genomes", "genome\tfasta\n../x\ta.fa\n", "line 2: genome: the text '../x' is not a safe name"),
        ("genomes", "genome\tfasta\n# old\n\na b\ta.fa\n", "line 4: genome: the text 'a b' is not a safe name"),
        ("genomes", "genome\tfasta\na\tx\nb\tx\na\ty\n", "line 4: genome 'a' is there already"),
        (
            "genomes",
            "genome\tfasta\tfasta_checksum\na\tx\tmd5:12\n",
            "line 2: fasta_checksum: the text 'md5:12' is not",
        ),
        ("genomes", "genome\tfasta\na\tncbi:GCF_12\n", "line 2: fasta: ncbi:GCF_12"),
        ("genomes", "genome\tfasta\na\tensembl:yeast\n", "line 2: fasta: ensembl:yeast"),
        ("variants", "variants\tgenome\tvcf\nv\tc\tx\n", "line 2: genome c is not in"),
        ("variants", "variants\tgenome\tvcf\nv\tb\tconsequences\n", "line 2: v is derived from the annotation of b"),
        ("variants", "variants\tgenome\tvcf\tpositives\nv\ta\tx\ty\n", "line 2: positives: there are no labels"),
        ("variants", "variants\tgenome\tvcf\tlabels\nv\ta\tx\tINFO/\n", "line 2: labels: a key of INFO is missing"),
        (
            "variants",
            "variants\tgenome\tvcf\tfrequency\nv\ta\tconsequences\tAF\n",
            "derived from an annotation have none",
        ),
        (
            "variants",
            "variants\tgenome\tvcf\tlabels\tpositives\tnegatives\nv\ta\tx\tt.tsv\tA,b\tB, c\n",
            "line 2: b cannot be both a positive and a negative",
        ),
    ],
)
def test_mistakes_in_sheets(config, tmp_path, sheet, text, words):
    (tmp_path / f"{sheet}.tsv").write_text(text)
    message = refused(config, words)
    assert message.startswith(str(tmp_path / f"{sheet}.tsv"))


def test_sheets_of_other_editors(config, tmp_path):
    """A byte order mark, Windows line ends, columns in another order, trailing tabs."""
    text = "annotation\tfasta\tgenome\t\r\na.gff\ta.fa\ta\t\t\r\n\tb.fa\tb\r\n"
    (tmp_path / "genomes.tsv").write_bytes(b"\xef\xbb\xbf" + text.replace("genome\t\r", "genome\r").encode())
    study = read(config)
    assert study.genomes["a"]["annotation"] == "a.gff"
    assert study.genomes["b"] | {"annotation": "", "sample": ""} == study.genomes["b"] | {
        "genome": "b", "fasta": "b.fa", "annotation": "", "sample": "", "cleaning": "standard", "aliases": None
    }  # fmt: skip


def test_a_study_without_variants(config, tmp_path):
    assert read(config | {"variants": None}).scorings() == []
    (tmp_path / "variants.tsv").write_text("variants\tgenome\tvcf\n")
    assert read(config).scorings() == []


def test_a_source_that_is_not_given_is_named(config):
    with pytest.raises(InputError, match=r"genomes\.tsv: b has no annotation"):
        read(config).source("genomes", "b", "annotation")
