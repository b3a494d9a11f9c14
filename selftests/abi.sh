#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# abi.sh [REVISION]: the library's binary interface against that of the last tag, or of
# another revision. The status is 1 when programs that were built with the old one may
# break and the soname is the same; what was added is listed.
#
# O= where to build.
set -euo pipefail

cd "$(dirname "$0")/.."
O=${O:-$PWD/.build}
out=$O/abi

if ! git rev-parse --git-dir >/dev/null 2>&1; then
	echo "abi: no repository here, so no tag to compare with"
	exit 0
fi
old=${1:-$(git describe --tags --abbrev=0 2>/dev/null || true)}
if [ -z "$old" ]; then
	echo "abi: no tag to compare with: nothing was released yet"
	exit 0
fi

build()
{
	make -C "$1/user" --no-print-directory O="$2" SAN= CFLAGS='-Og -g' lib >"$2.log" 2>&1 || {
		tail -n 20 "$2.log"
		return 1
	}
}

rm -rf "$out"
mkdir -p "$out/source"
git archive "$old" | tar -x -C "$out/source"
build "$out/source" "$out/old"
build "$PWD" "$out/new"

# What is behind the pointers of opaque structures is nobody's business: the headers
# declare these and do not say what they are.
opaque=$(sed -n 's/^struct \(perfring_[a-z_]*\);$/\1/p' user/include/perfring/*.h | sort -u |
	paste -sd '|')
printf '[suppress_type]\n  type_kind = struct\n  name_regexp = ^(%s)$\n' "$opaque" >"$out/opaque"
status=0
abidiff --headers-dir1 "$out/source/user/include" --headers-dir2 user/include --suppr "$out/opaque" \
	"$out/old/libperfring.so" "$out/new/libperfring.so" >"$out/report" 2>&1 || status=$?
cat "$out/report"
# Bits: 1 and 2 errors of the tool, 4 a change, 8 one that breaks programs for sure.
if [ $((status & 3)) -ne 0 ]; then
	echo "abi: abidiff failed"
	exit 1
fi
soname()
{
	readelf -d "$1/libperfring.so" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p'
}
if [ "$(soname "$out/old")" != "$(soname "$out/new")" ]; then
	echo "abi: $(soname "$out/new") is another library than $(soname "$out/old") of $old"
elif [ "$status" -eq 0 ]; then
	echo "abi: as in $old"
elif [ $((status & 8)) -eq 0 ] && ! grep -qE '\[C\]|[1-9][0-9]* (Removed|Changed)' "$out/report"; then
	echo "abi: more than in $old, and all of that"
else
	echo "abi: not what $old had, with the same soname"
	exit 1
fi
