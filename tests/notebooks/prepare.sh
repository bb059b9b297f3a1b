#!/usr/bin/env bash
# A runs folder for executing the committed notebooks with their defaults: England read, Wales with its cohorts.
set -euo pipefail
cd "$(dirname "$0")/../.."
snakemake --cores 2 --quiet all --rerun-incomplete -- runs/england/read.json runs/wales/notebooks/00-cohort.ipynb
rm -rf runs/nbval
for audit in england wales; do
  mkdir -p "runs/nbval/$audit/results"
  cp -r "runs/$audit/canonical" "runs/$audit/read.json" "runs/nbval/$audit/"
  cp "runs/$audit/results/data_quality.parquet" "runs/nbval/$audit/results/"
done
cp runs/wales/analysis.parquet runs/nbval/wales/
cp runs/wales/results/primary.parquet runs/nbval/wales/results/
