#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# host.sh: may modules be tried on the running kernel (HOST=1)? Silent and 0
# when they may, else a list of what is missing.
set -euo pipefail

missing=()
release=$(uname -r)
[ "$(id -u)" -eq 0 ] || missing+=("root: run it as root, modules are loaded")
if [ ! -e /proc/modules ]; then
	missing+=("loadable modules: the running kernel was built without CONFIG_MODULES")
elif [ "$(cat /proc/sys/kernel/modules_disabled 2>/dev/null)" = 1 ]; then
	missing+=("loadable modules: kernel.modules_disabled is 1 until the next boot")
fi
[ -e "/lib/modules/$release/build/Makefile" ] ||
	missing+=("kernel headers: nothing at /lib/modules/$release/build (Debian: apt-get install linux-headers-$release)")
[ ${#missing[@]} -eq 0 ] || {
	echo "HOST=1 cannot use the running kernel ($release). Missing:" >&2
	printf '  %s\n' "${missing[@]}" >&2
	exit 1
}
