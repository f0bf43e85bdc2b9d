#!/usr/bin/env bash
# Install the heavy real parts that `make test-real` runs against: Debian packages, and Python
# packages in environments of their own. Safe to run again.
set -euo pipefail
cd "$(dirname "$0")/../.."

packages=(prometheus prometheus-alertmanager chromium)
missing=()
for package in "${packages[@]}"; do
	dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
if ((${#missing[@]})); then
	echo "==> installing ${missing[*]}"
	run=()
	[ "$(id -u)" = 0 ] || run=(sudo)
	"${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq
	"${run[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi

if [ ! -x .venvs/chdb/bin/python ]; then
	echo "==> installing chdb, the engine of ClickHouse, into .venvs/chdb"
	.venv/bin/python -m venv .venvs/chdb
	.venvs/chdb/bin/python -m pip install --quiet --disable-pip-version-check 'chdb>=4,<5' 'lz4>=4,<5'
fi

if [ ! -x .venvs/phoenix/bin/phoenix ]; then
	echo "==> installing arize-phoenix into .venvs/phoenix"
	.venv/bin/python -m venv .venvs/phoenix
	.venvs/phoenix/bin/python -m pip install --quiet --disable-pip-version-check 'arize-phoenix>=20,<21'
fi
