"""Small references and VCFs from which genomes are derived."""

from pathlib import Path

import pysam
import pysam.bcftools

BASES = "ACGT"


def write_reference(folder: Path, contigs: dict[str, str]) -> Path:
    path = folder / "genome.fa.gz"
    with pysam.BGZFile(str(path), "wb") as handle:
        handle.write("".join(f">{name}\n{text}\n" for name, text in contigs.items()).encode())
    pysam.faidx(str(path))
    return path


def vcf_text(*records: str, samples: str = "S", contigs: tuple[str, ...] = ("c", "d")) -> str:
    """Records as `contig position REF ALT genotype...`."""
    lines = ["##fileformat=VCFv4.2", '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">']
    lines += [f"##contig=<ID={name}>" for name in contigs]
    lines.append(f"#CHROM POS ID REF ALT QUAL FILTER INFO FORMAT {samples}".replace(" ", "\t"))
    for record in records:
        contig, position, ref, alt, *calls = record.split(" ")
        lines.append("\t".join([contig, position, ".", ref, alt, ".", ".", ".", "GT", *calls]))
    return "\n".join(lines) + "\n"


def read_fasta(path: Path) -> dict[str, str]:
    with pysam.FastxFile(str(path)) as handle:
        return {record.name: record.sequence or "" for record in handle}


def upper(sequences: dict[str, str]) -> dict[str, str]:
    return {name: text.upper() for name, text in sequences.items()}
