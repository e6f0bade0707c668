#!/usr/bin/env bash
# Tasks on two clients of one NFSv4.2 server, killed in between: the same bytes as one process. In a virtual machine with Debian's kernel, since
# mounting NFS takes a kernel that has it; emulated, so it takes some ten minutes. Not part of Tests/run.sh. Run as root on Debian 12.
#
#   Tests/Cluster/nfs.sh [FOLDER]      FOLDER keeps the image, the kernel and the disk for the next time (.build/nfs)
#
# The program is the one of the Containerfile: optimised, Swift's libraries linked in.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$(dirname "$here")")
work=$(realpath -m -- "${1:-$root/.build/nfs}")
store=${CRISTAE_CONTAINER_STORE:-$root/.build/containers}
python=${CRISTAE_PYTHON:-$root/.venv/bin/python}
image=localhost/cristae-test/cristae:release
[ "$(id -u)" = 0 ] || { echo "nfs.sh: needs root" >&2; exit 1; }

missing=()
for package in qemu-system-x86 cpio zstd podman buildah runc debootstrap; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2> /dev/null | grep -qx installed || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
    apt-get update -q
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
fi
mkdir -p "$work"

echo "nfs.sh: the image"
export CONTAINERS_CONF=$here/containers.conf
storage=(--root "$store/images" --runroot "$store/run")
mapfile -t base < <("$here/base_images.sh" "$store")
[ ${#base[@]} -gt 0 ] || { echo "nfs.sh: no base images" >&2; exit 1; }
mkdir -p "$store/build"
buildah "${storage[@]}" build --quiet --layers --isolation chroot --network host --pull-never "${base[@]}" \
    --volume "$store/build:/src/.build" -t "$image" -f "$root/Containerfile" "$root"

echo "nfs.sh: the machine's disk"
disk=$work/disk
mounted=()
clean_up() { for place in "${mounted[@]}"; do umount "$place" || true; done; }
trap clean_up EXIT
rm -rf "$disk"
mkdir -p "$disk"
container=$(podman "${storage[@]}" create "$image")
podman "${storage[@]}" export "$container" | tar -C "$disk" -x
podman "${storage[@]}" rm "$container" > /dev/null
cp /etc/resolv.conf "$disk/etc/resolv.conf"
mount -t proc proc "$disk/proc"
mounted+=("$disk/proc")
chroot "$disk" sh -c 'mkdir -p /var/cache/apt/archives/partial /var/log/apt; apt-get update -q
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends nfs-kernel-server nfs-common iproute2 kmod procps python3-minimal \
        libpython3-stdlib
    rm -rf /var/lib/apt/lists/* /var/cache/apt/* /usr/share/doc /usr/share/locale /usr/share/man' > "$work/apt.log" 2>&1 \
    || { tail "$work/apt.log" >&2; exit 1; }
umount "$disk/proc"
mounted=()
kernel=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image/ { print $2; exit }')
if [ ! -e "$work/$kernel.deb" ]; then
    (cd "$work" && apt-get download -q -o APT::Sandbox::User=root "$kernel" && mv "$kernel"_*.deb "$kernel.deb")
fi
rm -rf "$work/kernel"
dpkg -x "$work/$kernel.deb" "$work/kernel"
mkdir -p "$disk/usr/lib/modules"
cp -a "$work"/kernel/lib/modules/* "$disk/usr/lib/modules/"
chroot "$disk" depmod "$(ls "$disk/usr/lib/modules")"
"$python" "$here/bucket.py" "$disk/bucket" --crops 24 > /dev/null
cp "$here/../EndToEndTests/servers/s3_server.py" "$disk/s3_server.py"
cp "$here/nfs_guest.sh" "$disk/init"
chmod 755 "$disk/init"
(cd "$disk" && find . -print0 | cpio --quiet -0 -o -H newc | zstd -1 -q > "$work/disk.cpio.zst")

echo "nfs.sh: the machine"
timeout 2400 qemu-system-x86_64 -machine q35 -accel tcg,thread=multi -cpu max -smp 2 -m 5120 -kernel "$work"/kernel/boot/vmlinuz-* \
    -initrd "$work/disk.cpio.zst" -append "console=ttyS0 panic=-1 quiet rdinit=/init" -nographic -no-reboot -nic none < /dev/null \
    | tr -d '\r' | tee "$work/console.log"
grep -q '^passed nfs' "$work/console.log"
