#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# machines.sh [NAME]...: make the images and perf.data in machines/ again, each in a virtual
# machine of its kind: x86_64, and of those of arch.sh i386, arm64-16k and s390x.
#
# machine_test, which writes them, reads them on every machine. O= where to build.
set -euo pipefail

cd "$(dirname "$0")/.."
# shellcheck source-path=SCRIPTDIR source=vm/machine.sh
. selftests/vm/machine.sh
top=${O:-$PWD/.build}
export O MACHINE PERFRING_ONLY=machine_test PERFRING_MODULE SANS='' SILENCE=${SILENCE:-150}
[ $# -gt 0 ] || set -- x86_64 i386 arm64-16k s390x

new=
trap 'rm -f "$new"' EXIT
for name; do
	file=selftests/machines/$name new=$file.new
	machine "$name"
	kernel=${machine_kernel:-6.12} O=$top MACHINE=
	if [ -n "$machine" ]; then
		selftests/setup.sh "$machine"
		O=$top/$name MACHINE=$name
	elif [ "$name" != x86_64 ]; then
		echo "machines.sh: no machine '$name' (x86_64, $machine_names)" >&2
		exit 2
	fi
	selftests/build.sh "$O/logs/build.log" "$kernel"
	PERFRING_MODULE=$O/kmod-$(<"$(selftests/vm/kernel.sh "$kernel")/release")/kmod/perfring.ko
	echo "  WRITE   $file"
	selftests/vm/run.sh --kernel "$kernel" --show "$top" -- \
		"$O/selftests/machine_test" write "$name" >"$new"
	mv "$new" "$file"
done
