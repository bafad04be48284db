# What a job asks of the machines: memory, time, GPUs, and how a training is spread over them.


def hardware(wildcards, output):
    """As `mirrors`: what a training runs on is not what it makes."""
    return study.models[wildcards.model]["hardware"]


def training_gpus(wildcards):
    """GPUs that a training asks for, of all its machines together; where it takes what there is, one of each."""
    devices = study.models[wildcards.model]["hardware"]["devices"]
    return (1 if devices == "auto" else devices) * training_nodes(wildcards)


def training_nodes(wildcards):
    """Machines that a training runs on; on each, one task starts the processes of its devices."""
    return study.models[wildcards.model]["hardware"]["nodes"]


def training_launcher(wildcards):
    """What starts a training's tasks: `srun` on several machines, once the job is there; on one there is no need."""
    return "srun" if training_nodes(wildcards) > 1 else None


def training_options(wildcards):
    """What Slurm is told of a training and has no resource of its own: a signal two minutes before the time is up, for
    its state to be saved, and that each machine gives as many GPUs as the others."""
    nodes = training_nodes(wildcards)
    even = f" --gpus-per-node={training_gpus(wildcards) // nodes}" if nodes > 1 else ""
    return f"--signal=TERM@120{even}"


def size_mb(files):
    """Megabytes of files, or of one; those that are not there yet, as in a group of jobs, count nothing."""
    paths = map(Path, [files] if isinstance(files, str) else files)
    return sum(path.stat().st_size for path in paths if path.is_file()) / 1e6


def growing(amount, **per_mb):
    """A resource that is more where inputs are large, `per_mb` of each megabyte of those named.

    It doubles at the second attempt and at the third, and no more: further ones are of machines that were lost.
    """

    def resource(wildcards, input, attempt):
        more = sum(factor * size_mb(input[name]) for name, factor in per_mb.items())
        return math.ceil(amount + more) * 2 ** min(attempt - 1, 2)

    return resource


def mem_mb(megabytes, **per_mb):
    """Memory in megabytes."""
    return growing(megabytes, **per_mb)


def runtime(minutes, **per_mb):
    """A limit of time in minutes."""
    return growing(minutes, **per_mb)
