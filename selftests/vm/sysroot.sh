#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# sysroot.sh i386|arm64|s390x: the user space of another machine, from Debian's packages: what
# programs for it are built with, and what a guest needs to run them and the tests.
#
# Prints the folder, which stays in ${XDG_CACHE_HOME:-~/.cache}/perfring. Packages are
# unpacked, not installed: no script of theirs runs.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=machine.sh
. "$(dirname "$0")/machine.sh"
cache=${XDG_CACHE_HOME:-$HOME/.cache}/perfring
machine "${1:-}"
if [ -z "$machine" ]; then
	echo "usage: sysroot.sh i386|arm64|s390x" >&2
	exit 2
fi

# The guest's commands, then the libraries.
packages=(base-files base-passwd bash binutils bpftool busybox-static coreutils dash debianutils diffutils findutils
	gawk grep hostname iproute2 kmod linux-perf make mount perl procps python3 sed util-linux
	libbpf-dev libc6-dev libelf-dev libkmod-dev linux-libc-dev zlib1g-dev)
# Another list makes another folder.
dir=$cache/sysroot-$machine-$(echo "${packages[*]}" | sha256sum | cut -c1-8)
if [ -e "$dir/.complete" ]; then
	echo "$dir"
	exit 0
fi

mkdir -p "$cache"
exec 9>"$cache/.lock"
flock 9
if [ -e "$dir/.complete" ]; then
	echo "$dir"
	exit 0
fi

# What one that was killed has left is in the way; the lock says that it is not at work.
tmp=$cache/.tmp-$machine
rm -rf "$tmp"
mkdir "$tmp"
trap 'rm -rf "$tmp"' EXIT
machine_apt "$cache/apt-$machine"
# apt takes each package for one that is missing, and fetches what these depend on, too.
fetch()
{
	apt-get -qq -y "${apt_options[@]}" -o Dir::Cache="$tmp/cache" --no-install-recommends --download-only \
		install "${packages[@]}" >&2
}
mkdir -p "$tmp/cache/archives/partial" "$tmp/root/usr"
echo "  FETCH   ${#packages[@]} packages for $machine and what they depend on" >&2
if ! fetch 2>/dev/null; then
	# What one source cannot give another one may have.
	apt-get -qq "${apt_options[@]}" update >&2 || true
	fetch || {
		echo "sysroot.sh: apt-get cannot download the packages for $machine" >&2
		exit 1
	}
fi

# Folders as on an installed system, which some packages still find one by one.
for folder in bin sbin lib lib64 libo32; do
	mkdir "$tmp/root/usr/$folder"
	ln -s "usr/$folder" "$tmp/root/$folder"
done
for package in "$tmp"/cache/archives/*.deb; do
	dpkg-deb --fsys-tarfile "$package" |
		tar -x -C "$tmp/root" --keep-directory-symlink --no-same-owner \
			--exclude=./usr/share/doc --exclude=./usr/share/locale --exclude=./usr/share/man
done

# What scripts of the packages do on an installed system.
cd "$tmp/root"
[ -e bin/sh ] || ln -s dash bin/sh
ln -sf gawk usr/bin/awk
cp usr/share/base-passwd/passwd.master etc/passwd
cp usr/share/base-passwd/group.master etc/group
mkdir -p proc sys dev run tmp root
# A link to an absolute path would be looked up in this machine.
find . -type l -lname '/*' -printf '%P\t%l\n' |
	while IFS=$'\t' read -r link target; do
		ln -sfn "$(realpath -ms --relative-to="$(dirname "/$link")" "$target")" "$link"
	done
touch .complete
chmod 755 .
cd "$cache"
rm -rf "$cache/sysroot-$machine-"*
mv -T "$tmp/root" "$dir"
echo "$dir"
