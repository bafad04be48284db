"""What an ALT allele changes in the prediction of a task's head."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pysam

from genoglot.examples.sequences import row_chunks
from genoglot.examples.target import Target
from genoglot.files import atomic_path, read_json, write_json
from genoglot.genome.names import ContigNames
from genoglot.genome.store import BLOCK, Genome, forget
from genoglot.model.hardware import prepare
from genoglot.predictions.names import info_key, named
from genoglot.tasks.heads import Head, load_head
from genoglot.variants.alleles import SCORED, Alleles, read_alleles
from genoglot.variants.counts import Counts
from genoglot.variants.fields import (
    FIELDS,
    REASON,
    Field,
    VcfWriter,
    info_texts,
    new_header,
    scores_schema,
    scores_table,
)
from genoglot.variants.haplotypes import longest_allele, pair_windows
from genoglot.variants.records import AT_ONCE, VariantFile, batches, open_variants
from genoglot.variants.splitting import refuse_fields, split_variants

log = logging.getLogger(__name__)


def prefixes(paired: bool) -> tuple[str, ...]:
    """What columns begin with; that of the INFO fields is the last."""
    return ("effect_",) if paired else ("ref_", "alt_", "difference_")


def allele_fields(task: str, target: Target, paired: bool) -> list[Field]:
    """The INFO field of each output, and `REASON`; `InputError` where names clash."""
    keys = named(target.names, lambda name: info_key(task, name), "INFO field", {field.name for field in FIELDS})
    of = "by REF and ALT" if paired else "with ALT - with REF"
    unit = "value" if target.kind == "values" else "probability"
    return [
        *(
            Field(f"{prefixes(paired)[-1]}{name}", key, f"Predicted {unit} of {_words(name)} {of}, task {task}")
            for name, key in zip(target.names, keys, strict=True)
        ),
        REASON,
    ]


def _words(name: str) -> str:
    """A name as the description of a header may hold it, which is a format too."""
    return name.replace("\\", "/").replace('"', "'").replace("{", "(").replace("}", ")")


@dataclass(frozen=True)
class Reader:
    """A head and a genome."""

    head: Head
    genome: Genome
    batch_size: int
    precision: str

    def read(self, alleles: Alleles) -> dict[str, np.ndarray]:
        """Float32 columns (alleles,): predictions with REF and with ALT, and their difference; NaN where none is. Of a
        head that reads pairs, its predictions.

        Either allele stands in the middle of a window of the head's length, the bases of a repeat in which an indel
        can be written at several places included (`genoglot.variants.haplotypes`).
        """
        rows, names = np.flatnonzero(alleles.reason == SCORED), self.head.target.names
        found = np.full((2, len(alleles.record), len(names)), np.nan, dtype=np.float32)
        for part in row_chunks(len(rows), self.head.length):
            here = rows[part]
            edits = [alleles.edits[row] for row in here]
            codes, _ = pair_windows(self.genome, alleles.contig[here], edits, self.head.length)
            for number, read in enumerate([codes] if self.head.paired else codes.swapaxes(0, 1)):
                found[number, here] = self.head.model.predict(read, self.batch_size, self.precision)
        columns = found[:1] if self.head.paired else (*found, found[1] - found[0])
        return {
            f"{prefix}{name}": np.ascontiguousarray(values[:, number])
            for prefix, values in zip(prefixes(self.head.paired), columns, strict=True)
            for number, name in enumerate(names)
        }


def predict_variants(
    vcf: Path,
    backbone: Path,
    head: Path,
    sequence: Path,
    output: Path,
    settings: Mapping[str, Any],
    description: Mapping[str, str],
    threads: int,
    names: Path | None = None,
    contigs: list[str] | None = None,
) -> None:
    """Write what each ALT allele changes: `predictions.vcf.gz` with its index, `predictions.parquet`, `summary.json`.

    All records come out, in order and as they were; an allele without a value has a reason. Memory does not depend on
    the number of records.

    Args:
        vcf: VCF, BCF or table, sorted; CHROM may be any of a contig's `names`.
        backbone, head, sequence: the model's folder, the head's, and that of the tokenized genome.
        output: folder to write into.
        settings: `max_length`, most bases of an allele, if half of the window is not less; `max_mismatch`, see
            `split_variants`; `batch_size` and `precision`.
        description: `prediction`, `task` and `model`.
        contigs: to which records are restricted; None: all are kept.

    Raises:
        InputError: the head is of another backbone, the file cannot be read, is not sorted, is of another genome, or
            has a field of ours.
    """
    precision = prepare(threads, settings["precision"])
    genome, trained = Genome(Path(sequence)), load_head(head, backbone)
    reader = Reader(trained, genome, settings["batch_size"], precision)
    fields = allele_fields(description["task"], trained.target, trained.paired)
    refuse_fields(open_variants(vcf), vcf, {field.name for field in fields})
    output = Path(output)
    output.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=output, prefix=".checked-") as folder:
        checked, report = Path(folder) / "variants.vcf.gz", Path(folder) / "split.json"
        split_variants(vcf, sequence, [checked], report, contigs, settings["max_mismatch"], names)
        known = ContigNames.of(genome.contigs.index, names)
        longest = longest_allele(trained.length, settings["max_length"])
        counts = _write(open_variants(checked), reader, known, longest, fields, output, description["model"])
        split = read_json(report)
    kept = {key: split[key] for key in ("contigs", "ref_checked", "ref_mismatches")}
    target = {"target": trained.target.kind, "length": trained.length}
    write_json(output / "summary.json", {**description, **target, **counts.describe(), **kept})


def _write(
    source: VariantFile,
    reader: Reader,
    known: ContigNames,
    longest: int,
    fields: Sequence[Field],
    output: Path,
    model: str,
) -> Counts:
    """Write VCF, index and table of all records; return what was counted."""
    path, counts = output / "predictions.vcf.gz", Counts()
    both = [
        Field(f"{prefix}{name}", "", "") for prefix in prefixes(reader.head.paired) for name in reader.head.target.names
    ]
    schema = scores_schema([*both, REASON])
    with (
        atomic_path(path) as vcf_path,
        atomic_path(Path(f"{path}.tbi")) as index,
        atomic_path(output / "predictions.parquet") as table,
        pq.ParquetWriter(table, schema, compression="zstd") as parquet,
    ):
        writer = VcfWriter(vcf_path, new_header(source.header, model, "", fields))
        for records in batches(source.records(), AT_ONCE, BLOCK):
            alleles = read_alleles(records, reader.genome, known, longest)
            values = reader.read(alleles)
            writer.write(records, info_texts(len(records), alleles, values, fields))
            parquet.write_table(scores_table(records, alleles, values, schema))
            counts.add(records, alleles)
            log.info("%d records read", counts.records)
            forget(reader.genome.bases)
        writer.close()
        pysam.tabix_index(str(vcf_path), preset="vcf", index=str(index), force=True)
    return counts
