"""Bring the model of others, from a folder or from the Hugging Face hub, into the form that the workflow reads."""

from pathlib import Path

from genoglot.model.importing import import_model
from genoglot.scripting import logged

with logged(snakemake.log[0]):
    import_model(
        source=snakemake.params.source,
        revision=snakemake.params.revision,
        output=Path(snakemake.output.weights).parent,
        window=snakemake.params.window,
        trust_remote_code=snakemake.params.trust_remote_code,
    )
