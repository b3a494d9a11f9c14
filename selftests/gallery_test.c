// SPDX-License-Identifier: GPL-2.0
/*
 * The gallery of broken readers, led through all scenarios of perfring torture: each
 * fails those that the table in gallery/README.md says, and no other; the correct ones
 * fail none.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "fixtures.h"
#include "watchpoint.h"

#define TABLE		TOP "/selftests/gallery/README.md"
#define SCENARIOS_MAX	64
#define READERS_MAX	64
#define NAME_MAX_LEN	24
/* A reader that hangs is given so long at first, any other one as long as it takes. */
#define SHORT_SECONDS	0.4
#define LONG_SECONDS	60
#define JOBS		8

static char output[1 << 16];

/* FAILS by what it prints or stores, HANGS by the deadline, CHANCE now and then by the former. */
enum outcome { PASSES, FAILS, HANGS, CHANCE, SKIPPED, MISSING };

struct row {
	char name[NAME_MAX_LEN];
	enum outcome outcome[SCENARIOS_MAX];	/* as the table has it */
	enum outcome want[SCENARIOS_MAX];	/* of this backend */
	enum outcome seen[SCENARIOS_MAX];
	bool modelled, order, fetch;	/* it fails these there */
	bool elsewhere;			/* it fails more where a long has other bits */
};

static struct row rows[READERS_MAX];
static unsigned int row_count;
static struct row control = { .name = "correct" };
static char scenarios[SCENARIOS_MAX][NAME_MAX_LEN];
static unsigned int scenario_count;

static const char *command(void)
{
	return getenv("PERFRING_COMMAND") ?: USER_O "/perfring";
}

/* Where the readers were built: beside this program. */
static const char *gallery(void)
{
	static char path[512];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 16);

	if (n < 0)
		return "";
	path[n] = '\0';
	strcpy(strrchr(path, '/') + 1, "gallery");
	return path;
}

static bool tells(enum outcome outcome)
{
	return outcome == FAILS || outcome == HANGS;
}

static int scenario_find(const char *name, size_t len)
{
	unsigned int i;

	for (i = 0; i < scenario_count; i++)
		if (strlen(scenarios[i]) == len && !memcmp(scenarios[i], name, len))
			return i;
	return -1;
}

/* What the command has, in its order. */
static int scenarios_list(void)
{
	char line[600];
	FILE *pipe;

	snprintf(line, sizeof(line), "%s torture --list", command());
	pipe = popen(line, "r");
	scenario_count = 0;
	while (pipe && fgets(line, sizeof(line), pipe) && scenario_count < SCENARIOS_MAX)
		sscanf(line, "%23s", scenarios[scenario_count++]);
	return pipe ? pclose(pipe) : -1;
}

/* The last cell of what is left of a line, which ends before it then. */
static char *last_cell(char *line)
{
	char *cell;

	*strrchr(line, '|') = '\0';
	cell = strrchr(line, '|') + 1;
	return cell + strspn(cell, " ");
}

/*
 * A row: | `reader` | its mistake | scenario, *scenario*, scenario?, ... | model |, those that
 * it hangs in between asterisks, a chance with its question mark; "none"; scenario@32 and @64,
 * which tell where an unsigned long has so many bits.  0, or the line that cannot be read.
 */
static unsigned int table_read(void)
{
	unsigned int nr = 0;
	char line[2000], *cell, *word, *bits, *save;
	FILE *file = fopen(TABLE, "r");
	struct row *row;
	size_t len;
	int at;

	row_count = 0;
	while (file && fgets(line, sizeof(line), file)) {
		nr++;
		if (strncmp(line, "| `", 3) || row_count == READERS_MAX)
			continue;
		row = &rows[row_count++];
		memset(row, 0, sizeof(*row));
		sscanf(line + 3, "%23[^`]", row->name);
		cell = last_cell(line);
		row->modelled = !strstr(cell, "not there");
		row->order = strstr(cell, "order");
		row->fetch = strstr(cell, "fetch");
		cell = last_cell(line);
		for (word = strtok_r(cell, ", ", &save); word; word = strtok_r(NULL, ", ", &save)) {
			if (!strcmp(word, "none"))
				continue;
			len = strcspn(word + (*word == '*'), "*?@");
			at = scenario_find(word + (*word == '*'), len);
			if (at < 0) {
				fclose(file);
				return nr;
			}
			bits = strchr(word, '@');
			if (bits && strtoul(bits + 1, NULL, 10) != 8 * sizeof(long)) {
				row->elsewhere = true;
				continue;
			}
			row->outcome[at] = *word == '*' ? HANGS : word[len] == '?' ? CHANCE : FAILS;
		}
	}
	if (!file)
		return 1;
	fclose(file);
	return 0;
}

