"""Put the parts of a genome's embeddings together."""

from genoglot.embeddings.gather import gather_embeddings
from genoglot.scripting import logged

with logged(snakemake.log[0]):
    gather_embeddings(parts=snakemake.input.chunks, output=snakemake.output.embeddings)
