# SPDX-License-Identifier: MIT
#
# The functions that a built page describes: those in its SYNOPSIS, one a line.
# Each gets a page of its own that refers to it.

/^\.S[Hh] / {
	synopsis = /SYNOPSIS/
}
synopsis {
	gsub(/\\f[BIRP]|["\\]/, "")
	# mdoc names a function without its parenthesis.
	if (/^\.F[no] /)
		$0 = $2 "("
	while (match($0, /perfring_[a-z_0-9]+\)?\(/)) {
		name = substr($0, RSTART, RLENGTH)
		gsub(/[()]/, "", name)
		print name
		$0 = substr($0, RSTART + RLENGTH)
	}
}