/* One run of the command with some scenarios; its output goes to a file of its own. */
struct job {
	pid_t child;
	struct row *row;
	FILE *file;
};

static void job_start(struct job *job, struct row *row, const char *backend, double seconds,
		      const char *const *names, unsigned int nr)
{
	const char *argv[2 * SCENARIOS_MAX + 16];
	char reader[600], limit[32];
	unsigned int i, n = 0;

	snprintf(reader, sizeof(reader), "%s/%s", gallery(), row->name);
	snprintf(limit, sizeof(limit), "%.3g", seconds);
	argv[n++] = command();
	argv[n++] = "torture";
	argv[n++] = "--ktap";
	argv[n++] = "--backend";
	argv[n++] = backend;
	argv[n++] = "-t";
	argv[n++] = limit;
	for (i = 0; i < nr; i++) {
		argv[n++] = "--scenario";
		argv[n++] = names[i];
	}
	argv[n++] = "--";
	argv[n++] = reader;
	argv[n] = NULL;
	job->row = row;
	job->file = tmpfile();
	job->child = fork();
	if (job->child)
		return;
	dup2(fileno(job->file), STDOUT_FILENO);
	dup2(fileno(job->file), STDERR_FILENO);
	execv(argv[0], (char *const *)argv);
	_exit(127);
}

/* "after 0.4 s ...": slow or hanging, and not wrong. */
static bool by_deadline(const char *line)
{
	const char *at = line;
	double seconds;
	char space;

	while ((at = strstr(at, "after ")))
		if (sscanf(at++, "after %lf s%c", &seconds, &space) == 2 && space == ' ')
			return true;
	return false;
}

/* Note what it says of each scenario. */
static void job_read(struct job *job)
{
	char line[1000], name[64], not[8];
	struct row *row = job->row;
	const char *dot;
	int at = -1;

	rewind(job->file);
	while (fgets(line, sizeof(line), job->file)) {
		if (at >= 0 && strstr(line, "# what is wrong: ") && by_deadline(line))
			row->seen[at] = HANGS;
		*not = '\0';
		if (sscanf(line, "ok %*u %63s", name) != 1 &&
		    sscanf(line, "%7[not] ok %*u %63s", not, name) != 2)
			continue;
		dot = strchr(name, '.');
		at = dot ? scenario_find(dot + 1, strlen(dot + 1)) : -1;
		if (at >= 0)
			row->seen[at] = *not ? FAILS : strstr(line, "# SKIP") ? SKIPPED : PASSES;
	}
	fclose(job->file);
	job->file = NULL;
}

static struct job jobs[JOBS];

/* A free place for a job: the oldest's, when all are taken. */
static struct job *job_next(void)
{
	static unsigned int turn;
	struct job *job = &jobs[turn++ % JOBS];

	if (job->child > 0) {
		waitpid(job->child, NULL, 0);
		job->child = 0;
		job_read(job);
	}
	return job;
}

static void jobs_end(void)
{
	for (unsigned int i = 0; i < JOBS; i++)
		job_next();
}

/* Can this ring do that, and this machine?  Some scenarios only a file in memory has. */
static bool can(const char *backend, const char *scenario)
{
	static int watchpoints = -1;

	if (!strcmp(scenario, "size-changes")) {
		if (watchpoints < 0)
			watchpoints = watchpoints_work();
		return watchpoints && !strcmp(backend, "memory");
	}
	/* Positions of 32 bits do not get there: they begin at 0 again in position-32. */
	if (sizeof(long) == 4 &&
	    (!strcmp(scenario, "position-63") || !strcmp(scenario, "position-64")))
		return false;
	return !strcmp(backend, "memory") ||
	       (strcmp(scenario, "hangup") && strcmp(scenario, "page-64k") &&
		strcmp(scenario, "old-kernel"));
}

