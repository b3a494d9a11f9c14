#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# bench.sh: build and run user/bench, the library beside its peers.
#
# ONLY='read* open*' runs some cases, REPS= sets the repetitions (11), PUBLISH=1
# keeps table and pictures in user/bench. O= says where to build.
set -euo pipefail

cd "$(dirname "$0")/.."
O=${O:-$PWD/.build}
out=$O/bench
mkdir -p "$out"
# Two runs would disturb each other.
exec 8>"$O/.bench.lock"
flock 8

selftests/setup.sh bench
# What cannot be fetched is a peer less; the bench says so.
tools=$(selftests/vm/kernel.sh tools) || tools=
make -C user --no-print-directory "-j$(nproc)" O="$O/user" SAN= LIBPERF="$tools" bench

# Only where the case is wanted: a guest has to boot for it.
set -f
# shellcheck disable=SC2086 # ONLY is a list of patterns
if "$O/user/bench/bench" -l ${ONLY:-} 2>/dev/null | grep -q '^write_kernel'; then
	if selftests/bench_guest.sh >"$out/guest.txt" 2>"$out/guest.log"; then
		export BENCH_GUEST=$out/guest.txt
	else
		echo "bench.sh: no guest for write_kernel, see $out/guest.log" >&2
	fi
fi
set +f

# "gcc 12.2.0, libbpf-dev 1.1.0, ...": the version of a package without the distribution's part.
peers=
for package in gcc libbpf-dev golang-go golang-github-cilium-ebpf-dev \
	golang-github-hodgesds-perf-utils-dev; do
	version=$(dpkg-query -W -f '${Version}' "$package" 2>/dev/null) || continue
	version=${version#*:}
	peers+="${peers:+, }$package ${version%%[-+~]*}"
done
[ -z "$tools" ] || peers+=", libperf of ${tools##*/}"
export BENCH_PEERS=$peers

rm -f "$out"/*.svg
status=0
set -f
# shellcheck disable=SC2086 # ONLY is a list of patterns
"$O/user/bench/bench" -o "$out" ${ONLY:-} || status=$?
set +f

if [ -n "${PUBLISH:-}" ] && [ "$PUBLISH" != 0 ]; then
	# What this run has not drawn is not of this run.
	rm -f user/bench/*.svg
	cp "$out/results.md" user/bench/
	for picture in "$out"/*.svg; do
		[ -e "$picture" ] || continue
		sed '1a <!-- SPDX-License-Identifier: MIT -->' "$picture" \
			>"user/bench/${picture##*/}"
	done
	echo "  PUBLISH user/bench/results.md"
fi
echo "bench: table and pictures are in $out"
exit "$status"
