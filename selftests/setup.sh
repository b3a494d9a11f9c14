#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# setup.sh PROFILE: see that the tools are there that PROFILE needs.
#
#   host   build and run on the running kernel
#   demo   host, and fetch kernels and run them in a virtual machine
#   check  demo, and what the tests use
#   lint   demo, and the static checkers
#   i386, arm64, s390x  demo, and what builds for that machine and emulates it
#   debug  demo, and what builds a kernel
#   bench  host, and the peers that the library is measured beside
#   model  host, and the model checker
#   coverage  host, and what counts lines
#   fuzz   host, and a compiler that has libFuzzer
#
# On Debian what is missing is installed; when nothing is missing apt is not
# called at all. Elsewhere what is missing is listed, and the status is 1.
set -euo pipefail

profile=${1:?usage: setup.sh host|demo|check|lint|bench|coverage|fuzz|i386|arm64|s390x|debug|model}

# A profile, the Debian package, and what shows that it is there on another
# distribution: a command, or a header with its path.
table='
host  gcc              gcc
host  libc6-dev        /usr/include/stdio.h
host  make             make
host  pkg-config       pkg-config
host  libkmod-dev      /usr/include/libkmod.h
host  libelf-dev       /usr/include/libelf.h
host  kmod             modprobe
demo  apt              apt-get
demo  dpkg             dpkg-deb
demo  qemu-system-x86  qemu-system-x86_64
demo  busybox-static   busybox
demo  cpio             cpio
demo  pahole           pahole
demo  xz-utils         xz
check clang            clang
check llvm             llvm-strip
check libbpf-dev       /usr/include/bpf/libbpf.h
check bpftool          bpftool
check golang-go        go
check linux-perf       perf
check python3          python3
check perl             perl
check rsync            rsync
check rustc            rustc
debug bc               bc
debug bison            bison
debug ccache           ccache
debug flex             flex
debug libssl-dev       /usr/include/openssl/opensslv.h
bench apt              apt-get
bench clang            clang
bench dpkg             dpkg-deb
bench gnuplot-nox      gnuplot
bench golang-github-cilium-ebpf-dev /usr/share/gocode/src/github.com/cilium/ebpf
bench golang-github-hodgesds-perf-utils-dev /usr/share/gocode/src/github.com/hodgesds/perf-utils
bench golang-go        go
bench libbpf-dev       /usr/include/bpf/libbpf.h
bench llvm             llvm-strip
bench xz-utils         xz
coverage gcovr         gcovr
fuzz  clang            clang
fuzz  libclang-rt-dev  clang
arm64 gcc-aarch64-linux-gnu aarch64-linux-gnu-gcc
arm64 qemu-system-arm  qemu-system-aarch64
i386  gcc-i686-linux-gnu i686-linux-gnu-gcc
s390x gcc-s390x-linux-gnu s390x-linux-gnu-gcc
s390x qemu-system-misc qemu-system-s390x
model spin             spin
lint  g++              g++
lint  clang            clang
lint  clang-tidy       clang-tidy
lint  libbpf-dev       /usr/include/bpf/libbpf.h
lint  perl             perl
lint  sparse           sparse
lint  cppcheck         cppcheck
lint  shellcheck       shellcheck
lint  codespell        codespell
lint  abigail-tools    abidiff
lint  groff-base       groff
lint  mandoc           mandoc
'

case $profile in
host) wanted=host ;;
bench | coverage | fuzz | model) wanted="host $profile" ;;
demo) wanted='host demo' ;;
check | lint | i386 | arm64 | s390x | debug) wanted="host demo $profile" ;;
*)
	echo "setup.sh: no profile '$profile' (host, demo, check, lint, bench, coverage, fuzz, i386, arm64, s390x, debug, model)" >&2
	exit 2
	;;
esac

is_debian()
{
	grep -qx 'ID=debian' /etc/os-release 2>/dev/null
}

have_package()
{
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

have_probe()
{
	case $1 in
	/*) [ -e "$1" ] ;;
	# An ordinary user's PATH may lack the folders of modprobe and bpftool.
	*) PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null ;;
	esac
}

packages=()
probes=()
while read -r of package probe; do
	case " $wanted " in
	*" ${of:-none} "*) ;;
	*) continue ;;
	esac
	if is_debian; then
		have_package "$package" || packages+=("$package")
	elif ! have_probe "$probe"; then
		probes+=("$probe (Debian's package $package)")
	fi
done <<<"$table"

if [ ${#probes[@]} -gt 0 ]; then
	{
		echo "This is not Debian, so nothing is installed for you. Missing:"
		printf '  %s\n' "${probes[@]}"
		echo "Install what provides these with your package manager and try again."
		echo "The kernels of the virtual machines are Debian 12 packages: without"
		echo "its apt sources use a Debian 12 container or chroot, or HOST=1."
	} >&2
	exit 1
fi

if [ ${#packages[@]} -eq 0 ]; then
	exit 0
fi

sudo=()
if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo >/dev/null; then
		echo "setup.sh: needs root or sudo to run: apt-get install ${packages[*]}" >&2
		exit 1
	fi
	sudo=(sudo)
fi

echo "  SETUP   ${packages[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! {
	"${sudo[@]}" apt-get update &&
		"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y \
			--no-install-recommends "${packages[@]}"
} </dev/null >"$log" 2>&1; then
	tail -n 30 "$log" >&2
	echo "setup.sh: apt-get could not install: ${packages[*]}" >&2
	exit 1
fi
