#!/usr/bin/env bash
# Makes the two base images of the Containerfile without any registry: Debian by debootstrap, and on top of it what a Swift toolchain
# needs. The toolchain itself is this machine's, mounted while the image is built. Images that are there already are kept.
#
#   base_images.sh STORE     prints the arguments for buildah build, one a line
set -euo pipefail
store=$1
runtime=localhost/cristae-test/debian:bookworm-slim
build=localhost/cristae-test/swift:6.3-bookworm
here=$(cd "$(dirname "$0")" && pwd)
export CONTAINERS_CONF=$here/containers.conf
mkdir -p "$store"
storage=(--root "$store/images" --runroot "$store/run")
exists() { podman "${storage[@]}" image exists "$1"; }

swift=$(dirname "$(dirname "$(dirname "$(readlink -f "$(command -v swift)")")")")
if ! exists "$runtime"; then
    mirror=$(grep -rhoE 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d 2> /dev/null | grep -v snapshot | head -n 1) || true
    rm -rf "$store/rootfs"
    debootstrap --variant=minbase bookworm "$store/rootfs" "${mirror:-http://deb.debian.org/debian}" > "$store/debootstrap.log" 2>&1 \
        || { tail -n 5 "$store/debootstrap.log" >&2; exit 1; }
    rm -rf "$store"/rootfs/var/cache/apt/archives/*.deb "$store"/rootfs/var/lib/apt/lists/*
    # What the official slim image leaves out.
    rm -rf "$store"/rootfs/usr/share/{doc,man,locale,info,lintian,linda}/*
    cp /etc/apt/sources.list.d/debian.sources "$store/rootfs/etc/apt/sources.list.d/" 2> /dev/null && : > "$store/rootfs/etc/apt/sources.list"
    tar -C "$store/rootfs" -c . | podman "${storage[@]}" import -q - "$runtime" >&2
    rm -rf "$store/rootfs"
fi
# A mirror of the Swift packages on this machine, where git is set to use one.
mirror=$(git config --system --get-regexp 'url\..*\.insteadof' 2> /dev/null | sed -nE 's/^url\.(\/.*)\.insteadof https:\/\/github\.com\/$/\1/p' | head -n 1) || true
if ! exists "$build"; then
    buildah "${storage[@]}" build --quiet --isolation chroot --network host --pull-never -t "$build" -f - "$here" >&2 <<CONTAINERFILE
FROM $runtime
RUN apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
    ca-certificates git gcc g++ libc6-dev libstdc++-12-dev binutils libxml2 libncurses6 libedit2 libsqlite3-0 libpython3.11 zlib1g \
    libcurl4 tzdata && rm -rf /var/lib/apt/lists/*
RUN git config --system --add safe.directory '*'$([ -z "$mirror" ] || echo " && git config --system url.$mirror.insteadOf https://github.com/")
ENV PATH=$swift/usr/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
CONTAINERFILE
fi
printf '%s\n' --build-arg "BUILD_IMAGE=$build" --build-arg "RUNTIME_IMAGE=$runtime" --volume "$swift:$swift:ro"
[ -z "$mirror" ] || printf '%s\n' --volume "$mirror:$mirror:ro"
