#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# demo.sh            set up, build, and run "perfring demo" on each kernel
# demo.sh --shell    a shell in the virtual machine, everything built
#
# O= where to build, KERNEL= which kernels, HOST=1 the running kernel instead
# of virtual machines, ACCEL= as in vm/run.sh.
set -euo pipefail

cd "$(dirname "$0")/.."
O=${O:-$PWD/.build}
build=(make --no-print-directory "-j$(nproc)" "O=$O")

# The module of kernel release $1.
module()
{
	echo "$O/kmod-$1/kmod/perfring.ko"
}

host_demo()
{
	local release
	release=$(uname -r)
	selftests/host.sh
	selftests/setup.sh host
	"${build[@]}" lib modules
	PERFRING_MODULE=$(module "$release")
	export PERFRING_MODULE
	# Unload whatever happens, and only what was loaded here.
	"$O/user/perfring" load
	trap '"$O/user/perfring" unload' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	"$O/user/perfring" demo
}

if [ "${1:-}" != --shell ] && [ -n "${HOST:-}" ] && [ "$HOST" != 0 ]; then
	host_demo
	exit
fi

selftests/setup.sh demo
kernels=${KERNEL:-6.1 6.12}
# One shell at a time, on the newest of them.
[ "${1:-}" != --shell ] || kernels=${kernels##* }
"${build[@]}" lib
for kernel in $kernels; do
	dir=$(selftests/vm/kernel.sh "$kernel")
	"${build[@]}" modules KDIR="$dir/build"
done

for kernel in $kernels; do
	dir=$(selftests/vm/kernel.sh "$kernel")
	release=$(<"$dir/release")
	PERFRING_MODULE=$(module "$release")
	export PERFRING_MODULE
	if [ "${1:-}" = --shell ]; then
		echo "  VM      $release; 'perfring load' loads the module, 'exit' ends it"
		exec selftests/vm/run.sh --kernel "$kernel" --path "$O/user" --shell
	fi
	echo "  VM      $release"
	# shellcheck disable=SC2016 # expanded in the guest
	selftests/vm/run.sh --kernel "$kernel" --log "$O/logs/demo-$kernel.console" -- \
		sh -c '"$0" load && { "$0" demo; status=$?; "$0" unload && exit $status; }' \
		"$O/user/perfring"
done
