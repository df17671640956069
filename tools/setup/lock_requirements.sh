#!/usr/bin/env bash
# Writes requirements*.txt from requirements*.in: every package with its exact version and the
# hashes of all its files, for Python 3.11 and newer. Run it after changing a .in file.
set -euo pipefail
cd "$(dirname "$0")"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
../../.venv/bin/python -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet uv
for list in requirements requirements-node; do
  echo "# From $list.in by lock_requirements.sh; do not edit." >"$scratch/$list.txt"
  "$scratch/venv/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
    --no-header --no-annotate "$list.in" >>"$scratch/$list.txt"
  mv "$scratch/$list.txt" "$list.txt"
done
