"""Genomic language models: architectures, training, likelihood and inference."""
