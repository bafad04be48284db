"""All possible single-nucleotide variants of a region or genome."""
