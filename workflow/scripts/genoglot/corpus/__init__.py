"""Corpora: windows over genomes, their splits, batches and Markov baselines."""
