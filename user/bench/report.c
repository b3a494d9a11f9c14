// SPDX-License-Identifier: MIT
/* The report: lines while it runs, then results.md and a picture for each plot. */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "report.h"

#define PLOTS	32
#define POINTS	1024

struct point {
	char series[48];
	double x;
	double y;
};

struct plot {
	char name[48];
	char title[128];
	char x[64];
	char y[64];
	size_t nr;
	struct point *points;
};

static struct plot plots[PLOTS];
static size_t nr_plots;
static const char *folder;
static FILE *rows, *verdicts, *notes;
static char *rows_text, *verdicts_text, *notes_text;
static size_t rows_size, verdicts_size, notes_size;
static int short_of;
static char heading[160];

int report_begin(const char *where)
{
	folder = where;
	rows = open_memstream(&rows_text, &rows_size);
	verdicts = open_memstream(&verdicts_text, &verdicts_size);
	notes = open_memstream(&notes_text, &notes_size);
	return rows && verdicts && notes ? 0 : -ENOMEM;
}

void report_case(const struct bench_case *what)
{
	printf("== %s: %s\n", what->name, what->what);
	fflush(stdout);
	fprintf(rows, "\n### %s\n\n%s\n\n", what->name, what->what);
	fputs("| what | who | ns | cycles | instructions |\n|---|---|---|---|---|\n", rows);
	heading[0] = '\0';
}

/* "min / median" */
static const char *both(char *text, size_t len, double min, double median)
{
	int digits = median < 100 ? 2 : median < 1000 ? 1 : 0;

	if (isnan(median))
		snprintf(text, len, "-");
	else
		snprintf(text, len, "%.*f / %.*f", digits, min, digits, median);
	return text;
}

void report_row(const char *what, const struct bench_run *run)
{
	char ns[64], cycles[64], instructions[64];

	both(ns, sizeof(ns), run->min.ns, run->median.ns);
	both(cycles, sizeof(cycles), run->min.cycles, run->median.cycles);
	both(instructions, sizeof(instructions), run->min.instructions,
	     run->median.instructions);
	printf("   %-28s %-24s %s ns, %s cycles, %s instructions\n", what, run->name, ns, cycles,
	       instructions);
	fflush(stdout);
	fprintf(rows, "| %s | %s | %s | %s | %s |\n", strcmp(heading, what) ? what : "", run->name,
		ns, cycles, instructions);
	snprintf(heading, sizeof(heading), "%s", what);
}

void bench_verdict(const char *name, double figure, double bound)
{
	bool known = !isnan(figure) && !isnan(bound);
	const char *verdict = !known ? "unknown" : figure <= bound ? "ok" : "short";

	short_of += known && figure > bound;
	printf("bench: %s %.4g %.4g %s\n", name, figure, bound, verdict);
	fflush(stdout);
	fprintf(verdicts, "| %s | %.4g | %.4g | %s |\n", name, figure, bound, verdict);
}

void bench_missing(const char *peer, const char *why)
{
	bench_note("%s is missing: %s", peer, why);
}

void bench_note(const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	printf("   %s\n", text);
	fflush(stdout);
	fprintf(notes, "- %s\n", text);
}

static struct plot *plot_find(const char *name)
{
	for (size_t i = 0; i < nr_plots; i++)
		if (!strcmp(plots[i].name, name))
			return &plots[i];
	return NULL;
}

void bench_plot(const char *name, const char *title, const char *x, const char *y)
{
	struct plot *plot = &plots[nr_plots];

	if (plot_find(name) || nr_plots == PLOTS)
		return;
	plot->points = calloc(POINTS, sizeof(*plot->points));
	if (!plot->points)
		return;
	snprintf(plot->name, sizeof(plot->name), "%s", name);
	snprintf(plot->title, sizeof(plot->title), "%s", title);
	snprintf(plot->x, sizeof(plot->x), "%s", x);
	snprintf(plot->y, sizeof(plot->y), "%s", y);
	nr_plots++;
}

void bench_point(const char *name, const char *series, double x, double y)
{
	struct plot *plot = plot_find(name);
	struct point *point;

	if (!plot || plot->nr == POINTS || isnan(y))
		return;
	point = &plot->points[plot->nr++];
	snprintf(point->series, sizeof(point->series), "%s", series);
	point->x = x;
	point->y = y;
}

/* The first point of its line? */
static bool first_of(const struct plot *plot, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (!strcmp(plot->points[j].series, plot->points[i].series))
			return false;
	return true;
}

