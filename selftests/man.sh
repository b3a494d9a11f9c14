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

# What the help says is in perfring(1): commands, options, sources.
text=$(mandoc -T ascii "$dir/man/perfring.1" | sed 's/.\x08//g')
help=$("$dir/perfring" --help)
while read -r command; do
	grep -qE "^ +perfring $command" <<<"$text" || complain "perfring(1): no command $command"
	help+=$("$dir/perfring" "$command" --help 2>&1)
done < <(sed -n '/SOURCE is/q; s/^  \([a-z]\{3,\}\).*/\1/p' <<<"$help")
while read -r word; do
	grep -qF -- "$word" <<<"$text" || complain "perfring(1): nothing about $word"
done < <({
	grep -oE -- '(^|[^a-z0-9-])--?[a-z][a-z-]*' <<<"$help" | grep -oE -- '-.*'
	grep -oE '(dev|perf|image):[A-Za-z/:_]+|,[a-z_]+=' <<<"$help"
} | sort -u)

exit "$bad"
