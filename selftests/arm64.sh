#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# arm64.sh: counters on arm64. QEMU emulates a PMU for that processor (for no other), and with
# -icount its instruction counter is exact: count_pmu_test, built for it, is the only program
# of a virtual machine with Debian's kernel. The status is 1 when a test fails.
#
# O= where to build. What is fetched stays in ${XDG_CACHE_HOME:-~/.cache}/perfring.
set -euo pipefail

cd "$(dirname "$0")/.."
out=${O:-$PWD/.build}/arm64
cache=${XDG_CACHE_HOME:-$HOME/.cache}/perfring
kernel=$cache/linux-arm64
cross=aarch64-linux-gnu-gcc

die()
{
	echo "arm64.sh: $*" >&2
	exit 2
}

selftests/setup.sh arm64
ksft=$(selftests/vm/kernel.sh source)/tools/testing/selftests
mkdir -p "$out/root" "$cache"

# A kernel of another architecture: apt gets lists of its own for it.
fetch_kernel()
{
	local tmp image
	tmp=$(mktemp -d "$cache/.tmp-arm64-XXXXXX")
	mkdir -p "$tmp/lists/partial" "$tmp/cache/archives/partial" "$tmp/root"
	touch "$tmp/status"
	local apt=(-qq -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o APT::Sandbox::User=
		-o Dir::State::lists="$tmp/lists" -o Dir::State::status="$tmp/status"
		-o Dir::Cache="$tmp/cache")
	echo "  FETCH   linux-image-6.12-arm64" >&2
	apt-get "${apt[@]}" update >&2
	image=$(apt-cache "${apt[@]}" depends --important linux-image-6.12-arm64 |
		awk '$1 ~ /Depends:$/ && $2 ~ /^linux-image-6[.]12[.].*-arm64$/ { print $2; exit }')
	[ -n "$image" ] || die "no linux-image-6.12-arm64 in the apt sources"
	(cd "$tmp" && apt-get "${apt[@]}" download "$image" >&2)
	dpkg-deb --fsys-tarfile "$tmp"/*.deb | tar -x -C "$tmp/root" --wildcards './boot/vmlinuz-*'
	mv "$tmp/root/boot" "$kernel"
	rm -rf "$tmp"
}

[ -e "$kernel" ] || fetch_kernel

# Of the library what counts and reads rings: the rest needs libraries of that architecture.
flags=(-std=gnu11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -O2 -Wall -Wextra -I user/include -I kmod -I kmod/uapi)
rm -f "$out"/*.[ao]
for source in user/src/{count,decode,ring,storage}*.c user/src/{bpf,encode,error,format}.c; do
	"$cross" "${flags[@]}" -Werror -c -o "$out/$(basename "$source" .c).o" "$source"
done
aarch64-linux-gnu-ar rcs "$out/count.a" "$out"/*.o
"$cross" "${flags[@]}" -Wno-unused-parameter -static -pthread -isystem "$ksft" -o "$out/root/init" \
	selftests/count_pmu_test.c "$out/count.a"

mkdir -p "$out/root/proc" "$out/root/sys" "$out/root/dev"
(cd "$out/root" && printf '%s\n' . init proc sys dev | cpio -o -H newc 2>/dev/null) >"$out/initramfs"
timeout 300 qemu-system-aarch64 -M virt -cpu max,pauth-impdef=on -m 512 -icount shift=1 \
	-display none -serial stdio -monitor none -no-reboot -kernel "$kernel"/vmlinuz-* \
	-initrd "$out/initramfs" -append 'console=ttyAMA0 quiet panic=-1' </dev/null |
	tr -d '\r' | tee "$out/log"
grep -q '^# Totals: pass:[1-9][0-9]* fail:0 .* skip:0 ' "$out/log"
