"""Derived consequences as VCF."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote

import pandas as pd
import pysam

from genoglot import __version__
from genoglot.files import atomic_path
from genoglot.genome.snvs import CONSEQUENCES
from genoglot.genome.store import BASES
from genoglot.genome.transcripts import Transcript

_ROWS = 100_000
_INFO = {
    "CONSEQUENCE": "Consequence of the variant, a Sequence Ontology term, the most severe of all transcripts",
    "GENE": "Gene that the consequence is for",
    "TRANSCRIPT": "Transcript that the consequence is for",
    "STRAND": "Strand of the transcript",
    "CODON": "Reference and alternative codon in the direction of the transcript",
}


def write_vcf(
    path: Path,
    lengths: pd.Series,
    reference: str,
    transcripts: dict[str, list[Transcript]],
    parts: Iterable[tuple[str, pd.DataFrame]],
) -> dict[str, int]:
    """Write a bgzip VCF 4.3 and its tbi index; the same records give the same bytes.

    Args:
        path: ends in `.vcf.gz`; the index is written to the same name with `.tbi` added.
        lengths: length of each contig, by name, in the order of the FASTA.
        reference: name of the genome.
        transcripts: those that the records' numbers refer to, by contig.
        parts: contig and sorted records (columns pos, ref, alt, consequence, transcript, codon_ref, codon_alt), in
            the order of the FASTA.

    Returns:
        Records written, by consequence, the most severe first.
    """
    counts: Counter[int] = Counter()
    index = path.with_name(path.name + ".tbi")
    with atomic_path(path) as temporary, atomic_path(index) as temporary_index:
        with pysam.BGZFile(str(temporary), "w", index=None) as handle:
            handle.write("".join(_header(lengths, reference)).encode())
            for contig, records in parts:
                counts.update(records["consequence"].value_counts().to_dict())
                for first in range(0, len(records), _ROWS):
                    lines = _lines(contig, records.iloc[first : first + _ROWS], transcripts.get(contig, []))
                    handle.write("".join(lines).encode())
        pysam.tabix_index(str(temporary), preset="vcf", index=str(temporary_index), force=True)
    return {CONSEQUENCES[code]: int(counts[code]) for code in sorted(counts)}


def _header(lengths: pd.Series, reference: str) -> Iterator[str]:
    yield "##fileformat=VCFv4.3\n"
    yield f"##source=Genoglot {__version__}\n"
    yield f"##reference={reference}\n"
    for name, length in lengths.items():
        yield f"##contig=<ID={name},length={length}>\n"
    for name, description in _INFO.items():
        yield f'##INFO=<ID={name},Number=A,Type=String,Description="{description}">\n'
    yield "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"


def _lines(contig: str, records: pd.DataFrame, transcripts: list[Transcript]) -> Iterator[str]:
    suffixes = [
        f";GENE={_escaped(item.gene)};TRANSCRIPT={_escaped(item.transcript)};STRAND={item.strand}"
        for item in transcripts
    ]
    # lists: iterating over columns is several times slower
    columns = ("pos", "ref", "alt", "consequence", "transcript", "codon_ref", "codon_alt")
    values = (records[name].tolist() for name in columns)
    for pos, ref, alt, term, number, before, after in zip(*values, strict=True):
        info = f"CONSEQUENCE={CONSEQUENCES[term]}"
        if number >= 0:
            info += suffixes[number]
        if before:
            info += f";CODON={before}/{after}"
        yield f"{contig}\t{pos + 1}\t.\t{BASES[ref]}\t{BASES[alt]}\t.\t.\t{info}\n"


def _escaped(text: str) -> str:
    """Percent-encode what VCF 4.3 does not allow in an INFO value."""
    return quote(text, safe="!\"#$&'()*+-./:<>?@[\\]^_`{|}~")
