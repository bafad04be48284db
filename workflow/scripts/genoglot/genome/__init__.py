"""One genome: its sequence, annotation, region classes and coding variants."""
