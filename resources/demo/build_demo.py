"""Rebuild the demo genome from the Debian package gbrowse-data (see ../README.md).

    python build_demo.py PACKAGE [DESTINATION]

PACKAGE is the folder into which the package was unpacked (`dpkg-deb -x gbrowse-data_*.deb PACKAGE`), DESTINATION
where the two files go (default: beside this script). The files are the same bytes at every run with the same zlib.
"""

import gzip
import sys
from collections import Counter
from pathlib import Path

DATABASES = Path("var/lib/gbrowse/databases")
SEQUENCES = ("yeast_scaffolds/chr1.fa", "yeast_scaffolds/chr2.fa")
FEATURES = "yeast_chr1+2/yeast_chr1+2.gff3"
# What a reader needs to find a feature again; descriptions and cross references are four fifths of the file.
KEPT_ATTRIBUTES = ("ID", "Parent", "Name", "gene", "Alias", "orf_classification")
# Rows of this source only mark places in GBrowse's tutorial; they repeat genes under another type.
TUTORIAL_SOURCE = "landmark"
COLUMNS = 9


def write_gzip(path: Path, text: str) -> None:
    """Write gzip without a time or a file name in its header, so that the same text gives the same bytes."""
    with (
        open(path, "wb") as raw,
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=9) as handle,
    ):
        handle.write(text.encode("ascii"))


def sequences(databases: Path) -> str:
    """The FASTA records, each ending with a newline."""
    return "".join((databases / name).read_text().rstrip("\n") + "\n" for name in SEQUENCES)


def short_attributes(attributes: str) -> str:
    pairs = (pair.split("=", 1) for pair in attributes.split(";") if "=" in pair)
    return ";".join(f"{key}={value}" for key, value in pairs if key in KEPT_ATTRIBUTES)


def is_well_formed(fields: list[str]) -> bool:
    return len(fields) == COLUMNS and fields[3].isdigit() and fields[4].isdigit() and int(fields[3]) <= int(fields[4])


def features(databases: Path) -> tuple[str, Counter]:
    """The kept GFF3 rows, and how many rows were kept or left out and why."""
    kept = ["##gff-version 3"]
    counts: Counter = Counter()
    for line in (databases / FEATURES).read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        fields = line.split("\t")
        if not is_well_formed(fields):
            counts["malformed"] += 1
        elif fields[1] == TUTORIAL_SOURCE:
            counts[TUTORIAL_SOURCE] += 1
        else:
            counts["kept"] += 1
            kept.append("\t".join([*fields[:8], short_attributes(fields[8])]))
    return "\n".join(kept) + "\n", counts


def main(package: str, destination: str | None = None) -> None:
    databases = Path(package) / DATABASES
    folder = Path(destination) if destination else Path(__file__).parent
    write_gzip(folder / "scer_chrI_chrII.fa.gz", sequences(databases))
    text, counts = features(databases)
    write_gzip(folder / "scer_chrI_chrII.gff3.gz", text)
    print(", ".join(f"{reason}: {number} rows" for reason, number in sorted(counts.items())))


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(*sys.argv[1:])
