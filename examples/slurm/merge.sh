#!/bin/bash
# Puts the shards of examples/slurm/study.sh together: the same files as one run.
#SBATCH --job-name=kronfit-merge
#SBATCH --time=00:10:00
set -euo pipefail
results=$1
srun kronfit study merge "$results"/shard-* -o "$results/all"
