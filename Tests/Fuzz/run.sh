#!/usr/bin/env bash
# Fuzzes what reads bytes from outside, with libFuzzer and the address sanitizer.
#
#   Tests/Fuzz/run.sh [seconds] [harness...]      default: 600 seconds for each harness (`run.sh 0` only runs the corpora)
#
# Harnesses (Tests/Fuzz/Harnesses): zarr-v2, zarr-v3, n5-metadata, consolidated, n5-block, shard, blosc, zstd, lz4, codecs, volume-zlib, zip.
# Corpora start from the fixtures of Tests/ConformanceTests and stay in .build/fuzz-corpus; a finding is left in .build/fuzz-findings,
# its log beside it, and ends the run of its harness. To look at one again:
#
#   .build/fuzz/release/fuzz --harness=NAME FILE                                 runs it
#   .build/fuzz/release/fuzz --harness=NAME -minimize_crash=1 -runs=100000 FILE  makes it smaller
#
# Slow inputs (10 s), more than 2 GiB of memory and single allocations of more than 512 MiB are findings too. The build has a folder
# of its own; the first one takes some minutes, as the dependencies are built again.
set -euo pipefail
cd "$(dirname "$0")/../.."

seconds=600
if [[ ${1:-} =~ ^[0-9]+$ ]]; then
    seconds=$1
    shift
fi

export CRISTAE_FUZZ=1
swift build -c release --scratch-path .build/fuzz --product fuzz 2> >(grep -v 'Cannot export local symbol' >&2)
fuzz=$PWD/.build/fuzz/release/fuzz
# Swift's own backtraces take minutes in a program of this size; libFuzzer writes one as well.
export SWIFT_BACKTRACE=enable=no
# Swift keeps bits of its own in the pointers of enums, which the leak sanitizer does not follow.
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=0}

# Packs are files: in memory, and gone afterwards.
TMPDIR=$(mktemp -d "$([ -w /dev/shm ] && echo /dev/shm || echo /tmp)/cristae-fuzz.XXXXXX")
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT

[ $# -gt 0 ] || mapfile -t harnesses < <("$fuzz" --list)
[ $# -eq 0 ] || harnesses=("$@")
findings=$PWD/.build/fuzz-findings
mkdir -p "$findings"
status=0
for harness in "${harnesses[@]}"; do
    corpus=$PWD/.build/fuzz-corpus/$harness
    seeds=$PWD/.build/fuzz-seeds/$harness
    rm -rf "$seeds"
    mkdir -p "$corpus" "$seeds"
    "$fuzz" --harness="$harness" --seeds="$seeds" --fixtures="$PWD/Tests/ConformanceTests/Fixtures"
    limit=(-max_total_time="$seconds")
    [ "$seconds" -gt 0 ] || limit=(-runs=0)
    dictionary=()
    case $harness in zarr-* | n5-metadata | consolidated) dictionary=(-dict=Tests/Fuzz/json.dict) ;; esac
    echo "$harness: $(find "$seeds" -type f | wc -l) seeds, $(find "$corpus" -type f | wc -l) inputs from before, $seconds s" >&2
    if ! "$fuzz" --harness="$harness" "${limit[@]}" "${dictionary[@]}" -max_len=8192 -detect_leaks=0 -timeout=10 \
        -rss_limit_mb=2048 -malloc_limit_mb=512 -print_final_stats=1 -artifact_prefix="$findings/$harness-" \
        "$corpus" "$seeds" >"$findings/$harness.log" 2>&1; then
        status=1
        echo "$harness: a finding, see $findings/$harness.log" >&2
    fi
    grep -E 'DONE|SUMMARY|stat::|^Done|Test unit written' "$findings/$harness.log" | sed "s/^/$harness: /" || true
done
exit $status
