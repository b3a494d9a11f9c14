#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# run.sh [OPTION]... -- COMMAND [ARG]...   run COMMAND in a virtual machine
# run.sh [OPTION]... --shell               a shell there
#
#   --kernel V    6.1, 6.12 (default), or another one that kernel.sh knows
#   --cpus N      processors (default 2), and one more that is offline
#   --memory SIZE memory (default 2G)
#   --timeout S   end the guest after so many seconds (default 900)
#   --append ARGS more words for the kernel's command line
#   --path DIR    a folder to put first in PATH
#   --show DIR    with a kernel of another machine: a folder to show there
#   --log FILE    where to leave the kernel's console
#
# The guest sees the host's root read-only, with a tmpfs over it: what it
# writes is gone when it ends. A guest of another machine has the root of that machine
# (sysroot.sh), and sees of the host's the tree, the cache, the current folder, and DIR. COMMAND runs as root in the current folder, with
# those variables of the caller whose names begin with PERFRING_ or KSELFTEST_.
# Its output goes to stdout, the kernel's warnings to stderr.
#
# ACCEL=kvm|tcg|icount overrides the choice of accelerator, TCG_THREADS=single|multi
# that of its threads. With icount the guest has one processor, on which one
# instruction takes one nanosecond and one tick of the TSC: a difference of two
# times is a number of instructions, the same in every run. SILENCE=S the
# seconds after which a guest that prints nothing is ended (30).
#
# A line "nmi" that the guest writes to its virtio port perfring.nmi makes the emulator
# send it an NMI: of the emulator's monitor the guest has that one word.
#
# The status is that of COMMAND, or
#   97  the guest died or never started     98  it was silent, or out of time
#   99  the kernel reported a bug
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=machine.sh
. "$here/machine.sh"
cache=${XDG_CACHE_HOME:-$HOME/.cache}/perfring
kernel=6.12 cpus=2 memory=2G timeout=900 append='' path='' log='' shell='' show=$PWD
silence=${SILENCE:-30}

usage()
{
	sed -n '4,15s/^# \{0,1\}//p' "$0" >&2
	exit 2
}

while [ $# -gt 0 ]; do
	case $1 in
	--shell) shell=1 ;;
	--)
		shift
		break
		;;
	--kernel | --cpus | --memory | --timeout | --append | --path | --log | --show)
		[ $# -ge 2 ] || usage
		printf -v "${1#--}" %s "$2"
		shift
		;;
	*) usage ;;
	esac
	shift
done
[ -n "$shell" ] || [ $# -gt 0 ] || usage

say()
{
	echo "run.sh: $*" >&2
}

kdir=$("$here/kernel.sh" "$kernel")
release=$(<"$kdir/release")
sysroot=
machine "$kernel"
[ -z "$machine" ] || sysroot=$("$here/sysroot.sh" "$machine")

modules='virtio_pci virtio_console 9p 9pnet_virtio overlay'

# Modules in the order of insertion; those of newer packages are compressed.
make_initramfs()
{
	local out=$1 dir module file
	dir=$(mktemp -d)
	mkdir -p "$dir"/{bin,modules,proc,dev,host,rw,root}
	cp "$(PATH=$sysroot/bin:$PATH:/bin:/usr/bin command -v busybox)" "$dir/bin/busybox"
	cp "$here/initramfs-init" "$dir/init"
	chmod 755 "$dir/init"
	for module in $modules; do
		PATH=$PATH:/sbin:/usr/sbin modprobe -d "$kdir" -S "$release" -D "$module"
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' |
		while read -r module; do
			file=${module##*/}
			file=${file%.xz}
			if [ "$module" = "${module%.xz}" ]; then
				cp "$module" "$dir/modules/$file"
			else
				xz -dc "$module" >"$dir/modules/$file"
			fi
			echo "$file"
		done >"$dir/modules/order"
	(cd "$dir" && find . | cpio -o -H newc -R 0:0 --quiet) >"$out.$$"
	mv "$out.$$" "$out"
	rm -r "$dir"
}

# One initramfs for each kernel and for each text of its init.
initramfs=$kdir.initramfs-$(echo "$modules" | cat - "$here/initramfs-init" | cksum | tr ' ' -)
[ -e "$initramfs" ] || make_initramfs "$initramfs"

# /dev/kvm can exist on a machine whose processor has nothing to offer.
accel=${ACCEL:-}
if [ -z "$accel" ] && [ -n "$machine" ]; then
	accel=tcg
elif [ -z "$accel" ]; then
	accel=tcg
	if grep -qwE 'vmx|svm' /proc/cpuinfo && [ -r /dev/kvm ] && [ -w /dev/kvm ]; then
		accel=kvm
	fi
fi
# An emulator before 8.1 may run code that another processor has patched
# meanwhile ("Oops: int3" in the guest: tracepoints are switched by patching).
# One thread for all processors is not affected, and as fast on two cores.
threads=multi
if [ "$accel" = tcg ]; then
	version=$("$qemu" --version | sed -n '1s/.*version \([0-9]*[.][0-9]*\).*/\1/p')
	[ "$(printf '%s\n' 8.1 "$version" | sort -V | head -n 1)" = 8.1 ] || threads=single
fi
tty=ttyS0 board=(-cpu max)
case $machine in
# One thread emulates both processors: they have one TSC, which this kernel does not believe.
# Without it the scheduler's clock, which is perf's, stands still now and then.
i386) append+=" tsc=reliable" ;;
arm64) tty=ttyAMA0 board=(-M virt -cpu "max,pauth-impdef=on") ;;
# Who waits for a lock there tells the other processor to go on, which this emulator leaves out:
# in one thread the one that waits would keep its tenth of a second. What is patched is one
# instruction, so that nothing in between can be run.
s390x) tty=ttysclp0 threads=multi ;;
esac
case $accel in
kvm) board=(-accel kvm -cpu host) ;;
tcg) board+=(-accel "tcg,thread=${TCG_THREADS:-$threads}") ;;
# An idle processor's time is the host's, else it would run ahead of a disk that is waited for.
icount)
	board+=(-accel "tcg,thread=single" -icount "shift=0,sleep=on")
	cpus=1
	append+=" tsc=reliable"
	;;