/* @few: of a broken reader only the first scenario that tells it. */
static bool wanted(const struct row *row, unsigned int at, const char *backend, bool few)
{
	unsigned int i, all = 0, before = 0;

	for (i = 0; i < scenario_count; i++) {
		all += tells(row->outcome[i]);
		before += i < at && tells(row->outcome[i]) && can(backend, scenarios[i]);
	}
	return !few || (!all && !row->elsewhere) ||
	       (tells(row->outcome[at]) && can(backend, scenarios[at]) && !before);
}

/* All that it does not hang in. */
static void row_run(struct row *row, const char *backend, bool few)
{
	const char *names[SCENARIOS_MAX];
	unsigned int i, nr = 0;

	for (i = 0; i < scenario_count; i++)
		if (row->outcome[i] != HANGS && wanted(row, i, backend, few))
			names[nr++] = scenarios[i];
	/* None: a reader that hangs everywhere. */
	if (nr)
		job_start(job_next(), row, backend, LONG_SECONDS, names, nr);
}

/* The readers that hang in it, and the correct one. */
static void scenario_run(unsigned int at, const char *backend, double seconds, bool few)
{
	const char *name = scenarios[at];
	unsigned int i, nr = 0;

	for (i = 0; i < row_count; i++) {
		if (rows[i].outcome[at] != HANGS || !wanted(&rows[i], at, backend, few))
			continue;
		if (!nr++)
			job_start(job_next(), &control, backend, seconds, &name, 1);
		job_start(job_next(), &rows[i], backend, seconds, &name, 1);
	}
}

/*
 * Who hangs and who is slow looks the same, so a correct reader runs beside those that hang in
 * a scenario: where it is late as well, all of them are given twice as long.
 */
static void hanging_run(const char *backend, bool few)
{
	double seconds = SHORT_SECONDS * slowness();
	bool again;

	for (unsigned int j = 0; j < scenario_count; j++)
		control.seen[j] = MISSING;
	do {
		again = false;
		for (unsigned int j = 0; j < scenario_count; j++)
			if (control.seen[j] == MISSING || control.seen[j] == HANGS)
				scenario_run(j, backend, seconds, few);
		jobs_end();
		for (unsigned int j = 0; j < scenario_count; j++)
			again |= control.seen[j] == HANGS;
		seconds *= 2;
	} while (again && seconds <= LONG_SECONDS);
}

/* What the table says of this backend, and of what is left out. */
static void row_want(struct row *row, const char *backend, bool few)
{
	unsigned int i;

	for (i = 0; i < scenario_count; i++) {
		row->want[i] = row->outcome[i];
		if (row->outcome[i] == CHANCE)
			row->want[i] = row->seen[i] == PASSES ? PASSES : FAILS;
		if (!can(backend, scenarios[i]))
			row->want[i] = SKIPPED;
		if (!wanted(row, i, backend, few))
			row->want[i] = MISSING;
	}
}

/* As the table has it, to be put there. */
static const char *row_text(const struct row *row)
{
	static char text[1000];
	unsigned int i, n = 0;

	*text = '\0';
	for (i = 0; i < scenario_count; i++)
		if (tells(row->seen[i]))
			n += snprintf(text + n, sizeof(text) - n, "%s%s%s%s%s", n ? ", " : "",
				      row->seen[i] == HANGS ? "*" : "", scenarios[i],
				      row->seen[i] == HANGS ? "*" : "",
				      row->outcome[i] == CHANCE ? "?" : "");
	return n ? text : "none";
}

static int count_of(const char *text, const char *what)
{
	int n = 0;

	while ((text = strstr(text, what))) {
		text += strlen(what);
		n++;
	}
	return n;
}

FIXTURE(gallery) {
};

FIXTURE_VARIANT(gallery) {
	const char *backend;
};

FIXTURE_VARIANT_ADD(gallery, memory) { .backend = "memory" };
FIXTURE_VARIANT_ADD(gallery, device) { .backend = "device" };

FIXTURE_SETUP(gallery)
{
	char why[WHY_LEN];

	if (!strcmp(variant->backend, "device") && !device_ready(why, sizeof(why)))
		SKIP(return, "%s", why);
	if (!strcmp(variant->backend, "device"))
		ASSERT_EQ(0, module_allow(true));
	if (access(TABLE, R_OK))
		SKIP(return, "no source tree with its table");
	ASSERT_EQ(0, scenarios_list());
	ASSERT_LT(20, scenario_count);
	ASSERT_EQ(0, table_read()) {
		TH_LOG("%s: this line names a scenario that is not there", TABLE);
	}
}

