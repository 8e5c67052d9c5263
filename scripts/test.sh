#!/usr/bin/env bash
# Runs every test. Brings what the tests need besides npm's packages, where it is missing and we may install it: Debian's
# Chromium (for the page) and redis-server (for the queue).
set -euo pipefail
cd "$(dirname "$0")/.."

find_chromium() {
  command -v chromium || command -v chromium-browser || command -v google-chrome || true
}

missing=()
[ -n "${CHROMIUM_PATH:-$(find_chromium)}" ] || missing+=(chromium)
command -v redis-server >/dev/null || missing+=(redis-server)
if [ ${#missing[@]} -gt 0 ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Not found: ${missing[*]}. Installing Debian's for the tests."
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq || true
  for package in "${missing[@]}"; do
    apt-get install -y -qq --no-install-recommends "$package" >/dev/null || true
  done
fi

CHROMIUM_PATH=${CHROMIUM_PATH:-$(find_chromium)}
if [ -z "$CHROMIUM_PATH" ]; then
  echo "No Chromium found: the browser tests need one. Install it (Debian: apt-get install chromium) or set CHROMIUM_PATH." >&2
  exit 1
fi
export CHROMIUM_PATH
if ! command -v redis-server >/dev/null; then
  echo "No redis-server found: the queue is not tested. Install it (Debian: apt-get install redis-server)." >&2
fi

mkdir -p .cache
rm -f .cache/test-report.json
npx vitest run --reporter=default --reporter=json --outputFile.json=.cache/test-report.json "$@"