*)
	say "ACCEL=$accel: kvm, tcg or icount"
	exit 2
	;;
esac

# One is there and not started: online CPUs need not be numbered without a gap.
processors=$cpus
if [ "$accel" != icount ]; then
	processors=$((cpus + 1))
	append+=" maxcpus=$cpus"
fi

tmp=$(mktemp -d)
guest='' tails=() relays=()
# shellcheck disable=SC2317 # reached through the trap
cleanup()
{
	local pid
	for pid in "$guest" "${tails[@]}" "${relays[@]}"; do
		[ -z "$pid" ] || kill "$pid" 2>/dev/null || true
	done
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
console=$tmp/console
: >"$console"
: >"$tmp/output"
chmod 755 "$tmp"

# What the guest reads through the host's root.
echo "$kdir" >"$tmp/kernel"
if [ -n "$sysroot" ]; then
	echo "$sysroot" >"$tmp/sysroot"
	printf '%s\n' "$(cd "$here/../.." && pwd)" "$cache" "$tmp" "$PWD" "$show" | sort -u >"$tmp/show"
fi
cp "$here/init" "$here/leaks.sh" "$tmp"
chmod 755 "$tmp/init" "$tmp/leaks.sh"
{
	echo '#!/bin/bash'
	# shellcheck disable=SC2016 # the guest's PATH
	[ -z "$path" ] || printf 'PATH=%q:$PATH\n' "$path"
	printf 'cd %q || exit 97\n' "$PWD"
	while IFS= read -r name; do
		printf 'export %s=%q\n' "$name" "${!name}"
	done < <(compgen -e | grep -E '^(PERFRING_|KSELFTEST_|TERM$)')
	if [ -n "$shell" ]; then
		: >"$tmp/interactive"
		if size=$(stty size 2>/dev/null); then
			echo "stty rows ${size% *} cols ${size#* }"
		fi
		echo 'exec bash -i'
	else
		echo "exec $(printf '%q ' "$@")"
	fi
} >"$tmp/command"
chmod 755 "$tmp/command"

# oops=panic with -no-reboot: a guest that crashed ends at once, its trace on
# the console. tsc=nowatchdog: an emulated TSC may look unsteady to the
# watchdog when the host is busy, which is no fault of the module.
# init_on_alloc=0 slub_debug: memory is not cleared, but filled with 0x5a when it is
# allocated and 0x6b when it is freed, so that what uses it all the same is found.
# log_buf_len: nothing that is said in a long run is overwritten.
cmdline="console=$tty loglevel=7 panic=-1 oops=panic tsc=nowatchdog mitigations=off"
cmdline+=" init_on_alloc=0 slub_debug=P,kmalloc-* log_buf_len=16M"
[ ! -e "$kdir/cmdline" ] || cmdline+=" $(<"$kdir/cmdline")"
cmdline+=" random.trust_cpu=on rdinit=/init perfring.dir=$tmp $append"

args=(-name perfring -nodefaults -no-user-config -display none -no-reboot
	"${board[@]}" -smp "$processors" -m "$memory"
	-kernel "$kdir/vmlinuz" -initrd "$initramfs" -append "$cmdline"
	-chardev "file,id=console,path=$console" -serial chardev:console
	-fsdev "local,id=root,path=/,readonly=on,security_model=none,multidevs=remap"
	-device "virtio-9p,fsdev=root,mount_tag=hostroot"
	-device virtio-rng
	-device virtio-serial
	-chardev "file,id=status,path=$tmp/status"
	-device 'virtserialport,chardev=status,name=perfring.status'
	-chardev "file,id=dmesg,path=$tmp/dmesg"
	-device 'virtserialport,chardev=dmesg,name=perfring.dmesg'
	-chardev "pipe,id=monitor,path=$tmp/monitor" -mon 'chardev=monitor,mode=readline'
	-chardev "pipe,id=nmi,path=$tmp/nmi"
	-device 'virtserialport,chardev=nmi,name=perfring.nmi')

mkfifo "$tmp"/{monitor,nmi}.{in,out}
while IFS= read -r word; do
	[ "$word" != nmi ] || echo nmi
done <"$tmp/nmi.out" >"$tmp/monitor.in" &
relays+=($!)
# What it answers would fill the pipe.
cat "$tmp/monitor.out" >/dev/null &
relays+=($!)

if [ -n "$shell" ]; then
	args+=(-chardev 'stdio,id=tty,signal=off' -device 'virtconsole,chardev=tty')
	"$qemu" "${args[@]}" || say "qemu ended with status $?"
else
	args+=(-chardev "file,id=output,path=$tmp/output"
		-device 'virtserialport,chardev=output,name=perfring.output')
	start=$SECONDS
	"$qemu" "${args[@]}" </dev/null 2>"$tmp/qemu" &
	guest=$!
	tail -q -n +1 -s 0.2 -f --pid="$guest" "$tmp/output" &
	tails+=($!)
	# The boot is left out: what it prints is shown when something went wrong.
	tail -q -n +1 -s 0.2 -f --pid="$guest" "$console" |
		sed -u -e '1,/perfring-guest: .* is up/d' -e 's/\r//g' -e '/reboot: Power down/d' -e 's/^/[kernel] /' >&2 &
	tails+=($!)

	ended=
	size=0 quiet=0
	while kill -0 "$guest" 2>/dev/null; do
		sleep 1
		now=$(stat -c %s "$console" "$tmp/output" | tr '\n' +)
		quiet=$((quiet + 1))
		[ "$now" = "$size" ] || quiet=0
		size=$now
		if [ "$quiet" -ge "$silence" ]; then
			ended="the guest ($release) printed nothing for $silence s and was ended"
		elif [ $((SECONDS - start)) -ge "$timeout" ]; then
			ended="the guest ($release) ran longer than $timeout s and was ended"
		fi
		if [ -n "$ended" ]; then
			kill "$guest" 2>/dev/null || true
			break
		fi
	done
	wait "$guest" || true
	guest=
	wait "${tails[@]}" || true
	tails=()
fi
[ -z "${ended:-}" ] || say "$ended"

tr -d '\r' <"$console" >"$tmp/console.log"
if [ -n "$log" ]; then
	mkdir -p "$(dirname "$log")"
	# After the boot the console has the warnings only, dmesg has the rest.
	cp "$([ -s "$tmp/dmesg" ] && echo "$tmp/dmesg" || echo "$tmp/console.log")" "$log"
fi

# Two views of one log: the console has what came before a crash, dmesg has
# the lines that are too quiet for the console (kmemleak's, for one).
if ! report=$("$here/scan.sh" "$tmp/console.log"); then
	say "the kernel ($release) reported a bug:"
	echo "$report" >&2
	exit 99
elif [ -s "$tmp/dmesg" ] && ! report=$("$here/scan.sh" "$tmp/dmesg"); then
	say "the kernel ($release) reported a bug:"
	echo "$report" >&2
	exit 99
elif [ -s "$tmp/dmesg" ] && ! grep -qE 'Linux version|planted: log cleared' "$tmp/dmesg"; then
	say "the log of the kernel ($release) has lost its beginning, and with it what was reported there"
	exit 99
fi

if [ ! -s "$tmp/status" ]; then
	say "the guest ($release) left no status; the end of its console:"
	tail -n 15 "$tmp/console.log" >&2
	[ ! -s "$tmp/qemu" ] || cat "$tmp/qemu" >&2
	[ -z "${ended:-}" ] || exit 98
	exit 97
fi
exit "$(<"$tmp/status")"
