#!/usr/bin/env bash
# sbatch docs/cluster/slurm.sh RUN --genome connectome stats-prior random --task swimmer --seeds 10 --graphs 5
#
# A Ray cluster on the nodes of the job, and one run on it. Two minutes before its time is up the job is told;
# the run then finishes its generation and writes a checkpoint. Submit the same line again to go on.
# Submit it from the checkout, with neuroevo's environment active; the nodes share it, RUN and home folders.
#SBATCH --job-name=neuroevo
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --exclusive
#SBATCH --time=12:00:00
#SBATCH --signal=B:TERM@120
set -euo pipefail
run=$1
shift
export RAY_AUTH_MODE=token
test -f ~/.ray/auth_token || (umask 077 && ray get-auth-token --generate > /dev/null)

mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
head=${nodes[0]}
# What the last node calls the first: a machine's own name for itself may be 127.0.1.1.
address=$(srun --nodes=1 --ntasks=1 -w "${nodes[-1]}" getent ahostsv4 "$head" | awk 'NR == 1 {print $1}'):6379
srun --overlap --nodes=1 --ntasks=1 -w "$head" ray start --head --node-ip-address="${address%:*}" --port=6379 \
  --dashboard-host=127.0.0.1 --block &
until ray status --address "$address" > /dev/null 2>&1; do
  kill -0 $! || exit 1  # it does not start; its own message stands above
  sleep 1
done
for node in "${nodes[@]:1}"; do
  srun --overlap --nodes=1 --ntasks=1 -w "$node" ray start --address="$address" --block &
done

if [ -d "$run" ]; then
  python run.py resume "$run" --address "$address" &
else
  python run.py "$@" --out "$run" --address "$address" &
fi
driver=$!
trap 'kill -TERM $driver' TERM
while kill -0 $driver 2> /dev/null; do wait $driver || true; done  # a trap ends a wait, but not the run
wait $driver
