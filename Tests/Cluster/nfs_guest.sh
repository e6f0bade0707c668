#!/bin/bash
# The first process of the virtual machine of nfs.sh: an NFS server, and two clients of it that look like two hosts to the program, each with its
# own network, mount, host name, process numbers and start of the machine.
export PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
mount -t tmpfs run /run
mount -t tmpfs data /mnt
ip link set lo up

finish() { echo "$*"; sync; echo o > /proc/sysrq-trigger; sleep 60; }
fail() {
    for log in /tmp/*.log; do echo "--- $log"; grep -v item_done "$log" | tail -n 5 | cut -c1-400; done
    finish "FAILED nfs: $*"
}

for module in nfsd nfs nfsv4 veth; do modprobe "$module" || fail "the kernel has no module $module"; done

# A server, and a bridge of its own to each of two clients.
mkdir -p /mnt/export /mnt/one /mnt/two /run/rpc_pipefs /var/lib/nfs/v4recovery /var/lib/nfs/sm
mount -t tmpfs export /mnt/export
mount -t nfsd nfsd /proc/fs/nfsd
number=0
for client in one two; do
    number=$((number + 1))
    ip netns add "$client"
    ip link add "to-$client" type veth peer name eth0 netns "$client"
    ip addr add "10.0.$number.1/24" dev "to-$client"
    ip link set "to-$client" up
    ip netns exec "$client" ip link set lo up
    ip netns exec "$client" ip addr add "10.0.$number.2/24" dev eth0
    ip netns exec "$client" ip link set eth0 up
    cat /proc/sys/kernel/random/uuid > "/tmp/boot-$client"
done
echo '/mnt/export *(rw,fsid=0,no_root_squash,no_subtree_check,insecure,sync)' > /etc/exports
rpcbind
exportfs -ra || fail "exportfs"
rpc.nfsd -G 10 -L 10 8 || fail "rpc.nfsd"
rpc.mountd
number=0
for client in one two; do
    number=$((number + 1))
    # In the client's network and with its name, so that kernel and server take it for a client of its own; seen by all.
    nsenter --net="/run/netns/$client" unshare --uts sh -c \
        "hostname $client; mount -t nfs4 -o vers=4.2,proto=tcp,hard 10.0.$number.1:/ /mnt/$client" || fail "client $client cannot mount"
done
grep nfs4 /proc/mounts
grep -c 'vers=4.2' /proc/mounts | grep -qx 2 || fail "not NFSv4.2"
[ "$(cat /proc/fs/nfsd/clients/*/info | grep -c '^name:.* \(one\|two\)"$')" = 2 ] \
    || fail "the server does not see two clients: $(cat /proc/fs/nfsd/clients/*/info)"
[ "$(stat -c %d /mnt/one)" != "$(stat -c %d /mnt/two)" ] || fail "both mounts are one client's"

python3 -u /s3_server.py --root /bucket --host 0.0.0.0 --port 9000 --latency-ms 20 --log /tmp/requests > /dev/null &
cat > /mnt/config.json <<'JSON'
{ "job": "nfs", "source": "s3://cluster-test", "datasets": ["*"],
  "limits": { "connections": 4, "memory": "256MiB", "claim_seconds": 6 } }
JSON
job=(--output job/out --state job/state)

# on CLIENT NAME ARGUMENTS...: cristae on one of the hosts; prints the number of the process that can be killed from here.
on() {
    local client=$1 name=$2 address=10.0.1.1
    shift 2
    [ "$client" = one ] || address=10.0.2.1
    cd "/mnt/$client" || exit
    # shellcheck disable=SC2016  # those are the inner shell's
    nsenter --net="/run/netns/$client" unshare --mount --uts --pid --fork --kill-child --mount-proc sh -c '
        hostname "$0"; mount --bind "/tmp/boot-$0" /proc/sys/kernel/random/boot_id; endpoint=$1; shift
        exec cristae "$@" --endpoint "$endpoint" --log-format json' \
        "$client" "http://$address:9000" "$@" >> "/tmp/$name.log" 2>&1 &
    echo $!
}

echo "one process"
mkdir /mnt/clean
cp /mnt/config.json /mnt/clean/
cp /mnt/config.json /mnt/export/
(cd /mnt/clean && cristae run config.json --endpoint http://127.0.0.1:9000 > /tmp/clean.log 2>&1) || fail "the undisturbed run"
once=$(grep -c $'GET\t.*/s0/[0-9/]*\t200' /tmp/requests)
: > /tmp/requests
echo "$once chunks after $(cut -d' ' -f1 /proc/uptime) s"

# Six tasks, three on each client; every few seconds one of them is killed, and started again on the other client.
tasks=6
kills=0
declare -A pids clients
start() { pids[$1]=$(on "${clients[$1]}" "task-$1" run config.json --task "$1/$tasks" "${job[@]}"); }
for ((task = 0; task < tasks; task++)); do
    if ((task % 2)); then clients[$task]=one; else clients[$task]=two; fi
    start "$task"
done
RANDOM=7
while [ "$kills" -lt 12 ]; do
    sleep $((1 + RANDOM % 3))
    task=$((RANDOM % tasks))
    # Killing unshare takes the program with it, as the first process of its process space.
    kill -9 "${pids[$task]}" 2> /dev/null || continue
    kills=$((kills + 1))
    if [ "${clients[$task]}" = one ]; then clients[$task]=two; else clients[$task]=one; fi
    start "$task"
    finished=$(find /mnt/export/job/out/crops -name '*.h5' 2> /dev/null | wc -l)
    echo "kill $kills: $finished of 24 crops are finished"
    [ "$finished" -lt 24 ] || break
done
[ "$kills" -ge 3 ] || fail "only $kills kills: it was over too soon"
while pgrep -x cristae > /dev/null; do sleep 1; done
echo "all tasks have ended after $(cut -d' ' -f1 /proc/uptime) s, $kills kills"
# What a task leaves behind that was locked out, or had nothing to do while another was dead: one last start of each.
for ((task = 0; task < tasks; task++)); do start "$task"; done
for ((task = 0; task < tasks; task++)); do
    while kill -0 "${pids[$task]}" 2> /dev/null; do sleep 0.5; done
    grep '"event":"end"' "/tmp/task-$task.log" | tail -n 1 | grep -q '"exit_code":0' || fail "task $task did not end well"
done

for client in one two; do
    diff -r --exclude=.work /mnt/clean/out "/mnt/$client/job/out" > /tmp/differences || fail "client $client sees other files: $(head -n 5 /tmp/differences)"
done
chunks=$(grep -c $'GET\t.*/s0/[0-9/]*\t200' /tmp/requests)
echo "$chunks chunks fetched, $once by one process, $kills kills with 4 connections each"
if [ "$chunks" -lt "$once" ] || [ "$chunks" -gt $((once + kills * 4)) ]; then fail "$chunks chunks were fetched instead of $once"; fi
worked=$(cat /tmp/task-*.log | grep -o '"event":"item_done","item":"[^"]*"' | sort | uniq -d)
[ -z "$worked" ] || fail "worked twice: $worked"
(cd /mnt/one && cristae verify config.json "${job[@]}" > /tmp/verify.log 2>&1) || fail "verify"
grep -c '^ok' /tmp/verify.log
finish "passed nfs: 24 items, 6 tasks on two clients of NFSv4.2, $kills kills, the same bytes as one process"
