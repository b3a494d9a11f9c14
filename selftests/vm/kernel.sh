#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# kernel.sh 6.1|6.12               fetch Debian's newest kernel of that series
# kernel.sh 6.1-rt|6.12-rt         the same with PREEMPT_RT
# kernel.sh 6.12-kasan|6.12-kcsan  build one of debug/, see debug.sh
# kernel.sh 6.1-i386|6.1-s390x|6.12-arm64|6.12-arm64-16k
#                                  one of another machine
# kernel.sh source                 fetch the parts of the kernel's source that tests use
# kernel.sh tools                  fetch tools/lib and what it is built with, for the bench
# kernel.sh memory-model           fetch the kernel's memory model, for herd7
#
# Prints the folder in which it lies. Nothing is installed: the packages are
# unpacked under ${XDG_CACHE_HOME:-~/.cache}/perfring and stay there. When the
# folder exists it is complete, and neither apt nor the network is asked.
#
# In a kernel's folder: release (its name), vmlinuz, modules (for
# /lib/modules/$(uname -r)), build (what KDIR= wants).
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=machine.sh
. "$(dirname "$0")/machine.sh"
cache=${XDG_CACHE_HOME:-$HOME/.cache}/perfring
what=${1:?usage: kernel.sh 6.1|6.12|6.1-rt|6.12-rt|6.12-kasan|6.12-kcsan|6.1-i386|6.1-s390x|6.12-arm64|6.12-arm64-16k|source|tools|memory-model}
series=${what%%-*}
parts=()
machine "$what"
# In bookworm the series 6.1 is the default one and its meta packages have no
# series in their names.
case $what in
6.1) flavour=amd64 ;;
6.12) flavour=6.12-amd64 ;;
6.1-rt) flavour=rt-amd64 ;;
6.12-rt) flavour=6.12-rt-amd64 ;;
6.1-i386) flavour=686-pae ;;
6.1-s390x) flavour=s390x ;;
6.12-arm64 | 6.12-arm64-16k) flavour=$what ;;
6.12-kasan | 6.12-kcsan) exec "${0%/*}/debug.sh" "${what#*-}" ;;
source) dir=$cache/linux-source-6.12 parts=(
	LICENSES
	include/uapi/linux/perf_event.h
	scripts/checkpatch.pl
	scripts/const_structs.checkpatch
	scripts/spelling.txt
	tools/include/uapi
	tools/scripts
	'tools/testing/selftests/*.h'
	'tools/testing/selftests/*.mk'
	'tools/testing/selftests/*.sh'
	tools/testing/selftests/kselftest
) probe=tools/testing/selftests/kselftest_harness.h ;;
tools) dir=$cache/linux-tools-6.12 parts=(
	tools/arch
	tools/build
	tools/include
	tools/lib
	tools/scripts
) probe=tools/lib/perf/Makefile ;;
memory-model) dir=$cache/linux-memory-model-6.12 parts=(tools/memory-model)
	probe=tools/memory-model/linux-kernel.cfg ;;
*)
	sed -n '4,11s/^# //p' "$0" >&2
	echo "kernel.sh: no kernel '$what'" >&2
	exit 2
	;;
esac
dir=${dir:-$cache/linux-$what}

if [ -e "$dir/release" ]; then
	echo "$dir"
	exit 0
fi

die()
{
	echo "kernel.sh: $*" >&2
	exit 1
}

for tool in apt-get apt-cache dpkg-deb depmod xz; do
	PATH=$PATH:/sbin:/usr/sbin command -v "$tool" >/dev/null || die "needs $tool"
done

mkdir -p "$cache"
# One fetch at a time: the second finds the first one's folder.
exec 9>"$cache/.lock"
flock 9
if [ -e "$dir/release" ]; then
	echo "$dir"
	exit 0
fi

# What one that was killed has left is in the way; the lock says that it is not at work.
tmp=$cache/.tmp-$what
rm -rf "$tmp"
mkdir "$tmp"
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/deb" "$tmp/root"
apt_options=()
[ -z "$machine" ] || machine_apt "$cache/apt-$machine"

update_lists()
{
	echo "  APT     update" >&2
	if [ -n "$machine" ]; then
		# What one source cannot give another one may have.
		apt-get -qq "${apt_options[@]}" update >&2 || true
	fi
	if [ "$(id -u)" -eq 0 ]; then
		apt-get -qq update >&2
	elif command -v sudo >/dev/null; then
		sudo apt-get -qq update >&2
	fi
}

# What package $1 depends on and matches $2; empty if there is no such package.
dependency()
{
	apt-cache "${apt_options[@]}" depends --important "$1" 2>/dev/null |
		awk -v re="^($2)\$" '$1 ~ /Depends:$/ && $2 ~ re { print $2; exit }'
}

