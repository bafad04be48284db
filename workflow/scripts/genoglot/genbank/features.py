"""The features of a GenBank record as rows of a GFF3, named and nested as NCBI does in its own GFF3 files."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from genoglot.annotation.gff import escape
from genoglot.genbank.locations import Part, location_parts, overlap, same_introns
from genoglot.genbank.types import CDS_KEY, GENE_KEY, RNA_KEYS, UTR_KEYS, feature_type, is_pseudo_feature

# Said by the columns, by other attributes, or by the sequence.
OMITTED = frozenset({"translation", "codon_start", "db_xref", "note"})
# Features below a gene that are no transcripts.
GENE_PARTS = ("exon", "intron", *UTR_KEYS)
SOURCE = "GenBank"


class Feature(NamedTuple):
    """One feature of a feature table: texts as written, `line` the number of its first line.

    `location` is empty where the feature could not be read. A qualifier without a value has the value `true`.
    """

    key: str
    location: str
    qualifiers: dict[str, list[str]]
    line: int

    def first(self, *names: str) -> str:
        """The first value of the first of these qualifiers that the feature has; empty if it has none."""
        return next((self.qualifiers[name][0] for name in names if name in self.qualifiers), "")


class _Placed(NamedTuple):
    """A feature with its parts in the order of transcription, and its ID."""

    feature: Feature
    parts: list[Part]
    id: str


class FeatureRows:
    """Makes the rows of one file, record by record; identifiers are unique over the file.

    Attributes:
        left_out: what was left out and why, one text for each feature.
    """

    def __init__(self) -> None:
        self.left_out: list[str] = []
        self._named: Counter[str] = Counter()

    def convert(self, contig: str, length: int | None, circular: bool, features: Iterable[Feature]) -> list[tuple]:
        """Rows (the nine columns of a GFF3, then the line) of one record.

        Genes, transcripts with an exon row for each part, coding sequences with a row for each part, and everything
        else get ID and Parent from locus_tag, gene, transcript_id and protein_id. A coding sequence belongs to the
        mRNA of its gene with the same introns, of several to the first that has none yet; else to the gene.

        Args:
            contig: name of the record's sequence.
            length: bases of it; None if the record does not say.
            circular: whether it is a circle. What passes its origin ends past `length`.
            features: the record's feature table.
        """
        placed = self._placed(features, length, circular)
        rows = self._region(contig, length, circular, [item for item in placed if item[0].key == "source"])
        genes = _Genes()
        for feature, parts in placed:
            if feature.key == GENE_KEY:
                gene = _Placed(feature, parts, self._unique("gene", feature, contig, parts, "locus_tag", "gene"))
                genes.add(gene)
                rows += _part_rows(contig, gene, "", feature.first("gene", "locus_tag"))
        for feature, parts in placed:
            if feature.key in RNA_KEYS:
                names = ("transcript_id", "locus_tag", "gene")
                rna = _Placed(feature, parts, self._unique("rna", feature, contig, parts, *names))
                rows += self._transcript(contig, rna, genes.transcript(rna))
        for feature, parts in placed:
            if feature.key == CDS_KEY:
                names = ("protein_id", "locus_tag", "gene")
                cds = _Placed(feature, parts, self._unique("cds", feature, contig, parts, *names))
                rows += _coding_rows(contig, cds, genes.parent_of_cds(cds))
            elif feature.key not in (GENE_KEY, "source", *RNA_KEYS):
                other = _Placed(feature, parts, self._unique("id", feature, contig, parts, "locus_tag", "gene"))
                parent = genes.parent_of_part(other) if feature.key in GENE_PARTS else ""
                rows += _part_rows(contig, other, parent, feature.first("standard_name"))
        return rows

    def _placed(
        self, features: Iterable[Feature], length: int | None, circular: bool
    ) -> list[tuple[Feature, list[Part]]]:
        placed = []
        for feature in features:
            try:
                parts = location_parts(feature.location, length, circular)
                _check_site(feature, parts)
            except ValueError as error:
                self.left_out.append(f"line {feature.line}: {feature.key} {feature.location} ({error})")
            else:
                placed.append((feature, parts))
        return placed

    def _unique(self, prefix: str, feature: Feature, contig: str, parts: list[Part], *names: str) -> str:
        place = f"{contig}:{min(part.start for part in parts)}..{max(part.end for part in parts)}"
        name = f"{prefix}-{feature.first(*names) or place}"
        self._named[name] += 1
        return name if self._named[name] == 1 else self._unique_number(name)

    def _unique_number(self, name: str) -> str:
        # a name made earlier may end in this number already
        while f"{name}-{self._named[name]}" in self._named:
            self._named[name] += 1
        numbered = f"{name}-{self._named[name]}"
        self._named[numbered] = 1
        return numbered

    def _region(
        self, contig: str, length: int | None, circular: bool, sources: list[tuple[Feature, list[Part]]]
    ) -> list[tuple]:
        """The row that stands for the whole sequence, with what the record says of the organism."""
        end = length or max((part.end for _, parts in sources for part in parts), default=0)
        if not end:
            return []
        feature = sources[0][0] if sources else Feature("source", "", {}, 0)
        head = {"ID": f"{contig}:1..{end}", **({"Is_circular": "true"} if circular else {})}
        attributes = _attributes(feature, head)
        return [(contig, SOURCE, "region", 1, end, ".", "+", ".", attributes, feature.line)]

    def _transcript(self, contig: str, rna: _Placed, parent: str) -> list[tuple]:
        """The row of a transcript, from end to end, and those of its exons."""
        feature = rna.feature
        one_strand = len({part.strand for part in rna.parts}) == 1
        spans = [_span(rna.parts)] if one_strand else rna.parts
        whole = rna._replace(parts=spans)
        extra = {"biotype": "misc_RNA"} if feature.key == "misc_RNA" else {}
        rows = _part_rows(contig, whole, parent, feature.first("transcript_id"), **extra)
        name = rna.id.removeprefix("rna-")
        for number, part in enumerate(rna.parts, 1):
            head = {"ID": f"exon-{name}-{number}", "Parent": rna.id}
            rows.append(_row(contig, "exon", part, ".", feature, head))
        return rows


class _Genes:
    """The genes of a record with their transcripts, found by what the features below them are called."""

    def __init__(self) -> None:
        self._genes: dict[tuple[str, str], list[_Placed]] = defaultdict(list)
        self._mrnas: dict[str, list[_Placed]] = defaultdict(list)
        self._coding: set[str] = set()

    def add(self, gene: _Placed) -> None:
        for name in ("locus_tag", "gene"):
            if gene.feature.first(name):
                self._genes[name, gene.feature.first(name)].append(gene)

    def transcript(self, rna: _Placed) -> str:
        """ID of a transcript's gene; the transcript is remembered if it is an mRNA."""
        gene = self._gene_of(rna)
        if rna.feature.key == "mRNA" and gene:
            self._mrnas[gene].append(rna)
        return gene

    def parent_of_cds(self, cds: _Placed) -> str:
        gene = self._gene_of(cds)
        for mrna in self._mrnas[gene] if gene else ():
            if mrna.id not in self._coding and same_introns(cds.parts, mrna.parts):
                self._coding.add(mrna.id)
                return mrna.id
        return gene

    def parent_of_part(self, part: _Placed) -> str:
        """ID of the gene, or of its mRNA for the untranslated region of a gene that has only one."""
        gene = self._gene_of(part)
        mrnas = self._mrnas[gene] if gene else []
        return mrnas[0].id if len(mrnas) == 1 and part.feature.key in UTR_KEYS else gene

    def _gene_of(self, below: _Placed) -> str:
        """ID of the gene of the same locus_tag, else gene, that shares most bases; empty if none shares any."""
        for name in ("locus_tag", "gene"):
            genes = self._genes.get((name, below.feature.first(name)), [])
            best = max(genes, key=lambda gene: overlap(gene.parts, below.parts), default=None)
            if best is not None and overlap(best.parts, below.parts):
                return best.id
        return ""


