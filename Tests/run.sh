#!/usr/bin/env bash
# Everything that must hold before a change lands: Debian packages, Python for the readers' side of the tests, lint, build without
# warnings, all tests. Needs Debian 12 (or a relative) with Swift 6.2 or later; installs what is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(git ca-certificates g++ pkg-config libhdf5-dev libcurl4-openssl-dev libblosc-dev libzstd-dev libdeflate-dev
    libbz2-dev liblzma-dev liblz4-dev python3 python3-venv)
# For Tests/Cluster, which runs only where it may mount file systems and start daemons of its own.
[ "$(id -u)" != 0 ] || packages+=(slurm-wlm slurm-client munge podman buildah runc debootstrap strace e2fsprogs procps)
missing=()
for package in "${packages[@]}"; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
    sudo=()
    [ "$(id -u)" = 0 ] || sudo=(sudo)
    "${sudo[@]}" apt-get update -q
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
fi

# A folder of our own: the system's Python is left alone. The stamp names what is in it.
stamp=.venv/requirements-$(sha256sum Tests/EndToEndTests/requirements.txt | cut -c1-12)
if [ ! -e "$stamp" ]; then
    rm -rf .venv
    python3 -m venv .venv
    .venv/bin/pip install --quiet --disable-pip-version-check -r Tests/EndToEndTests/requirements.txt
    touch "$stamp"
fi
export CRISTAE_PYTHON=$PWD/.venv/bin/python

swift format lint --strict --recursive Sources Tests Package.swift
log=$(mktemp)
trap 'rm -f "$log"' EXIT
swift build --build-tests 2>&1 | tee "$log"
if grep -E "$PWD/(Sources|Tests)/.*warning:" "$log"; then
    echo "the build has warnings" >&2
    exit 1
fi
swift test --skip-build "$@"