fetch()
{
	echo "  FETCH   $*" >&2
	# A second try may find newer ones.
	rm -f "$tmp"/deb/*
	# _apt cannot write to a private folder: say so to apt beforehand.
	(cd "$tmp/deb" && apt-get -qq "${apt_options[@]}" -o APT::Sandbox::User= download "$@" >&2)
}

unpack_kernel()
{
	local release=$1 deb headers=usr/src/linux-headers-$1 modules

	for deb in "$tmp"/deb/*.deb; do
		dpkg-deb -x "$deb" "$tmp/root"
		rm "$deb"
	done
	# Debian moved lib below usr in its 6.12 packages: make one place of it.
	modules=lib/modules/$release
	if [ ! -d "$tmp/root/$modules" ]; then
		mkdir -p "$tmp/root/lib/modules"
		mv "$tmp/root/usr/$modules" "$tmp/root/$modules"
	elif [ -d "$tmp/root/usr/$modules" ]; then
		cp -a "$tmp/root/usr/$modules/." "$tmp/root/$modules/"
	fi
	# The headers name their common part by its installed path.
	grep -rlF /usr/src/linux-headers- "$tmp/root/$headers" --include=Makefile \
		--include=.kernelvariables 2>/dev/null |
		xargs -r sed -i "s,/usr/src/linux-headers-,$dir/usr/src/linux-headers-,g"
	# A package's scripts and tools links are relative or absolute, by release.
	find "$tmp/root/usr/src" -type l -lname '/usr/*' -printf '%p %l\n' |
		while read -r link target; do
			ln -sfn "$dir$target" "$link"
		done
	ln -sfn "$dir/$headers" "$tmp/root/$modules/build"
	ln -sfn "$dir/usr/src/$common" \
		"$tmp/root/$modules/source"
	ln -s "boot/vmlinuz-$release" "$tmp/root/vmlinuz"
	ln -s "$modules" "$tmp/root/modules"
	ln -s "$headers" "$tmp/root/build"
	PATH=$PATH:/sbin:/usr/sbin depmod -b "$tmp/root" "$release"
	[ -e "$tmp/root/vmlinuz" ] || die "no boot/vmlinuz-$release in the packages"
	[ -e "$tmp/root/build/Makefile" ] || die "no $headers/Makefile in the packages"
	[ -z "$machine" ] || echo "$machine" >"$tmp/root/machine"
	echo "$release" >"$tmp/root/release"
}

fetch_kernel()
{
	local image headers kbuild

	image=$(dependency "linux-image-$flavour" "linux-image-${series}[.].*-${flavour##*-}")
	headers=$(dependency "linux-headers-$flavour" "linux-headers-${series}[.].*-${flavour##*-}")
	[ -n "$image" ] && [ -n "$headers" ] || return 1
	common=$(dependency "$headers" 'linux-headers-.*-common(-rt)?')
	kbuild=$(dependency "$headers" 'linux-kbuild-.*')
	[ -n "$common" ] && [ -n "$kbuild" ] || return 1
	if [ -z "$machine" ]; then
		fetch "$image" "$headers" "$common" "$kbuild" || return 1
	else
		fetch "$image" "$headers" "$common" || return 1
		# Its programs run here.
		(cd "$tmp/deb" && apt-get -qq -o APT::Sandbox::User= download "$kbuild" >&2) || return 1
	fi
	release=${image#linux-image-}
}

# The archive is one stream, so all of it is decompressed (10 s) for a few MB.
unpack_source()
{
	local deb
	deb=$(echo "$tmp"/deb/linux-source-*.deb)
	dpkg-deb --fsys-tarfile "$deb" |
		tar -xO --wildcards './usr/src/linux-source-*.tar.xz' | xz -dcT0 |
		tar -x -C "$tmp/root" --strip-components=1 --wildcards \
			--no-wildcards-match-slash \
			"${parts[@]/#/*/}"
	[ -e "$tmp/root/$probe" ] || die "no $probe in $deb"
	dpkg-deb -f "$deb" Version >"$tmp/root/release"
	rm "$deb"
}

# Without lists, or with lists older than the archive, ask for new ones once.
if [ ${#parts[@]} -gt 0 ]; then
	fetch linux-source-6.12 2>/dev/null || { update_lists && fetch linux-source-6.12; } ||
		die "apt-get cannot download linux-source-6.12 (are bookworm and bookworm-security in the apt sources?)"
	unpack_source
else
	release='' common=''
	fetch_kernel || { update_lists && fetch_kernel; } ||
		die "apt-get cannot download linux-image-$flavour and linux-headers-$flavour of series $series (are bookworm and bookworm-security in the apt sources?)"
	echo "  UNPACK  $release" >&2
	unpack_kernel "$release"
fi

# A folder without a stamp is not ours to use: a crash cannot leave one, since
# the rename is the last step.
if [ -e "$dir" ]; then
	die "$dir is there but incomplete: move it away"
fi
chmod 755 "$tmp/root"
mv -T "$tmp/root" "$dir"
echo "$dir"
