"""Snakemake, as from the command line, that looks after its cluster jobs once a second.

The Slurm plugin waits ten seconds longer after each look at which no job had finished, which is kind to a controller
with thousands of users, and most of what a test of short jobs would take.
"""

from snakemake import cli
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor

RemoteExecutor.next_seconds_between_status_checks = property(lambda _: 1, lambda _, seconds: None)

if __name__ == "__main__":
    cli.main()
