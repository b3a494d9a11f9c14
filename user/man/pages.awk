# SPDX-License-Identifier: MIT
#
# What a manual page takes from elsewhere, so that it cannot differ:
#
#	@EXAMPLE FILE@		the text of dir/FILE, which is compiled and run
#	@SYNOPSIS HEADER@	the declarations of a header's functions
#	@FUNCTION NAME...@	the contract of a function, of several that share one
#	@STRUCT NAME@		a structure and what its fields mean
#	@NAMES all@		every function that pages have to describe, one a line;
#				"inline": those with a body
#
# Contracts are the comments of the public headers: headers=FILE FILE ... names them.

# Text of a comment as roff: names of functions and errors bold, parameters italic.
function roff(text,	out)
{
	gsub(/\\/, "\\e", text)
	gsub(/^[.\047]/, "\\\\\\&&", text)
	out = ""
	while (match(text, /@[a-z_0-9]+|-E[A-Z0-9]+|[a-z_0-9]+\([2-8]?\)/)) {
		out = out substr(text, 1, RSTART - 1) marked(substr(text, RSTART, RLENGTH))
		text = substr(text, RSTART + RLENGTH)
	}
	return out text
}

function marked(word,	at)
{
	if (word ~ /^@/)
		return "\\fI" substr(word, 2) "\\fR"
	if (word ~ /^-/)
		return "\\fB\\" word "\\fR"
	at = index(word, "(")
	return "\\fB" substr(word, 1, at - 1) "\\fR" substr(word, at)
}

# A declaration on as many lines as it needs, parameters italic.
function declaration(text,	open, head, args, n, i, arg, line, name, shown)
{
	open = index(text, "(")
	if (text ~ /^typedef/)
		open += index(substr(text, open + 1), "(")
	head = substr(text, 1, open)
	args = substr(text, open + 1)
	sub(/\)[^)]*$/, "", args)
	n = split(args, arg, /, */)
	line = "\\fB" head
	shown = length(head)
	for (i = 1; i <= n; i++) {
		if (i > 1 && shown + length(arg[i]) > 74) {
			print line
			line = "\\fB        "
			shown = 8
		} else if (i > 1) {
			line = line " "
		}
		shown += length(arg[i]) + 2
		if (match(arg[i], /[a-z_0-9]+$/) && RSTART > 1) {
			name = substr(arg[i], RSTART)
			arg[i] = substr(arg[i], 1, RSTART - 1) "\\fI" name "\\fB"
		}
		line = line arg[i] (i < n ? "," : "")
	}
	print line ");\\fR"
}

# Forget the comment before, begin the next.
function comment_begin()
{
	purpose = body = result = last = ""
	delete field
	fields = 0
}

# One line of a comment, without what is at its sides.
function comment_line(text,	at, name)
{
	if (text ~ /^(struct |enum )?perfring_[a-z_0-9]+ - /) {
		purpose = substr(text, index(text, " - ") + 3)
		last = "purpose"
	} else if (text ~ /^@[a-z_0-9]+:/) {
		at = index(text, ":")
		name = substr(text, 2, at - 2)
		field[++fields] = name "\n" substr(text, at + 2)
		last = "field"
	} else if (text ~ /^Return:/) {
		result = "Returns" substr(text, 8)
		last = "result"
	} else if (text == "") {
		last = "blank"
	} else if (last == "field") {
		field[fields] = field[fields] " " text
	} else if (last == "result") {
		result = result "\n" text
	} else if (last == "purpose") {
		purpose = purpose " " text
	} else {
		body = body (body == "" ? "" : last == "blank" ? "\n\n" : "\n") text
		last = "body"
	}
}

# What the comment before says belongs to this name.
function remember(name,	i)
{
	Purpose[name] = purpose
	Body[name] = body
	Result[name] = result
	Fields[name] = fields
	for (i = 1; i <= fields; i++)
		Field[name, i] = field[i]
}

function header_declaration(text,	name, inlined)
{
	gsub(/[ \t]+/, " ", text)
	inlined = sub(/^static (PERFRING_INLINE|inline) /, "", text)
	sub(/ *__attribute__.*/, ";", text)
	if (!match(text, /perfring_[a-z_0-9]+\)?\(/))
		return
	name = substr(text, RSTART, RLENGTH)
	gsub(/[()]/, "", name)
	if (name in Declaration)
		return
	Declaration[name] = text
	if (inlined)
		Inline[name]
	remember(name)
	Order[Header, ++Orders[Header]] = name
}

