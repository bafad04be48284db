"""Names of contigs: tables of aliases as they are published, and what becomes of them."""

import gzip
import json
import random

import pandas as pd
import pytest

from genoglot.errors import InputError
from genoglot.genome.names import AliasTable, ContigNames, write_names

GROUPS = {
    "chrI": {"chrI", "I", "BK006935.2", "NC_001133.9"},
    "chrII": {"chrII", "II", "NC_001134.8"},
    "chrM": {"chrM", "MT"},
}
PLAIN = "# a comment\nchrI\tI\tBK006935.2\tNC_001133.9\nII\t\tchrII\tNC_001134.8\nMT\tna\t-\tchrM\n"
CHROM_ALIAS = (
    "# ucsc\tassembly\tgenbank\trefseq\nchrI\tI\tBK006935.2\tNC_001133.9\nchrII\tII\t\tNC_001134.8\nchrM\tMT\t\t\n"
)
OLD_CHROM_ALIAS = "# sequenceName\talias names\tUCSC database: sacCer3\n" + CHROM_ALIAS.split("\n", 1)[1]
DATABASE = (
    "I\tchrI\tassembly,ensembl\nBK006935.2\tchrI\tgenbank\nNC_001133.9\tchrI\trefseq\n"
    "II\tchrII\tensembl\nNC_001134.8\tchrII\trefseq\nMT\tchrM\tensembl\n"
)
ROLES = "assembled-molecule\t{0}\tChromosome"
REPORT = (
    "# Assembly name:  R64\r\n## GenBank Unit Accession\tRefSeq Unit Accession\tAssembly-Unit name\r\n"
    "# Sequence-Name\tSequence-Role\tAssigned-Molecule\tAssigned-Molecule-Location/Type\tGenBank-Accn\tRelationship\t"
    "RefSeq-Accn\tAssembly-Unit\tSequence-Length\tUCSC-style-name\r\n"
    f"I\t{ROLES.format('I')}\tBK006935.2\t=\tNC_001133.9\tPrimary Assembly\t230218\tchrI\r\n"
    f"II\t{ROLES.format('II')}\tna\t<>\tNC_001134.8\tPrimary Assembly\t813184\tchrII\r\n"
    f"MT\t{ROLES.format('MT')}\tna\t<>\tna\tnon-nuclear\t85779\tchrM\r\n"
)
ONE_A_ROW = "I\tchrI\nI\tBK006935.2\nII\tchrII\nNC_001133.9\tchrI\nNC_001134.8\tII\nMT\tchrM\n"
TABLES = {
    "plain": PLAIN,
    "chromAlias": CHROM_ALIAS,
    "old chromAlias": OLD_CHROM_ALIAS,
    "database": DATABASE,
    "database with header": "#alias\tchrom\tsource\n" + DATABASE.replace("\tensembl", "\tMGI"),
    "assembly report": REPORT,
    "an alias a row": ONE_A_ROW,
}


@pytest.fixture
def table(tmp_path):
    def read(text: str | bytes) -> AliasTable:
        path = tmp_path / "aliases.txt"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return AliasTable.read(path)

    return read


@pytest.fixture
def names(tmp_path):
    """Write names of a genome; return the table as pandas reads it."""

    def make(contigs: list[str], aliases: str | None = None, dropped: tuple[str, ...] = ()) -> pd.DataFrame:
        report = {"contigs": [{"name": name} for name in contigs], "dropped": [{"name": name} for name in dropped]}
        (tmp_path / "genome.json").write_text(json.dumps(report))
        if aliases is not None:
            (tmp_path / "aliases").write_text(aliases)
        write_names(tmp_path / "genome.json", None if aliases is None else tmp_path / "aliases", tmp_path / "names.tsv")
        return pd.read_csv(tmp_path / "names.tsv", sep="\t", dtype=str, keep_default_na=False)

    return make


@pytest.mark.parametrize("kind", TABLES)
def test_published_tables_say_the_same(table, kind):
    read = table(TABLES[kind])
    for group in GROUPS.values():
        for name in group:
            assert read.names(name) == group
            assert read.ordered(name)[0] == name
            assert sorted(read.ordered(name)) == sorted(group)
    for other in ("na", "-", "", "assembled-molecule", "Chromosome", "ensembl", "chrIII"):
        assert read.names(other) == {other}


