#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# man.sh DIR: are the manual pages, built in DIR/man, clean and complete? DIR also
# has the command. What is wrong is printed, and the status is 1.
set -euo pipefail

cd "$(dirname "$0")/.."
dir=${1:?usage: man.sh DIR}
bad=0

complain()
{
	echo "$@"
	bad=1
}

# Each renders without a word.
for page in "$dir"/man/*.[1-8]; do
	mandoc -T lint -W warning "$page" || bad=1
	said=$(groff -man -t -ww -Tutf8 "$page" 2>&1 >/dev/null) || true
	[ -z "$said" ] || complain "$page: $said"
done

# A function is in the SYNOPSIS of one page, and of one only; nothing else is.
described=$(for page in "$dir"/man/*.3; do awk -f user/man/links.awk "$page"; done | sort)
declared=$(awk -v headers="$(echo user/include/perfring/*.h)" -f user/man/pages.awk <<<'@NAMES all@' |
	sort)
while read -r name; do
	complain "$name: in the SYNOPSIS of more than one page"
done < <(uniq -d <<<"$described" | grep .)
while read -r name; do
	complain "$name: declared in a header, described in no page"
done < <(comm -23 <(uniq <<<"$declared") <(uniq <<<"$described"))
while read -r name; do
	complain "$name: in a page, in no header"
done < <(comm -13 <(uniq <<<"$declared") <(uniq <<<"$described"))
# What is exported is declared; the build sees to that. But is it found in the headers?
while read -r name; do
	grep -qx "$name" <<<"$declared" ||
		grep -q "not for direct use" <(grep -B 3 "[ *]$name(" user/include/perfring/*.h) ||
		complain "$name: exported, not found in the headers"
done < <(sed -n 's/^\t\t\(perfring_[a-z0-9_]*\);$/\1/p' user/libperfring.map)
# And its contract stands there, not its declaration alone.
while read -r name; do
	grep -q "^[^.]*\\\\fB$name\\\\fR()" "$dir"/man/*.3 || complain "$name: in no DESCRIPTION"
done <<<"$declared"

# apropos(1) finds what NAME has: the page and its functions.
for page in "$dir"/man/*.3; do
	name=${page##*/}
	diff <({ echo "${name%.3}"; awk -f user/man/links.awk "$page"; } | sort -u) \
		<(sed '/^\.SH SYN/q; s/[, ].*//; /^perfring_/!d' "$page" | grep '^perf' | sort) ||
		complain "${page##*/}: NAME has not what SYNOPSIS has"
	grep -q '^\.SH ATTRIBUTES' "$page" || complain "${page##*/}: nothing about threads"
	grep -q '^int main' "$page" || complain "${page##*/}: no complete example"
done

# perfring_explain() knows every option structure.
diff <(sed -n 's/^struct \(perfring_[a-z_]*_opts\) {/\1/p' user/include/perfring/*.h | sort) \
	<(sed -n 's/.*KNOWN(\(perfring_[a-z_]*\)),.*/\1/p' user/src/explain.c | sort) ||
	complain "perfring_explain(): not the option structures of the headers"

# The vocabulary of errors is what the headers use.
diff <(grep -ohE -- '-E[A-Z0-9]+\b' user/include/perfring/*.h | sort -u) \
	<(sed -n 's/^\.B \\-\(E[A-Z0-9]*\)$/-\1/p' "$dir/man/perfring_strerror.3" | sort -u) ||
	complain "perfring_strerror(3): its ERRORS are not those of the headers"

# Programs in pages are examples, which are compiled and run.
for page in user/man/*.in; do
	! grep -n 'int main' "$page" || complain "$page: a program that is not an @EXAMPLE"
done

# A page that is referred to is there, and perfring(7) refers to all.
while read -r name section; do
	[ -e "$dir/man/$name.$section" ] || grep -qx "$name" <<<"$described" ||
		complain "$name($section) is referred to and not there"
done < <(sed -n 's/^\.BR \(perfring[a-z_]*\) (\([1-8]\)).*/\1 \2/p' "$dir"/man/*.[1-8] | sort -u)
for page in "$dir"/man/*.[1-8]; do
	name=${page##*/}
	[ "$name" = perfring.7 ] || grep -q "^\.BR ${name%.*} (${name##*.})" "$dir/man/perfring.7" ||
		complain "perfring(7) does not refer to $name"
	grep -q '^\.SH SEE ALSO' "$page" || complain "$name: no SEE ALSO"
done

# perfring(1) has what the program's help has, and no more: how each command is used,
# each of its options, and the words of sources.
perfring=$dir/perfring
page=$dir/man/perfring.1
mapfile -t commands < <("$perfring" --help | sed -n '/^A SOURCE is/q; s/^  \([a-z][a-z]*\).*/\1/p')
[ "${#commands[@]}" -ge 12 ] || complain "perfring --help: few commands: ${commands[*]}"

usage=$(for command in "${commands[@]}"; do
	"$perfring" "$command" --help | sed -n 's/^usage: //p'
done)
synopsis=$(sed -n '/^\.SH SYNOPSIS/,/^\.fi/p' "$page" | sed '/^\./d; s/\\f[BIR]//g; s/\\-/-/g')
diff <(echo "$usage") <(echo "$synopsis") || complain "perfring(1): SYNOPSIS is not what --help says"

# "count -t SECONDS", of the program and of the page.
helped=$(for command in "${commands[@]}"; do
	"$perfring" "$command" --help | sed -n "s/^  \(--*[a-z-]* [A-Z]*\) .*/$command \1/p"
done | sed 's/ *$//' | sort)
paged=$({ awk '
	/^\.SH/ { here = $2 == "COMMANDS" }
	!here { next }
	{ gsub(/\\-/, "-") }
	/^\.RS/ { inside = 1 }
	/^\.RE/ { inside = 0 }
	tagged && /^\.BI? / {
		gsub(/"/, "")
		if (inside)
			print command, $2 ($3 == "" ? "" : " " $3)
		else
			command = $2
	}
	{ tagged = /^\.TP/ }
' "$page"
	# What has a page of its own.
	for own in "$dir"/man/perfring-*.1; do
		name=${own##*/perfring-}
		sed -n '/^\.TP/{n;s/^\.BI* //p}' "$own" | sed 's/\\-/-/g; s/"//g; s/  */ /g' |
			sed -n "s/^-/${name%.1} -/p"
	done; } | sort)
diff <(echo "$helped") <(echo "$paged") || complain "perfring(1): COMMANDS has not the options of --help"
while read -r command option; do
	grep -qF -- "$option" <<<"$(grep "^perfring $command " <<<"$usage")" ||
		complain "perfring $command --help: $option is not in the line of its usage"
done < <(awk '{ print $1, $2 }' <<<"$helped")

text=$(mandoc -T ascii "$page" | sed 's/.\x08//g')
while read -r word; do
	grep -qF -- "$word" <<<"$text" || complain "perfring(1): nothing about $word"
done < <("$perfring" --help | grep -oE '(dev|perf|image|data):[A-Za-z/:_]+|,[a-z_]+=' | sort -u)

exit "$bad"
