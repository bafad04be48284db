"""Variants: VCF in, VCF out, and honest evaluation."""
