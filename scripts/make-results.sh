#!/usr/bin/env bash
# npm run results -- RUN...: docs/results.md with its pictures, from the runs of the paper's experiments. Nothing in it is
# typed by hand. Folders of this machine become the words that docs/reproduce.md uses for them.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ $# -eq 0 ]; then
  echo "make-results: expected folders of runs, got none. For example: npm run results -- RUN COCO-RUN" >&2
  exit 2
fi
npm run --silent build
rm -rf docs/results
node dist/cli/main.js report "$@" --format md --compare paper --out docs/results
# The data set of a run is imagenet:DATA/imagenet or coco:DATA/coco/...
data=$(node -p 'const { dataset } = JSON.parse(require("fs").readFileSync(process.argv[1] + "/run.json", "utf8")).configuration; dataset.replace(/^.*?:/, "").replace(/[/](imagenet|coco)([/,].*)?$/, "")' "$1")
sed -i -e "s|${data}/|DATA/|g" -e 's|--out [^ `]*/\([^ /`]*\)|--out \1|g' docs/results.md
