"""Annotations: GFF3 and GTF in, one normalised GFF3 out, and what its features stand for."""
