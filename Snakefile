# The workflow is workflow/Snakefile, which is where a workflow that is imported from a host such as GitHub begins.
include: "workflow/Snakefile"


# an included file cannot say what is made by default
rule default:
    default_target: True
    input:
        rules.all.input,
