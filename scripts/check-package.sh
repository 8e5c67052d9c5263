#!/usr/bin/env bash
# Checks the package as npm would publish it: entry points and types (publint, attw), and files or exports that nothing uses (knip).
set -euo pipefail
cd "$(dirname "$0")/.."
npm run --silent build
npx publint --strict
npx attw --pack . --profile esm-only
npx knip
