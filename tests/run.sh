#!/usr/bin/env bash
# Everything that CI proves, in order of cost; the first failure stops the run.
set -euo pipefail
cd "$(dirname "$0")/.."
export NAOME_NO_QUARTO=1
step() { printf '\n== %s\n' "$*"; }

step "lint and format"
ruff check .
ruff format --check .

if [ "${1:-}" = quick ]; then
  # What a change in one room needs: the tests of the rooms whose files differ from the last commit of main, and a core;
  # definitions and parameters are read by rooms that a list of files does not show
  changed=$(git diff --name-only "$(git merge-base HEAD main 2>/dev/null || echo HEAD)"; git ls-files -o --exclude-standard)
  rooms=$(sed -nE 's#^(src/naome|tests/unit)/([a-z]+)/.*#\2#p; s#^stats$#reference#p; s#^src/naome_synthetic/.*#synthetic#p; s#^src/(sitepreview)/.*#\1#p; s#^(definitions|params)/.*#cohort\nmeasures\nreport#p' <<< "$changed" | sort -u)
  step "quick: project, plan and run; rooms that changed: ${rooms:-none}"
  folders=$(for room in $rooms; do for folder in "tests/unit/$room" "tests/spec/$room" "tests/$room"; do
    test ! -d "$folder" || echo "$folder"; done; done)
  # shellcheck disable=SC2086
  exec pytest -q -p no:nbval -n 2 tests/unit/test_project.py tests/unit/core tests/notebooks $folders
fi

# nbval reads notebooks for the last step only; its plugin would be imported by every process of the others
step "unit, reference, spec, site and strictness tests"
pytest -q -p no:nbval -n 2 --dist loadscope --durations=15 tests --ignore tests/chain -m "not chain"

step "whole chains: small extracts, real people of Rotterdam, extracts that are real for the program, a strict policy"
pytest -q -p no:nbval -n 2 --dist loadfile --durations=10 tests/chain -m chain

step "synthetic extracts and canonical tables for the notebooks' defaults"
bash tests/notebooks/prepare.sh

step "nbval: the committed notebooks, executed again and compared, strictly"
python tests/notebooks/stages.py | while read -r stage; do
  # shellcheck disable=SC2086
  NAOME_RUNS="$PWD/runs/nbval" PYTHONPATH=tests/notebooks pytest -q -n 2 --dist loadfile -p warm_start -p no:cacheprovider \
    -W default --nbval --nbval-sanitize-with tests/notebooks/sanitise.cfg $stage < /dev/null
done
