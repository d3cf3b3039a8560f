#!/bin/bash
# One study as a Slurm array job: every task does one shard, a last job merges them.
#
#     sbatch --array=1-20 examples/slurm/study.sh studies/robustness.toml /scratch/robustness
#
# Tasks may be requeued or resubmitted at any time: --resume starts a shard that has not begun and
# continues one that was cut off. Submit the merge to run when all tasks are done:
#
#     sbatch --dependency=afterok:JOBID examples/slurm/merge.sh /scratch/robustness
#SBATCH --job-name=kronfit-study
#SBATCH --cpus-per-task=4
#SBATCH --mem=2G
#SBATCH --time=04:00:00
#SBATCH --requeue
# The signal reaches kronfit some time before the limit: it finishes the replicates in flight,
# keeps everything, and ends with code 1.
#SBATCH --signal=TERM@60
set -euo pipefail
study=$1
results=$2
shard="$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT"
mkdir -p "$results"
export OPENBLAS_NUM_THREADS=1
srun kronfit --quiet --threads "$SLURM_CPUS_PER_TASK" study "$study" \
  -o "$results/shard-$SLURM_ARRAY_TASK_ID" --shard "$shard" --resume
