#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# debug.sh kasan|kcsan: build Linux 6.12 with debug/base.config and debug/FLAVOUR.config
#
# Prints the folder in which it lies, made as kernel.sh makes those of Debian's
# kernels: release, vmlinuz, modules, build, and besides config, build.log and cmdline,
# what run.sh adds to the kernel's command line. Its name
# has a hash of the source's version, the compiler and the fragments: it is built again
# when one of these changes, and only then. That takes 15 to 40 minutes on two cores
# and 3 GB of disk, of which 100 MB stay; ccache is used where it is installed.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/perfring
flavour=${1:?usage: debug.sh kasan|kcsan}
fragments=("$here/debug/base.config" "$here/debug/$flavour.config")

die()
{
	echo "debug.sh: $*" >&2
	exit 1
}

[ -e "${fragments[1]}" ] || die "no $flavour.config in $here/debug"
version=$(<"$("$here/kernel.sh" source)/release")
compiler=$(gcc -dumpfullversion)
key=$({ echo "$version $compiler"; cat "${fragments[@]}"; } | sha256sum | cut -c1-12)
dir=$cache/linux-6.12-$flavour-$key
if [ -e "$dir/release" ]; then
	echo "$dir"
	exit 0
fi

exec 9>"$cache/.lock-debug"
flock 9
if [ -e "$dir/release" ]; then
	echo "$dir"
	exit 0
fi

# What one that was killed has left is in the way; the lock says that it is not at work.
tmp=$cache/.tmp-$flavour
rm -rf "$tmp"
mkdir "$tmp"
trap 'rm -rf "$tmp"' EXIT
begin=$SECONDS

# Objects below the source, so that its path is "..", the same wherever that lies.
build=(make -C "$tmp/source" O=build "-j$(nproc)" LOCALVERSION="-$flavour"
	KBUILD_BUILD_TIMESTAMP='Thu Jan  1 00:00:00 UTC 1970'
	KBUILD_BUILD_USER=perfring KBUILD_BUILD_HOST=perfring)
if command -v ccache >/dev/null; then
	export CCACHE_DIR=${CCACHE_DIR:-$cache/ccache} CCACHE_NOHASHDIR=1
	build+=(CC='ccache gcc')
fi

fetch_source()
{
	local deb
	echo "  FETCH   linux-source-6.12 $version" >&2
	(cd "$tmp" && apt-get -qq -o APT::Sandbox::User= download "linux-source-6.12=$version" >&2) ||
		die "apt-get cannot download linux-source-6.12=$version (superseded? then remove $cache/linux-source-6.12)"
	deb=$(echo "$tmp"/linux-source-*.deb)
	mkdir "$tmp/source"
	dpkg-deb --fsys-tarfile "$deb" | tar -xO --wildcards './usr/src/linux-source-*.tar.xz' |
		xz -dcT0 | tar -x -C "$tmp/source" --strip-components=1
	rm "$deb"
}

# Does .config say what the fragments do? kconfig drops silently what it cannot give.
check_config()
{
	local line bad=0
	while IFS= read -r line; do
		case $line in
		*=n) ! grep -q "^${line%=n}=" "$1" ;;
		*) grep -qxF "$line" "$1" ;;
		esac || {
			echo "debug.sh: $flavour: kconfig has not kept $line" >&2
			bad=1
		}
	done < <(grep -h '^CONFIG_' "${fragments[@]}")
	return "$bad"
}

make_kernel()
{
	mkdir "$tmp/source/build"
	cat "${fragments[@]}" >"$tmp/fragments"
	"${build[@]}" KCONFIG_ALLCONFIG="$tmp/fragments" allnoconfig
	check_config "$tmp/source/build/.config"
	"${build[@]}" bzImage modules
	# What an external module is built with; the tree itself is 30 times as big.
	mkdir -p "$tmp/root/build"
	"${build[@]}" run-command \
		KBUILD_RUN_COMMAND="+\$(srctree)/scripts/package/install-extmod-build $tmp/root/build"
}

"$here/../setup.sh" debug >&2
fetch_source
echo "  BUILD   Linux $version, $flavour (15 to 40 minutes)" >&2
# In the background, because "if" would switch off -e in it.
make_kernel >"$tmp/build.log" 2>&1 &
if ! wait $!; then
	cp "$tmp/build.log" "$cache/$flavour.build.log"
	tail -n 30 "$tmp/build.log" >&2
	die "the kernel cannot be built, see $cache/$flavour.build.log"
fi

release=$(<"$tmp/source/build/include/config/kernel.release")
modules=$tmp/root/lib/modules/$release
mkdir -p "$modules"
cp "$tmp/source/build/modules.builtin" "$tmp/source/build/modules.builtin.modinfo" "$modules"
: >"$modules/modules.order"
PATH=$PATH:/sbin:/usr/sbin depmod -b "$tmp/root" "$release"
ln -s "$dir/build" "$modules/build"
ln -s "lib/modules/$release" "$tmp/root/modules"
cp "$tmp/source/build/arch/x86/boot/bzImage" "$tmp/root/vmlinuz"
cp "$tmp/source/build/.config" "$tmp/root/config"
cp "$tmp/build.log" "$tmp/root/build.log"
# The firmware's program for interrupt routes runs longer than ACPI lets it here. KASAN
# tells of all that it sees, not of the first alone.
echo acpi=noirq kasan_multi_shot >"$tmp/root/cmdline"
echo "$release" >"$tmp/root/release"
chmod 755 "$tmp/root"
# Older ones of this flavour serve nobody any more.
rm -rf "$cache/linux-6.12-$flavour-"*
mv -T "$tmp/root" "$dir"
echo "  DONE    $flavour: $((SECONDS - begin)) s" >&2
echo "$dir"
