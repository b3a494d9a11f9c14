# SPDX-License-Identifier: MIT
#
# A line "@EXAMPLE FILE@" of a manual page becomes the text of dir/FILE, so that
# what is shown is what is tested.

$1 == "@EXAMPLE" {
	file = dir "/" substr($2, 1, length($2) - 1)
	while ((got = (getline line <file)) > 0) {
		if (line ~ /SPDX-License-Identifier/)
			continue
		gsub(/\\/, "\\e", line)
		gsub(/-/, "\\-", line)
		if (line ~ /^[.\047]/)
			line = "\\&" line
		print line
	}
	if (got < 0) {
		print FILENAME ": no example " file >"/dev/stderr"
		exit 1
	}
	next
}
{ print }
