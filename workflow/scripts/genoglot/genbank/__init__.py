"""GenBank flat files: sequence as FASTA, features as rows of a GFF3."""
