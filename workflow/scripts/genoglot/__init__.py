"""Genoglot: genomic language models as a Snakemake workflow.

The library behind the workflow's scripts. It knows nothing of Snakemake; coordinates are 0-based
and half-open everywhere inside, and are converted only where a format is read or written.
"""

__version__ = "0.1.0"
