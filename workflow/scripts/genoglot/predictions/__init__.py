"""Heads of tasks put to use: on the windows of a genome, and on the alleles of variants."""