static void plot_lines(const struct plot *plot, FILE *out)
{
	const char *separator = "plot ";

	fprintf(out, "set terminal svg size 720,420 background '#ffffff' font 'sans,12'\n");
	fprintf(out, "set output '%s/%s.svg'\nset title '%s'\nset xlabel '%s'\nset ylabel '%s'\n",
		folder, plot->name, plot->title, plot->x, plot->y);
	fprintf(out, "set logscale x 2\nset key top left\nset grid\nset yrange [0:*]\n");
	if (strlen(plot->y) > 5 && !strcmp(plot->y + strlen(plot->y) - 5, "(log)"))
		fprintf(out, "set yrange [*:*]\nset logscale y\n");
	for (size_t i = 0; i < plot->nr; i++) {
		if (!first_of(plot, i))
			continue;
		fprintf(out, "%s'-' using 1:2 with linespoints title '%s'", separator,
			plot->points[i].series);
		separator = ", ";
	}
	fputc('\n', out);
	for (size_t i = 0; i < plot->nr; i++) {
		if (!first_of(plot, i))
			continue;
		for (size_t j = i; j < plot->nr; j++)
			if (!strcmp(plot->points[i].series, plot->points[j].series))
				fprintf(out, "%g %g\n", plot->points[j].x, plot->points[j].y);
		fputs("e\n", out);
	}
}

static void plot_draw(const struct plot *plot)
{
	FILE *out = plot->nr ? popen("gnuplot", "w") : NULL;

	if (!out)
		return;
	plot_lines(plot, out);
	if (pclose(out))
		fprintf(stderr, "bench: gnuplot did not draw %s.svg\n", plot->name);
}

/* "AMD EPYC", from /proc/cpuinfo */
static void cpu_name(char *name, size_t len)
{
	FILE *info = fopen("/proc/cpuinfo", "re");
	char line[256];

	snprintf(name, len, "unknown");
	while (info && fgets(line, sizeof(line), info)) {
		char *colon = strchr(line, ':');

		if (strncmp(line, "model name", 10) != 0 || !colon)
			continue;
		colon[strcspn(colon, "\n")] = '\0';
		snprintf(name, len, "%s", colon + 2);
		break;
	}
	if (info)
		fclose(info);
}

static bool virtual_machine(void)
{
	FILE *info = fopen("/proc/cpuinfo", "re");
	char line[4096];
	bool is = false;

	while (info && !is && fgets(line, sizeof(line), info))
		is = !strncmp(line, "flags", 5) && strstr(line, " hypervisor");
	if (info)
		fclose(info);
	return is;
}

int report_end(void)
{
	const char *peers = getenv("BENCH_PEERS");
	char path[4096], name[128], date[32] = "";
	time_t now = time(NULL);
	struct utsname host;
	struct tm tm;
	FILE *out;

	fclose(rows);
	fclose(verdicts);
	fclose(notes);
	snprintf(path, sizeof(path), "%s/results.md", folder);
	out = fopen(path, "we");
	if (!out) {
		fprintf(stderr, "bench: %s: %s\n", path, strerror(errno));
		return short_of;
	}
	cpu_name(name, sizeof(name));
	uname(&host);
	if (gmtime_r(&now, &tm))
		strftime(date, sizeof(date), "%Y-%m-%d", &tm);
	fprintf(out, "<!-- %s: MIT -->\n# Measured\n\n", "SPDX-License-Identifier");
	/* What a builder added to the number is nobody's matter. */
	host.release[strspn(host.release, "0123456789.")] = '\0';
	fprintf(out, "%s%s, %ld CPUs, Linux %s, %s; costs of one operation, min / median of %u.\n\n",
		name, virtual_machine() ? " (virtual machine)" : "", sysconf(_SC_NPROCESSORS_ONLN),
		host.release, date, bench_repetitions());
	if (peers)
		fprintf(out, "Built by and measured beside: %s.\n\n", peers);
	fprintf(out, "| target | figure | bound | |\n|---|---|---|---|\n%s%s\n%s", verdicts_text,
		rows_text, notes_text);
	for (size_t i = 0; i < nr_plots; i++) {
		plot_draw(&plots[i]);
		if (plots[i].nr)
			fprintf(out, "\n![%s](%s.svg)\n", plots[i].title, plots[i].name);
		free(plots[i].points);
	}
	fclose(out);
	free(rows_text);
	free(verdicts_text);
	free(notes_text);
	return short_of;
}
