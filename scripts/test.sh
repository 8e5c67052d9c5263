#!/usr/bin/env bash
# Runs every test. Brings what the tests need besides npm's packages: Debian's Chromium, if there is none and we may install it.
set -euo pipefail
cd "$(dirname "$0")/.."

find_chromium() {
  command -v chromium || command -v chromium-browser || command -v google-chrome || true
}

if [ -z "${CHROMIUM_PATH:-}" ]; then
  CHROMIUM_PATH=$(find_chromium)
  if [ -z "$CHROMIUM_PATH" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "No Chromium found: installing Debian's for the browser tests."
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends chromium >/dev/null
    CHROMIUM_PATH=$(find_chromium)
  fi
fi
if [ -z "$CHROMIUM_PATH" ]; then
  echo "No Chromium found: the browser tests need one. Install it (Debian: apt-get install chromium) or set CHROMIUM_PATH." >&2
  exit 1
fi
export CHROMIUM_PATH

mkdir -p .cache
rm -f .cache/test-report.json
npx vitest run --reporter=default --reporter=json --outputFile.json=.cache/test-report.json "$@"
