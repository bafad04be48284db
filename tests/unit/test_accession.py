"""Accessions of Ensembl and NCBI: what they may be, and which files they stand for."""

import pytest

from genoglot.errors import InputError
from genoglot.sources.accession import EnsemblGenome, NcbiAssembly, Published, is_accession, parse, resolve
from genoglot.sources.location import local_path

YEAST = "ensembl:saccharomyces_cerevisiae/R64-1-1/109"
COLI = "ensembl:bacteria_0_collection/escherichia_coli_str_k_12_substr_mg1655_gca_000005845/ASM584v2/58/bacteria"
ENSEMBL = "https://ftp.ensembl.org/pub"
GENOMES = "https://ftp.ensemblgenomes.ebi.ac.uk/pub"
NCBI = "https://ftp.ncbi.nlm.nih.gov/genomes/all"

# Apache's listing, as NCBI gives it: what is shown may be shortened, what is linked to is not.
LISTING = """<html><head><title>Index of /genomes/all/GCF/000/001/405</title></head><body><pre>
<a href="/genomes/all/GCF/000/001/">Parent Directory</a>
<a href="GCF_000001405.26_GRCh38/">GCF_000001405.26_GRCh38/</a>      2023-05-05 10:00    -
<a href="GCF_000001405.40_GRCh38.p14/">GCF_000001405.40_GRCh38.p..&gt;</a> 2024-08-27 12:00    -
<a href="GCF_000001405.4_NCBI36/">GCF_000001405.4_NCBI36/</a>        2016-05-05 10:00    -
</pre></body></html>"""


def reader(texts):
    """A function that reads from a dictionary, and the URLs it was asked for."""
    asked = []

    def read(url):
        asked.append(url)
        if url not in texts:
            raise InputError(f"{url}: the server answered 404 Not Found")
        return texts[url]

    return read, asked


def sums(*names):
    return "".join(f"{number:05d} {number + 100} {name}\n" for number, name in enumerate(names))


def md5s(*names):
    return "".join(f"{number:032x}  ./{name}\n" for number, name in enumerate(names))


def test_accessions_are_told_from_places():
    for source in (YEAST, COLI, "ncbi:GCF_000146045.2", "ncbi:", "NCBI:x"):
        assert is_accession(source)
        assert local_path(source) is None
    for source in ("ensembl/genome.fa", "data/ncbi:x.fa", "https://ensembl.org/x.fa", "genome.fa"):
        assert not is_accession(source)


def test_the_parts_of_accessions():
    assert parse(YEAST) == EnsemblGenome("saccharomyces_cerevisiae", "R64-1-1", 109)
    assert parse(f"{YEAST}/vertebrates") == parse(YEAST)
    assert parse("ensembl:zea_mays/Zm-B73-REFERENCE-NAM-5.0/58/plants").division == "plants"
    assert parse(COLI).collection == "bacteria_0_collection"
    assert parse("ncbi:GCA_000146045.2") == NcbiAssembly("GCA_000146045.2")
    assert parse("ncbi:GCF_000146045.2_R64") == NcbiAssembly("GCF_000146045.2", "R64")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("ensembl:saccharomyces_cerevisiae", "expected ensembl:SPECIES/ASSEMBLY/RELEASE"),
        ("ensembl:a/b/c/d/e/f", "expected ensembl:SPECIES"),
        ("ensembl:Homo sapiens/GRCh38/109", "the species is 'Homo sapiens'"),
        ("ensembl:homo_sapiens/../109", "the assembly is '..'"),
        ("ensembl:homo_sapiens/GRCh38?x=/109", "the assembly is"),
        ("ensembl:homo_sapiens/GRCh38/current", "the release is 'current'"),
        ("ensembl:homo_sapiens/GRCh38/109/animals", "the division is 'animals'; expected one of vertebrates, fungi"),
        ("ensembl:escherichia_coli/ASM584v2/58/bacteria", "lie in collections.*COLLECTION/escherichia_coli"),
        ("ensembl:coli/escherichia_coli/ASM584v2/58/bacteria", "the first is a collection"),
        ("ncbi:GCF_000146045", "accession with its version"),
        ("ncbi:GCX_000146045.2", "accession with its version"),
        ("ncbi:GCF_000146045.2/../x", "accession with its version"),
        ("ncbi:GCF_000146045.2_", "accession with its version"),
        ("ncbi:GCF_0001460456.2", "accession with its version"),
    ],
)
def test_accessions_that_cannot_be(source, words):
    with pytest.raises(InputError, match=words) as caught:
        parse(source)
    assert str(caught.value).startswith(source)