FIXTURE_TEARDOWN(gallery)
{
	if (!strcmp(variant->backend, "device"))
		EXPECT_EQ(0, module_allow(false));
}

/*
 * Each reader in each scenario, and the table says what comes of it.  Where there is a
 * device the machine is an emulated one, and slow: what has to fail does.
 */
TEST_F_TIMEOUT(gallery, table, 200)
{
	bool few = device_ready((char [WHY_LEN]){}, WHY_LEN);
	unsigned int i, j, correct = 0;
	struct row *row;

	for (i = 0; i < row_count; i++) {
		for (j = 0; j < SCENARIOS_MAX; j++)
			rows[i].seen[j] = MISSING;
		row_run(&rows[i], variant->backend, few);
	}
	jobs_end();
	hanging_run(variant->backend, few);
	for (j = 0; j < scenario_count; j++)
		EXPECT_FALSE(tells(control.seen[j])) {
			TH_LOG("a correct reader is too slow in %s", scenarios[j]);
		}
	for (i = 0; i < row_count; i++) {
		unsigned int differ = 0, fails = 0;

		row = &rows[i];
		row_want(row, variant->backend, few);
		for (j = 0; j < scenario_count; j++) {
			fails += tells(row->outcome[j]);
			differ += row->seen[j] != row->want[j];
			EXPECT_EQ(row->want[j], row->seen[j]) {
				TH_LOG("%s in %s", row->name, scenarios[j]);
			}
		}
		correct += !fails;
		if (differ)
			TH_LOG("%s fails: %s", row->name, row_text(row));
	}
	EXPECT_LT(1, correct);
	EXPECT_LT(25, row_count);
}

/* Each reader in the model; beside a device those that fail there, and the correct one. */
TEST(model)
{
	bool few = device_ready((char [WHY_LEN]){}, WHY_LEN);
	unsigned int i, caught = 0, passed = 0;
	char line[600];
	struct row *row;
	FILE *pipe;
	bool fetch;
	int status;

	if (access(TABLE, R_OK))
		SKIP(return, "no source tree with its table");
	scenarios_list();
	ASSERT_EQ(0, table_read());
	for (i = 0; i < row_count; i++) {
		row = &rows[i];
		if (!row->modelled || (few && !row->order && !row->fetch &&
				       strcmp(row->name, "correct")))
			continue;
		/*
		 * It takes a payload's length, 8, for a header: of size 0, where it stops, or of
		 * size 8, in the other byte order.
		 */
		fetch = row->fetch || (BIG_ENDIAN_HERE && !strcmp(row->name, "unpublished"));
		snprintf(line, sizeof(line), "%s/%.23s --explore", gallery(), row->name);
		pipe = popen(line, "r");
		ASSERT_NE(NULL, pipe);
		output[fread(output, 1, sizeof(output) - 1, pipe)] = '\0';
		status = pclose(pipe);
		EXPECT_EQ(row->order || fetch, WEXITSTATUS(status));
		EXPECT_NE(NULL, strstr(output, row->order ? "order FAILS: it " : "order ok: ")) {
			TH_LOG("%s: %s", row->name, output);
		}
		EXPECT_NE(NULL, strstr(output, fetch ? "fetch FAILS: it " : "fetch ok: ")) {
			TH_LOG("%s: %s", row->name, output);
		}
		/* Every way to run it was tried. */
		EXPECT_EQ(2 - row->order - fetch, count_of(output, ", all there are")) {
			TH_LOG("%s: %s", row->name, output);
		}
		caught += row->order || row->fetch;
		passed += !row->order && !row->fetch;
	}
	EXPECT_LT(3, caught);
	EXPECT_LT(0, passed);
}

/* No reader without a row, and none twice. */
TEST(all_readers_are_in_the_table)
{
	unsigned int i, n = 0, times;
	struct dirent *entry;
	DIR *dir = opendir(gallery());

	if (access(TABLE, R_OK))
		SKIP(return, "no source tree with its table");
	ASSERT_NE(NULL, dir);
	scenarios_list();
	ASSERT_EQ(0, table_read());
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		for (times = i = 0; i < row_count; i++)
			times += !strcmp(rows[i].name, entry->d_name);
		EXPECT_EQ(1, times) {
			TH_LOG("%s is %u times in the table", entry->d_name, times);
		}
		n++;
	}
	closedir(dir);
	EXPECT_EQ(n, row_count);
}

TEST_HARNESS_MAIN
