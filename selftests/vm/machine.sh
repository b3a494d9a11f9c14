# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# machine.sh, to be sourced: machines of another kind than this one, which are emulated.
#
# machine NAME sets, for the NAME of a kernel (kernel.sh) or of ARCH= (make check):
#
#   machine         Debian's name of the architecture; empty: it is that of this machine
#   machine_kernel  what kernel.sh calls the kernel
#   triplet         before the names of its compiler and what comes with it
#   multiarch       the folder of its libraries
#   machine_uname   what uname -m says there
#   qemu            its emulator
#
# machine_cross NAME sets cross, what make is told to build for it. machine_apt DIR sets
# apt_options, which make apt speak of its packages: with lists of their own, in DIR, so that
# nothing of this machine changes.

machine_names='i386 arm64 arm64-16k s390x'

machine()
{
	machine='' machine_kernel='' triplet='' multiarch='' machine_uname='' qemu=qemu-system-x86_64
	case $1 in
	i386 | *-i386)
		machine=i386 machine_kernel=6.1-i386
		triplet=i686-linux-gnu multiarch=i386-linux-gnu machine_uname=i686
		;;
	arm64 | arm64-16k | *-arm64 | *-arm64-16k)
		machine=arm64 machine_kernel=6.12-${1#6.12-} qemu=qemu-system-aarch64
		triplet=aarch64-linux-gnu multiarch=$triplet machine_uname=aarch64
		;;
	s390x | *-s390x)
		machine=s390x machine_kernel=6.1-s390x qemu=qemu-system-s390x
		triplet=s390x-linux-gnu multiarch=$triplet machine_uname=s390x
		;;
	esac
}

machine_cross()
{
	local sysroot here=${BASH_SOURCE[0]%/*}
	cross=()
	machine "$1"
	[ -n "$machine" ] || return 0
	sysroot=$("$here/sysroot.sh" "$machine")
	cross=("CC=$triplet-gcc --sysroot=$sysroot" "AR=$triplet-ar" "NM=$triplet-nm"
		"READELF=$triplet-readelf" "BPF_ARCH=$machine" "BTF=$("$here/btf.sh" "$machine_kernel")")
	case $machine in
	i386) cross+=(BPF_CFLAGS=-DNO_CALLBACKS) ;;
	s390x) cross+=(BPF_TARGET=bpfeb BPF_CFLAGS=-DNO_CALLBACKS) ;;
	esac
}

machine_apt()
{
	mkdir -p "$1/lists/partial" "$1/cache/archives/partial"
	: >>"$1/status"
	apt_options=(-o "APT::Architecture=$machine" -o "APT::Architectures::=$machine"
		-o APT::Sandbox::User= -o "Dir::State::lists=$1/lists" -o "Dir::State::status=$1/status"
		-o "Dir::Cache=$1/cache")
}
