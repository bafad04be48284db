"""Task heads on a pretrained backbone, beside their from-scratch twins."""

# what a training begins with
PRETRAINED, FROM_SCRATCH = "pretrained", "from_scratch"
STARTS = (PRETRAINED, FROM_SCRATCH)
