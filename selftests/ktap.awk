# SPDX-License-Identifier: GPL-2.0
#
# Judges what kselftest's runner printed for one stage. The runner puts "# "
# before each line of a test program and ends the program with a line of its
# own, "ok N selftests: FOLDER: PROGRAM". Counted are the programs' own tests.
#
#   awk -v stage=NAME -v failures=FILE -v skips=FILE -f ktap.awk LOG
#
# prints "PASSED FAILED SKIPPED" and appends the failures with their context
# and the skips' reasons to the two files.

function fail(what, lines,	i)
{
	failed++
	print "FAIL " stage ": " what >>failures
	for (i = lines > 12 ? lines - 12 : 0; i < lines; i++)
		print "    " context[i] >>failures
}

function skip(reason)
{
	skipped++
	if (reason == "")
		reason = "(no reason given)"
	print reason >>skips
}

# What stands after "# SKIP ", else nothing.
function reason_of(line)
{
	return match(line, /# SKIP */) ? substr(line, RSTART + RLENGTH) : ""
}

{ sub(/\r$/, "") }

/^1\.\.[0-9]+/ {
	programs = substr($1, 4) + 0
	next
}

/^# selftests: / {
	if (name != "")
		fail(name ": ended without a result", lines)
	name = $NF
	plan = -1
	seen = bad = lines = 0
	note = ""
	next
}

/^(not )?ok [0-9]+ selftests: / {
	ended++
	if (plan < 0 && / # SKIP/)
		skip(name ": " (note == "" ? "(no reason given)" : note))
	else if (plan < 0)
		fail(name ": printed no plan (" $0 ")", lines)
	else if (seen != plan)
		fail(name ": finished " seen " of " plan " tests (" $0 ")", lines)
	else if (/^not ok/ && !bad)
		fail(name ": its tests passed but it did not (" $0 ")", lines)
	name = ""
	next
}

{ context[lines++] = $0 }

/^# 1\.\.[0-9]+/ {
	plan = substr($2, 4) + 0
	if (plan == 0)
		note = reason_of($0)
	next
}

/^# not ok [0-9]+/ {
	seen++
	bad++
	fail(name ": " substr($0, 3), lines)
	lines = 0
	next
}

/^# ok [0-9]+/ {
	seen++
	if (/# SKIP/)
		skip(reason_of($0))
	else
		passed++
	lines = 0
	next
}

END {
	if (name != "")
		fail(name ": ended without a result", lines)
	if (ended != programs)
		fail("ran " (ended + 0) " of " (programs + 0) " test programs", 0)
	if (passed + failed == 0)
		fail("ran no test", 0)
	print passed + 0, failed + 0, skipped + 0
}