function header(file,	line, in_comment, code, in_struct, in_body)
{
	Header = file
	sub(/.*\//, "", Header)
	comment_begin()
	while ((getline line <file) > 0) {
		if (in_body) {
			if (line == "}")
				in_body = 0
			continue
		}
		if (in_struct != "") {
			Struct[in_struct] = Struct[in_struct] line "\n"
			if (line ~ /^}/)
				in_struct = ""
			continue
		}
		if (code == "" && !in_comment && line ~ /^\/\*/) {
			comment_begin()
			sub(/^\/\*\*? */, "", line)
			in_comment = 1
		}
		if (in_comment) {
			if (line ~ /\*\//)
				in_comment = 0
			sub(/ *\*\/.*/, "", line)
			sub(/^ \*[ \t]?[ \t]*/, "", line)
			if (line != "" || in_comment)
				comment_line(line)
			continue
		}
		if (code == "" && (line ~ /^[#}]/ || line == "" || line ~ /^extern "C"/))
			continue
		if (code == "" && line ~ /^(struct|enum) perfring_[a-z_0-9]+ \{/) {
			split(line, word, " ")
			in_struct = word[2]
			Struct[in_struct] = line "\n"
			remember(in_struct)
			continue
		}
		if (line == "{") {
			header_declaration(code)
			code = ""
			in_body = 1
			continue
		}
		code = code (code == "" ? "" : " ") line
		if (line ~ /;/) {
			header_declaration(code)
			code = ""
		}
	}
	close(file)
}

function paragraph(text,	n, i, line)
{
	n = split(text, line, "\n")
	for (i = 1; i <= n; i++)
		print line[i] == "" ? ".P" : roff(line[i])
}

function show_fields(name,	i, at)
{
	for (i = 1; i <= Fields[name]; i++) {
		at = index(Field[name, i], "\n")
		if (substr(Field[name, i], 1, at - 1) == "padding")
			continue
		print ".TP 12"
		print ".I " substr(Field[name, i], 1, at - 1)
		print roff(substr(Field[name, i], at + 1))
	}
}

function sentence(text)
{
	# A name stays as it is.
	if (text !~ /^[a-z_]+[.(]/)
		text = toupper(substr(text, 1, 1)) substr(text, 2)
	return text (text ~ /[.:]$/ ? "" : ".")
}

function show_function(names,	n, i, name, text)
{
	n = split(names, name, " ")
	text = ""
	for (i = 1; i <= n; i++) {
		if (!(name[i] in Declaration))
			fail("no function " name[i])
		text = text (i > 1 ? ", " : "") "\\fB" name[i] "\\fR()"
	}
	print ".TP 4"
	print text
	if (Purpose[name[1]] != "")
		print roff(sentence(Purpose[name[1]]))
	if (Purpose[name[1]] == "" && Body[name[1]] != "") {
		paragraph(sentence(Body[name[1]]))
		return
	}
	print ".RS 4"
	show_fields(name[1])
	if (Body[name[1]] != "") {
		print ".P"
		paragraph(Body[name[1]])
	}
	if (Result[name[1]] != "") {
		print ".P"
		paragraph(Result[name[1]])
	}
	print ".RE"
}

function show_struct(name,	n, i, line)
{
	if (!(name in Struct))
		fail("no structure " name)
	print ".P"
	print ".EX"
	n = split(Struct[name], line, "\n")
	for (i = 1; i < n; i++) {
		sub(/[ \t]*\/\*.*\*\//, "", line[i])
		gsub(/\t/, "    ", line[i])
		print line[i]
	}
	print ".EE"
	print ".P"
	print roff(sentence(Purpose[name]))
	show_fields(name)
	if (Body[name] != "") {
		print ".P"
		paragraph(Body[name])
	}
}

# What only looks public, because inline functions need it.
function inner(name)
{
	return (Purpose[name] Body[name]) ~ /not for direct use/
}

function show_synopsis(file,	i, name)
{
	if (!Orders[file])
		fail("no functions in " file)
	for (i = 1; i <= Orders[file]; i++) {
		name = Order[file, i]
		if (!inner(name))
			declaration(Declaration[name])
	}
}

function show_names(which,	name)
{
	for (name in Declaration)
		if (!inner(name) && (which != "inline" || name in Inline))
			print name
}

function show_example(name,	file, got, line)
{
	file = dir "/" name
	while ((got = (getline line <file)) > 0) {
		if (line ~ /SPDX-License-Identifier/)
			continue
		gsub(/\\/, "\\e", line)
		gsub(/-/, "\\-", line)
		if (line ~ /^[.\047]/)
			line = "\\&" line
		print line
	}
	if (got < 0)
		fail("no example " file)
	close(file)
}

function fail(why)
{
	print FILENAME ": " why >"/dev/stderr"
	exit 1
}

# "name \- purpose" becomes "name, function, ... \- purpose", for apropos(1): the functions
# of the headers that the page shows further down.
function show_name(text,	page, line, file, i, name)
{
	page = substr(text, 1, index(text, " ") - 1)
	printf "%s", page
	while ((getline line <FILENAME) > 0) {
		if (line !~ /^@SYNOPSIS .*@$/)
			continue
		file = substr(line, 11, length(line) - 11)
		for (i = 1; i <= Orders[file]; i++) {
			name = Order[file, i]
			if (!inner(name) && name != page)
				printf ",\n%s", name
		}
	}
	close(FILENAME)
	print substr(text, index(text, " "))
}

BEGIN {
	n = split(headers, file, " ")
	for (i = 1; i <= n; i++)
		header(file[i])
}

/^@[A-Z]+ .*@$/ {
	rest = substr($0, length($1) + 2)
	sub(/@$/, "", rest)
	if ($1 == "@EXAMPLE")
		show_example(rest)
	else if ($1 == "@SYNOPSIS")
		show_synopsis(rest)
	else if ($1 == "@FUNCTION")
		show_function(rest)
	else if ($1 == "@STRUCT")
		show_struct(rest)
	else if ($1 == "@NAMES")
		show_names(rest)
	else
		fail("what is " $1 "?")
	next
}
last_line == ".SH NAME" {
	show_name($0)
	last_line = ""
	next
}
{
	last_line = $0
	print
}
