"""Genomes named by their place at Ensembl or NCBI: `ensembl:SPECIES/ASSEMBLY/RELEASE`, `ncbi:GCF_000146045.2`.

How the providers name folders and files: the README files of https://ftp.ensembl.org/pub/ and of
https://ftp.ncbi.nlm.nih.gov/genomes/all/. Needs the standard library only, since it is read before a workflow starts.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

from genoglot.errors import InputError
from genoglot.sources.checksums import nearest, read_listing

ENSEMBL = "https://ftp.ensembl.org/pub/"
ENSEMBL_GENOMES = "https://ftp.ensemblgenomes.ebi.ac.uk/pub/"
NCBI = "https://ftp.ncbi.nlm.nih.gov/genomes/all/"

DIVISIONS = ("vertebrates", "fungi", "plants", "metazoa", "protists", "bacteria")
KINDS = {"fasta": "sequence", "annotation": "annotation"}
NCBI_ENDS = {"fasta": "_genomic.fna.gz", "annotation": "_genomic.gff.gz"}

# Parts of accessions become parts of URLs: nothing else than this may be in them.
SPECIES = re.compile(r"[a-z0-9_]+")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
ASSEMBLY_ACCESSION = re.compile(r"GC[AF]_[0-9]{9}\.[0-9]+")

ENSEMBL_FORM = (
    "ensembl:SPECIES/ASSEMBLY/RELEASE or ensembl:SPECIES/ASSEMBLY/RELEASE/DIVISION, for example "
    "ensembl:saccharomyces_cerevisiae/R64-1-1/109 or ensembl:arabidopsis_thaliana/TAIR10/56/plants"
)
NCBI_FORM = "ncbi:GCF_000146045.2, ncbi:GCA_000146045.2, or with the assembly's name, ncbi:GCF_000146045.2_R64"


@dataclass(frozen=True)
class Published:
    """A file that is to be had: its URL, and the URL of the provider's file of checksums, where there is one."""

    url: str
    checksums: str | None = None


@dataclass(frozen=True)
class EnsemblGenome:
    """A genome of a release of Ensembl; `collection` is the folder that holds its folder, or empty."""

    species: str
    assembly: str
    release: int
    division: str = "vertebrates"
    collection: str = ""

    def folder(self, kind: str) -> str:
        """URL of the folder with the files of a kind, with a closing slash."""
        if self.division == "vertebrates":
            release = f"{ENSEMBL}release-{self.release}/"
        else:
            release = f"{ENSEMBL_GENOMES}{self.division}/release-{self.release}/"
        species = "/".join(filter(None, (self.collection, self.species)))
        return f"{release}fasta/{species}/dna/" if kind == "fasta" else f"{release}gff3/{species}/"

    def names(self, kind: str) -> list[str]:
        """Names that the file may have, the best first.

        The soft-masked sequence is taken, and the primary assembly before the top level, which for some species also
        holds alternative haplotypes. Until release 75 the release was part of the names of sequences too.
        """
        stem = f"{self.species[0].upper()}{self.species[1:]}.{self.assembly}"
        if kind == "annotation":
            return [f"{stem}.{self.release}.gff3.gz"]
        return [
            f"{start}.dna_sm.{level}.fa.gz"
            for level in ("primary_assembly", "toplevel")
            for start in (stem, f"{stem}.{self.release}")
        ]


@dataclass(frozen=True)
class NcbiAssembly:
    """An assembly of NCBI: accession with its version, and the assembly's name if it was given."""

    accession: str
    name: str = ""

    @property
    def parent(self) -> str:
        """URL of the folder with the folders of all versions of the assembly, with a closing slash."""
        prefix, digits = self.accession[:3], self.accession[4:13]
        return f"{NCBI}{prefix}/{digits[:3]}/{digits[3:6]}/{digits[6:]}/"


def is_accession(source: str) -> bool:
    """Whether `source` is meant as an accession; `parse` tells whether it is a possible one."""
    return source.lower().startswith(("ensembl:", "ncbi:"))


def parse(source: str) -> EnsemblGenome | NcbiAssembly:
    """Read an accession.

    Raises:
        InputError: its parts are not what Ensembl's or NCBI's accessions consist of.
    """
    provider, _, text = source.partition(":")
    if provider.lower() == "ensembl":
        return _parse_ensembl(source, text.split("/"))
    return _parse_ncbi(source, text)


