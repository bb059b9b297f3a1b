#!/usr/bin/env bash
# A runs folder for executing the committed notebooks with their defaults: England read, Wales with its cohorts.
set -euo pipefail
cd "$(dirname "$0")/../.."
naome workflow runs/england/.read runs/wales/notebooks/00-cohort.ipynb
rm -rf runs/nbval
for audit in england wales; do
  mkdir -p "runs/nbval/$audit"
  cp -r "runs/$audit/inputs" "runs/nbval/$audit/"
done
mkdir runs/nbval/wales/results
cp runs/wales/analysis.parquet runs/nbval/wales/
cp runs/wales/results/primary.parquet runs/nbval/wales/results/
