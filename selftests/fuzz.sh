#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# fuzz.sh: libFuzzer, with the address and the undefined-behaviour sanitizer, on each door of
# the library through which bytes of others come: fuzz/*.c. It begins with what is kept in
# fuzz/corpus and fuzz/crashes, and with what its own last run has found.
#
# FUZZ_SECONDS= how long each (60), SEED= which random changes (1 to 4294967295, else the
# time), TARGET= only this one, KEEP=1 the smallest set of inputs that reaches as much goes to
# fuzz/corpus, O= where to build. An input that is too much is printed as a line for
# fuzz/crashes, which fuzz_corpus_test then replays, and the status is 1.
set -euo pipefail

cd "$(dirname "$0")/.."
O=${O:-$PWD/.build}
out=$O/fuzz
for_seconds=${FUZZ_SECONDS:-60}
seed=${SEED:-$(date +%s)}
targets=${TARGET:-ring record file event merge}
sources=selftests/fuzz
flags=(-O1 -g '-fsanitize=fuzzer-no-link,address,undefined' -fno-sanitize-recover=all
	-fno-omit-frame-pointer)
library=$out/user/libperfring.a

# libFuzzer takes 0 for "choose one", and of larger ones the low 32 bits.
if [[ ! $seed =~ ^[1-9][0-9]{0,9}$ ]] || [ "$seed" -gt 4294967295 ]; then
	echo "fuzz.sh: no seed '$seed' (SEED= is 1 to 4294967295)" >&2
	exit 2
fi

selftests/setup.sh fuzz
mkdir -p "$out/obj"

compile()
{
	local file=$1 object=$2
	shift 2
	clang -std=gnu11 -D_GNU_SOURCE -Wall -Wextra "${flags[@]}" -Iuser/include "$@" \
		-c -o "$object" "$sources/$file"
}

build()
{
	local cli=() file objects=() target
	for file in user/cli/*.c; do
		file=$(basename "$file" .c)
		[ "$file" = main ] || cli+=("$out/user/cli/$file.o")
	done
	make -C user --no-print-directory "-j$(nproc)" O="$out/user" SAN= CC=clang \
		CFLAGS="${flags[*]}" "$library" "${cli[@]}"
	for file in input record ring file event merge targets; do
		compile "$file.c" "$out/obj/$file.o"
		objects+=("$out/obj/$file.o")
	done
	objects+=("${cli[@]}" "$library" -lelf -lkmod)
	compile replay.c "$out/obj/replay.o"
	compile seed.c "$out/obj/seed.o"
	clang "${flags[@]}" -o "$out/replay" "$out/obj/replay.o" "$out/obj/seed.o" "${objects[@]}"
	for target in $targets; do
		compile libfuzzer.c "$out/obj/libfuzzer-$target.o" "-DFUZZ_TARGET=fuzz_$target"
		clang -fsanitize=fuzzer "${flags[@]}" -o "$out/fuzz-$target" \
			"$out/obj/libfuzzer-$target.o" "${objects[@]}"
	done
}

echo "  BUILD   fuzzers"
build >"$out/build.log" 2>&1 &
if ! wait $!; then
	tail -n 40 "$out/build.log" >&2
	exit 1
fi

# The allocations of one input are small: remembering less of what was freed is faster.
export ASAN_OPTIONS=quarantine_size_mb=16:allocator_may_return_null=1:${ASAN_OPTIONS:-}
export UBSAN_OPTIONS=print_stacktrace=1:${UBSAN_OPTIONS:-}

# All inputs of target $1 that are known, as files.
unpack()
{
	local target=$1 folder
	rm -rf "$out/kept/$target"
	mkdir -p "$out/corpus/$target" "$out/kept/$target"
	for folder in corpus crashes; do
		if [ -e "$sources/$folder/$target" ]; then
			mkdir -p "$out/kept/$target/$folder"
			"$out/replay" "$target" unpack "$sources/$folder/$target" \
				"$out/kept/$target/$folder"
		fi
	done
	"$out/replay" "$target" seed "$out/corpus/$target"
}

keep()
{
	local target=$1
	rm -rf "$out/small/$target"
	mkdir -p "$out/small/$target" "$sources/corpus"
	"$out/fuzz-$target" -set_cover_merge=1 -use_counters=0 "$out/small/$target" "$out/kept/$target" \
		"$out/corpus/$target" >>"$out/$target.log" 2>&1
	{
		echo '# SPDX-License-Identifier: GPL-2.0'
		"$out/replay" "$target" pack "$out/small/$target"
	} >"$sources/corpus/$target.new"
	mv "$sources/corpus/$target.new" "$sources/corpus/$target"
}

status=0
printf '%-8s %10s %8s %8s %9s %7s %10s\n' target inputs seconds edges kept found seed
for target in $targets; do
	unpack "$target"
	rm -rf "$out/found/$target"
	mkdir -p "$out/found/$target"
	found=0
	longest=$(sed -n "s/^const struct fuzz_target fuzz_$target = .*, \([0-9]*\), .*/\1/p" "$sources/$target.c")
	"$out/fuzz-$target" "-seed=$seed" "-max_total_time=$for_seconds" "-max_len=$longest" \
		-timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
		"-artifact_prefix=$out/found/$target/" \
		"$out/corpus/$target" "$out/kept/$target" >"$out/$target.log" 2>&1 || found=1
	[ -z "${KEEP:-}" ] || keep "$target"
	awk -v target="$target" -v found="$found" '
		/^#[0-9]+.*cov: / { for (i = 1; i < NF; i++) if ($i == "cov:") edges = $(i + 1)
			else if ($i == "corp:") kept = $(i + 1) }
		/^Done [0-9]+ runs/ { seconds = $5 }
		/stat::number_of_executed_units:/ { inputs = $2 }
		/^INFO: Seed: / && !taken { taken = $3 }
		END { printf "%-8s %10d %8s %8d %9s %7d %10s\n", target, inputs, seconds, edges, kept,
			found, taken }
	' "$out/$target.log"
	if [ "$found" -ne 0 ]; then
		status=1
		grep -E 'ERROR: |runtime error:|not so:|^    #[0-9] ' "$out/$target.log" | head -n 12
		"$out/replay" "$target" pack "$out/found/$target"
	fi
done
exit "$status"