def _parse_ensembl(source: str, parts: list[str]) -> EnsemblGenome:
    collection = parts.pop(0) if len(parts) == 5 else ""
    if len(parts) not in (3, 4):
        raise InputError(f"{source}: expected {ENSEMBL_FORM}")
    species, assembly, release, division = (*parts, "vertebrates")[:4]
    if collection and not re.fullmatch(r"[a-z0-9_]+_collection", collection):
        raise InputError(f"{source}: of five parts the first is a collection, for example bacteria_0_collection")
    if not SPECIES.fullmatch(species):
        raise InputError(
            f"{source}: the species is {species!r}; expected lower-case letters, digits and _, as in {ENSEMBL_FORM}"
        )
    if not NAME.fullmatch(assembly):
        raise InputError(f"{source}: the assembly is {assembly!r}; expected letters, digits, dots, _ and -")
    if not re.fullmatch("[1-9][0-9]{0,3}", release):
        raise InputError(f"{source}: the release is {release!r}; expected its number, as in {ENSEMBL_FORM}")
    if division not in DIVISIONS:
        raise InputError(f"{source}: the division is {division!r}; expected one of {', '.join(DIVISIONS)}")
    if division == "bacteria" and not collection:
        raise InputError(
            f"{source}: the species of bacteria lie in collections; write "
            f"ensembl:COLLECTION/{species}/{assembly}/{release}/bacteria, for example with bacteria_0_collection"
        )
    return EnsemblGenome(species, assembly, int(release), division, collection)


def _parse_ncbi(source: str, text: str) -> NcbiAssembly:
    match = ASSEMBLY_ACCESSION.match(text)
    rest = text[match.end() :] if match else ""
    if not match or (rest and not (rest.startswith("_") and NAME.fullmatch(rest[1:]))):
        raise InputError(f"{source}: expected an assembly's accession with its version: {NCBI_FORM}")
    return NcbiAssembly(match.group(), rest[1:])


def resolve(source: str, kind: str, read: Callable[[str], str]) -> Published:
    """Find the file that an accession stands for.

    Args:
        source: accession.
        kind: `fasta` for the soft-masked sequence, `annotation` for the genes in GFF3.
        read: gives the text at a URL: a file of checksums or the listing of a folder. It is asked once or twice.

    Raises:
        InputError: the accession is not a possible one, there is no such genome, it has no file of this kind, or
            `read` failed.
    """
    if kind not in KINDS:
        raise InputError(f"{source}: an accession stands for a sequence or an annotation; give a path or a URL here")
    genome = parse(source)
    if isinstance(genome, EnsemblGenome):
        folder = genome.folder(kind)
        names = genome.names(kind)
        checksums = f"{folder}CHECKSUMS"
        hint = "check the species, the release and the division"
    else:
        stem = f"{genome.accession}_{genome.name}" if genome.name else _find_folder(source, genome, read)
        folder = f"{genome.parent}{stem}/"
        names = [stem + NCBI_ENDS[kind]]
        checksums = f"{folder}md5checksums.txt"
        hint = "check the accession and the assembly's name"
    listed = [entry.path for entry in read_listing(_look_up(source, checksums, read, hint))]
    for name in names:
        if name in listed:
            return Published(folder + name, checksums)
    raise InputError(
        f"{source}: there is no {KINDS[kind]} of that name: {names[-1]} is not listed in {checksums}; "
        f"{nearest(names[-1], listed)}"
    )


def _look_up(source: str, url: str, read: Callable[[str], str], hint: str) -> str:
    try:
        return read(url)
    except InputError as error:
        raise InputError(f"{source}: cannot be looked up; {hint} ({error})") from None


def _find_folder(source: str, assembly: NcbiAssembly, read: Callable[[str], str]) -> str:
    """Name of the folder of an assembly: its accession and its name, found in the listing of the folder above."""
    listing = unquote(_look_up(source, assembly.parent, read, "check the accession"))
    # A listing may shorten the names it shows, but not those it links to, which end with a slash.
    stem = re.escape(assembly.accession.partition(".")[0])
    folders = sorted(set(re.findall(rf"(?<![\w.-])({stem}\.\d+_[\w.-]+)(?=/|\s*$)", listing, re.MULTILINE | re.ASCII)))
    fitting = [folder for folder in folders if folder.startswith(f"{assembly.accession}_")]
    if len(fitting) == 1:
        return fitting[0]
    found = ", ".join(folders) or "none of its versions"
    raise InputError(f"{source}: expected one folder of that version in {assembly.parent}, found {found}")