@pytest.mark.parametrize(
    ("source", "kind", "folder", "name"),
    [
        (
            YEAST,
            "fasta",
            f"{ENSEMBL}/release-109/fasta/saccharomyces_cerevisiae/dna/",
            "Saccharomyces_cerevisiae.R64-1-1.dna_sm.toplevel.fa.gz",
        ),
        (
            YEAST,
            "annotation",
            f"{ENSEMBL}/release-109/gff3/saccharomyces_cerevisiae/",
            "Saccharomyces_cerevisiae.R64-1-1.109.gff3.gz",
        ),
        (
            "ensembl:arabidopsis_thaliana/TAIR10/59/plants",
            "annotation",
            f"{GENOMES}/plants/release-59/gff3/arabidopsis_thaliana/",
            "Arabidopsis_thaliana.TAIR10.59.gff3.gz",
        ),
        (
            COLI,
            "fasta",
            f"{GENOMES}/bacteria/release-58/fasta/bacteria_0_collection/"
            "escherichia_coli_str_k_12_substr_mg1655_gca_000005845/dna/",
            "Escherichia_coli_str_k_12_substr_mg1655_gca_000005845.ASM584v2.dna_sm.toplevel.fa.gz",
        ),
        (
            "ensembl:mus_musculus/GRCm38/74",
            "fasta",
            f"{ENSEMBL}/release-74/fasta/mus_musculus/dna/",
            "Mus_musculus.GRCm38.74.dna_sm.toplevel.fa.gz",
        ),
    ],
)
def test_files_of_ensembl(source, kind, folder, name):
    others = ("README", name.replace("_sm", ""), name.replace("_sm", "_rm"), name.replace(".gff3", ".chr.gff3"))
    read, asked = reader({f"{folder}CHECKSUMS": sums(*others, name)})
    assert resolve(source, kind, read) == Published(folder + name, f"{folder}CHECKSUMS")
    assert asked == [f"{folder}CHECKSUMS"]


def test_the_primary_assembly_goes_before_the_top_level():
    folder = f"{ENSEMBL}/release-109/fasta/homo_sapiens/dna/"
    names = [f"Homo_sapiens.GRCh38.dna_sm.{level}.fa.gz" for level in ("toplevel", "primary_assembly")]
    read, _ = reader({f"{folder}CHECKSUMS": sums(*names)})
    assert resolve("ensembl:homo_sapiens/GRCh38/109", "fasta", read).url == folder + names[1]
    # One file for each chromosome is not the genome.
    parts = [f"Sus_scrofa.Sscrofa11.1.dna_sm.{level}.fa.gz" for level in ("primary_assembly.1", "toplevel")]
    folder = folder.replace("homo_sapiens", "sus_scrofa")
    read, _ = reader({f"{folder}CHECKSUMS": sums(*parts)})
    assert resolve("ensembl:sus_scrofa/Sscrofa11.1/109", "fasta", read).url == folder + parts[1]


def test_what_ensembl_does_not_have():
    folder = f"{ENSEMBL}/release-109/fasta/saccharomyces_cerevisiae/dna/"
    read, _ = reader({f"{folder}CHECKSUMS": sums("Saccharomyces_cerevisiae.R64-1-1.dna_sm.toplevel.fa.gz")})
    with pytest.raises(InputError, match=r"no sequence of that name.*R63.*among them .*R64-1-1\.dna_sm\.toplevel"):
        resolve("ensembl:saccharomyces_cerevisiae/R63/109", "fasta", read)
    with pytest.raises(InputError, match=r"yeast/R64-1-1/109: cannot be looked up; check the species.*yeast/dna.*404"):
        resolve("ensembl:yeast/R64-1-1/109", "fasta", read)
    with pytest.raises(InputError, match="stands for a sequence or an annotation"):
        resolve(YEAST, "variants", read)


@pytest.mark.parametrize(("kind", "end"), [("fasta", "_genomic.fna.gz"), ("annotation", "_genomic.gff.gz")])
@pytest.mark.parametrize("named", [True, False])
def test_files_of_ncbi(kind, end, named):
    parent, stem = f"{NCBI}/GCF/000/001/405/", "GCF_000001405.40_GRCh38.p14"
    sums_url = f"{parent}{stem}/md5checksums.txt"
    names = [stem + other for other in ("_cds_from_genomic.fna.gz", "_genomic.fna.gz", "_genomic.gff.gz")]
    read, asked = reader({parent: LISTING, sums_url: md5s(*names)})
    source = f"ncbi:{stem}" if named else "ncbi:GCF_000001405.40"
    assert resolve(source, kind, read) == Published(f"{parent}{stem}/{stem}{end}", sums_url)
    assert asked == ([] if named else [parent]) + [sums_url]


def test_plain_listings_name_folders_too():
    parent, stem = f"{NCBI}/GCF/000/146/045/", "GCF_000146045.2_R64"
    for line in (f"drwxr-xr-x 2 ftp ftp 4096 May 5 2023 {stem}\r\n", f"{stem}/\n", f"GCF_000146045.1_R63/\n{stem}/\n"):
        read, _ = reader({parent: line, f"{parent}{stem}/md5checksums.txt": md5s(f"{stem}_genomic.fna.gz")})
        assert resolve("ncbi:GCF_000146045.2", "fasta", read).url == f"{parent}{stem}/{stem}_genomic.fna.gz"


def test_what_ncbi_does_not_have():
    parent, stem = f"{NCBI}/GCA/000/001/405/", "GCA_000001405.4_NCBI36"
    listing = LISTING.replace("GCF", "GCA")
    read, _ = reader({parent: listing, f"{parent}{stem}/md5checksums.txt": md5s(f"{stem}_genomic.fna.gz")})
    with pytest.raises(InputError, match=r"405\.39: expected one folder of that version.*found .*405\.26_GRCh38, "):
        resolve("ncbi:GCA_000001405.39", "fasta", read)
    with pytest.raises(
        InputError, match=r"no annotation of that name: GCA_000001405\.4_NCBI36_genomic\.gff\.gz is not"
    ):
        resolve("ncbi:GCA_000001405.4", "annotation", read)
    with pytest.raises(InputError, match=r"cannot be looked up; check the accession.*GCA/000/001/406/.*404"):
        resolve("ncbi:GCA_000001406.1", "fasta", read)
