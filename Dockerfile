# Genoglot with everything that it runs, at the versions of requirements.lock:
#
#   docker build -t genoglot .                                  # PyTorch with CUDA, for NVIDIA and for CPUs
#   docker build -t genoglot --build-arg PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu .    # smaller, CPU only
#   docker run --rm --user "$(id -u)" -v "$PWD:/study" genoglot --cores all --configfile config.yaml
#
# The study is the folder mounted at /study. `--gpus all` gives it the machine's GPUs.
FROM python:3.11-slim-bookworm

ARG PIP_EXTRA_INDEX_URL=

# bedtools is what pybedtools calls; rsync and git are called by plugins of Snakemake and by imports from a host
RUN apt-get update \
    && apt-get install --yes --no-install-recommends bedtools git rsync \
    && rm -rf /var/lib/apt/lists/*

COPY requirements.lock /opt/genoglot/
RUN pip install --no-cache-dir --requirement /opt/genoglot/requirements.lock

COPY Snakefile LICENSE /opt/genoglot/
COPY workflow /opt/genoglot/workflow
COPY profiles /opt/genoglot/profiles
COPY envs /opt/genoglot/envs
COPY config /opt/genoglot/config
COPY resources /opt/genoglot/resources

# caches of numba, matplotlib, transformers and Snakemake, wherever the user who runs it may write
ENV HOME=/tmp XDG_CACHE_HOME=/tmp/cache NUMBA_CACHE_DIR=/tmp/cache/numba MPLCONFIGDIR=/tmp/cache/matplotlib

WORKDIR /study
ENTRYPOINT ["python", "-m", "snakemake", "--snakefile", "/opt/genoglot/Snakefile"]
CMD ["--help"]
