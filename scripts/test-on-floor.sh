#!/usr/bin/env bash
# Runs tests on the oldest Node that the packages allow. Arguments: which (as for `npm test --`). Vitest 4 does not start
# there; vitest 3 does, in a copy of the working tree whose packages are links to those here.
set -euo pipefail
cd "$(dirname "$0")/.."
node=$(node -p 'require("./packages/core/package.json").engines.node.slice(2)').0
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT

git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$copy"
mkdir "$copy/node_modules"
find node_modules -mindepth 1 -maxdepth 1 ! -name .cache -print0 |
  xargs -0 sh -c 'cp -al "$@" "$0/" 2>/dev/null || cp -a "$@" "$0/"' "$copy/node_modules"
for made in packages/*/{dist,generated,node_modules}; do
  [ ! -d "$made" ] || cp -a "$made" "$copy/$made"
done

cd "$copy"
npm install --no-save --no-fund --no-audit --loglevel=error --prefer-offline \
  vitest@3.2.4 vite@6.4.6 @fast-check/vitest@0.2.4
echo "Node $node"
# There, files are opened through io_uring, as whoever the process was when it began: tests that become nobody stay root.
export UV_USE_IO_URING=0
npx --yes --package "node@$node" -- node node_modules/vitest/vitest.mjs run "$@"