def _check_site(feature: Feature, parts: list[Part]) -> None:
    if feature.key in (GENE_KEY, CDS_KEY, *RNA_KEYS) and any(part.between for part in parts):
        raise ValueError("lies between two bases")


def _span(parts: list[Part]) -> Part:
    first, last = min(parts), max(parts, key=lambda part: part.end)
    return first._replace(end=last.end, after=last.after)


def _part_rows(contig: str, item: _Placed, parent: str, name: str, **extra: str) -> list[tuple]:
    """A row for each part; where there are several, they share the ID and say which part they are."""
    kind = feature_type(item.feature.key, item.feature.qualifiers)
    head = {"ID": item.id, "Parent": parent, "Name": name, **extra}
    rows = []
    for number, part in enumerate(item.parts, 1):
        which = {"part": f"{number}/{len(item.parts)}"} if len(item.parts) > 1 else {}
        rows.append(_row(contig, kind, part, ".", item.feature, head | which))
    return rows


def _coding_rows(contig: str, cds: _Placed, parent: str) -> list[tuple]:
    """A row for each part of a coding sequence, with the phase that follows from codon_start and the lengths."""
    codon_start = cds.feature.first("codon_start")
    phase = int(codon_start) - 1 if codon_start in ("1", "2", "3") else 0
    head = {"ID": cds.id, "Parent": parent, "Name": cds.feature.first("protein_id")}
    rows = []
    for part in cds.parts:
        rows.append(_row(contig, "CDS", part, str(phase), cds.feature, head))
        phase = (phase - (part.end - part.start + 1)) % 3
    return rows


def _row(contig: str, kind: str, part: Part, phase: str, feature: Feature, head: dict[str, str]) -> tuple:
    partial = {}
    if part.before or part.after:
        partial["partial"] = "true"
    if part.before:
        partial["start_range"] = f".,{part.start}"
    if part.after:
        partial["end_range"] = f"{part.end},."
    attributes = _attributes(feature, head, partial)
    return (contig, SOURCE, kind, part.start, part.end, ".", part.strand, phase, attributes, feature.line)


def _attributes(feature: Feature, head: dict[str, str], ranges: dict[str, str] | None = None) -> str:
    """Column 9: `head`, the cross-references, notes and key, then the other qualifiers; empty values are left out.

    GFF3 keeps names that begin with a capital to itself; the values of `ranges` are written as they are.
    """
    pairs = [f"{key}={escape(value)}" for key, value in head.items() if value]
    for key, name in (("Dbxref", "db_xref"), ("Note", "note")):
        if name in feature.qualifiers:
            pairs.append(f"{key}={','.join(map(escape, feature.qualifiers[name]))}")
    pairs.append(f"gbkey={escape('Src' if feature.key == 'source' else feature.key)}")
    for name, values in feature.qualifiers.items():
        if name not in OMITTED:
            pairs.append(f"{escape(name[:1].lower() + name[1:])}={','.join(map(escape, values))}")
    if is_pseudo_feature(feature.qualifiers) and "pseudo" not in feature.qualifiers:
        pairs.append("pseudo=true")
    pairs += [f"{key}={value}" for key, value in (ranges or {}).items()]
    return ";".join(pairs)