def test_compressed_tables_are_read(table):
    assert table(gzip.compress(PLAIN.encode())).names("MT") == GROUPS["chrM"]


def test_rows_in_any_order_join_what_shares_a_name(table):
    """Against sets merged until nothing changes."""
    generator = random.Random(3)
    rows = [[f"n{generator.randrange(60)}" for _ in range(2)] for _ in range(40)]
    groups: list[set[str]] = []
    for row in rows:
        joined = set(row).union(*(group for group in groups if group & set(row)))
        groups = [group for group in groups if not group & joined] + [joined]
    for _ in range(3):
        generator.shuffle(rows)
        read = table("".join("\t".join(row) + "\n" for row in rows))
        for group in groups:
            assert all(read.names(name) == group for name in group)


def test_names_of_every_contig_lead_to_the_fasta(names):
    written = names(["II", "NA", "scaffold_9"], PLAIN, dropped=("chrM",))
    assert written["name"].iloc[0] == "II"
    expected = dict.fromkeys(GROUPS["chrII"], "II") | {"NA": "NA", "scaffold_9": "scaffold_9", "chrM": "", "MT": ""}
    assert dict(zip(written["name"], written["contig"], strict=True)) == expected
    for contig in ("II", "NA", "scaffold_9"):
        assert written.loc[written["contig"] == contig, "name"].iloc[0] == contig


def test_names_are_resolved(names, tmp_path):
    names(["II", "NA"], PLAIN, dropped=("chrM",))
    read = ContigNames.read(tmp_path / "names.tsv")
    asked = pd.Series(["NC_001134.8", "MT", "chrV", "NA", "II"], index=[7, 5, 3, 2, 0])
    found = read.resolve(asked)
    assert found.index.equals(asked.index)
    assert found.dtype == object
    assert found.iloc[[0, 1, 3, 4]].tolist() == ["II", "", "NA", "II"]
    assert found.isna().tolist() == [False, False, True, False, False]
    assert read.resolve(asked.astype("category")).equals(found)
    assert read.resolve(pd.Series([], dtype=str)).empty
    assert read.called(["II"]) == GROUPS["chrII"]
    assert read.called([""]) == set()


def test_without_a_table_contigs_have_their_own_name(names):
    written = names(["a", "b"], dropped=("c",))
    assert written.to_numpy().tolist() == [["a", "a"], ["b", "b"], ["c", ""]]


@pytest.mark.parametrize(
    ("contigs", "aliases", "words"),
    [
        (["I", "II"], "I\tchrI\nII\tchrI\n", "lines 1 and 2: 'I' and 'II' are two contigs.*alias 'chrI'.*both"),
        (["I", "II"], "#x\nI\tchrI\nII\tchrII\n\nchrII\tI\n", "lines 3 and 5.*'I' and 'II'.*'chrII'"),
        (["I", "II"], "chrI\tI\tII\n", "line 1: 'I' and 'II'"),
        (["I", "II"], "I\tII\n", "line 1: 'I' and 'II' are two contigs.*the same"),
        (["1", "2"], PLAIN, r"no row names a contig.*Table: chrI, I, .* more\. Genome: 1, 2"),
        (["I"], "#nothing\n", "no rows"),
        (["I"], "I chrI\n", "line 1: found 'I chrI', expected names.*tabs"),
        (["I"], "I\nII\n", "line 1: found 'I'"),
    ],
)
def test_tables_that_do_not_fit_are_refused(names, tmp_path, contigs, aliases, words):
    with pytest.raises(InputError, match=words):
        names(contigs, aliases)
    assert not (tmp_path / "names.tsv").exists()


def test_a_dropped_contig_is_a_contig_too(names):
    with pytest.raises(InputError, match="'I' and 'II' are two contigs"):
        names(["I"], "I\tchrI\nII\tchrI\n", dropped=("II",))


def test_a_name_alone_is_a_contig_without_aliases(table):
    assert table("I\tchrI\nscaffold_9\n").names("scaffold_9") == {"scaffold_9"}
