"""What a model sees at loci: predicted bases, effects of changes, and which bases depend on which."""
