"""Genomic language models: architectures, likelihood and inference."""
