#!/usr/bin/env bash
# Everything that CI proves, in order of cost; the first failure stops the run.
set -euo pipefail
cd "$(dirname "$0")/.."
export NAOME_NO_QUARTO=1
step() { printf '\n== %s\n' "$*"; }

step "lint and format"
ruff check .
ruff format --check .

step "unit, reference, spec, site and strictness tests"
pytest -q -n 2 --dist loadscope tests --ignore tests/chain -m "not chain"

step "whole chains: small extracts, real people of Rotterdam, extracts that are real for the program, a strict policy"
pytest -q -n 2 --dist loadfile tests/chain -m chain

step "synthetic extracts and canonical tables for the notebooks' defaults"
bash tests/notebooks/prepare.sh

step "nbval: the committed notebooks, executed again and compared, strictly"
NAOME_RUNS="$PWD/runs/nbval" PYTHONPATH=tests/notebooks pytest -q -p warm_start -p no:cacheprovider -p no:xdist -W default \
  --nbval --nbval-sanitize-with tests/notebooks/sanitise.cfg notebooks
