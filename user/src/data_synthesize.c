// SPDX-License-Identifier: MIT
/*
 * What was running before the first record: tasks and their mappings, as the kernel would
 * have told of them, from /proc.
 */
#include "data.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

#include "limits.h"

#define KERNEL_PID	UINT32_MAX
#define NAME_ROOM	4096
#define MAP_IS_SHARED	's'

struct synthesizer {
	struct perfring_data_writer *writer;
	size_t id_size;			/* zeroes at the end of each record */
	int records;
	union {
		struct perf_event_header header;
		unsigned char bytes[NAME_ROOM + 512];
		uint64_t align;
	} record;
	size_t used;
};

static void synth_begin(struct synthesizer *synth, uint32_t type, uint16_t misc)
{
	memset(&synth->record, 0, sizeof(synth->record));
	synth->record.header.type = type;
	synth->record.header.misc = misc;
	synth->used = sizeof(synth->record.header);
}

static void synth_put(struct synthesizer *synth, const void *bytes, size_t len)
{
	memcpy(synth->record.bytes + synth->used, bytes, len);
	synth->used += len;
}

static void synth_u32x2(struct synthesizer *synth, uint32_t first, uint32_t second)
{
	synth_put(synth, &first, sizeof(first));
	synth_put(synth, &second, sizeof(second));
}

static void synth_u64(struct synthesizer *synth, uint64_t word)
{
	synth_put(synth, &word, sizeof(word));
}

static void synth_string(struct synthesizer *synth, const char *text)
{
	size_t len = strlen(text);

	if (len > NAME_ROOM - 8)
		len = NAME_ROOM - 8;
	synth_put(synth, text, len);
	synth->used = perfring_round_8(synth->used + 1);
}

/* The sample_id is all zero: time 0 comes before everything. */
static void synth_end(struct synthesizer *synth)
{
	synth->used += synth->id_size;
	synth->record.header.size = (uint16_t)synth->used;
	if (!perfring_data_put(synth->writer, &synth->record, synth->used))
		synth->records++;
}

static void synth_task(struct synthesizer *synth, uint32_t pid, uint32_t ppid, uint32_t tid)
{
	synth_begin(synth, PERF_RECORD_FORK, 0);
	synth_u32x2(synth, pid, ppid);
	synth_u32x2(synth, tid, ppid);
	synth_u64(synth, 0);
	synth_end(synth);
}

static void synth_comm(struct synthesizer *synth, uint32_t pid, uint32_t tid)
{
	char path[64], comm[64];

	snprintf(path, sizeof(path), "/proc/%u/task/%u/comm", pid, tid);
	limits_slurp(path, comm, sizeof(comm));
	comm[strcspn(comm, "\n")] = '\0';
	synth_begin(synth, PERF_RECORD_COMM, 0);
	synth_u32x2(synth, pid, tid);
	synth_string(synth, comm);
	synth_end(synth);
}

/* One line of /proc/PID/maps, when it is code. */
static void synth_map(struct synthesizer *synth, uint32_t pid, char *line)
{
	unsigned long long start, end, pgoff, ino;
	unsigned int maj, min, prot;
	char mode[5];
	int name = 0;

	if (sscanf(line, "%llx-%llx %4s %llx %x:%x %llu %n", &start, &end, mode, &pgoff, &maj,
		   &min, &ino, &name) < 7 || !name || mode[2] != 'x' || end <= start)
		return;
	prot = PROT_EXEC | (mode[0] == 'r' ? PROT_READ : 0U) | (mode[1] == 'w' ? PROT_WRITE : 0U);
	line[strcspn(line, "\n")] = '\0';
	synth_begin(synth, PERF_RECORD_MMAP2, PERF_RECORD_MISC_USER);
	synth_u32x2(synth, pid, pid);
	synth_u64(synth, start);
	synth_u64(synth, end - start);
	synth_u64(synth, pgoff);
	synth_u32x2(synth, maj, min);
	synth_u64(synth, ino);
	synth_u64(synth, 0);
	synth_u32x2(synth, prot, mode[3] == MAP_IS_SHARED ? MAP_SHARED : MAP_PRIVATE);
	synth_string(synth, line[name] ? line + name : "//anon");
	synth_end(synth);
}

static void synth_maps(struct synthesizer *synth, uint32_t pid)
{
	char path[64], *line = NULL;
	size_t room = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%u/maps", pid);
	file = fopen(path, "re");
	if (!file)
		return;
	while (getline(&line, &room, file) > 0)
		synth_map(synth, pid, line);
	free(line);
	fclose(file);
}

/* The main thread first, so that the others have something to be forked from. */
static void synth_process(struct synthesizer *synth, uint32_t pid)
{
	char path[64], status[2048];
	struct dirent *entry;
	uint32_t ppid, tid;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%u/status", pid);
	limits_slurp(path, status, sizeof(status));
	if (!status[0])
		return;
	ppid = (uint32_t)limits_status(status, "\nPPid:", 10);
	synth_task(synth, pid, ppid, pid);
	synth_comm(synth, pid, pid);
	synth_maps(synth, pid);
	snprintf(path, sizeof(path), "/proc/%u/task", pid);
	dir = opendir(path);
	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		tid = (uint32_t)strtoul(entry->d_name, NULL, 10);
		if (!tid || tid == pid)
			continue;
		synth_task(synth, pid, pid, tid);
		synth_comm(synth, pid, tid);
	}
	closedir(dir);
}

static void synth_kernel_map(struct synthesizer *synth, uint64_t start, uint64_t len,
			     uint64_t pgoff, const char *name)
{
	synth_begin(synth, PERF_RECORD_MMAP, PERF_RECORD_MISC_KERNEL);
	synth_u32x2(synth, KERNEL_PID, 0);
	synth_u64(synth, start);
	synth_u64(synth, len);
	synth_u64(synth, pgoff);
	synth_string(synth, name);
	synth_end(synth);
}

/*
 * From _text to _etext; pgoff is where _text is now, from which perf sees how far the kernel
 * was moved.  Without permission addresses are 0, and then nothing is said.
 */
static void synth_kernel(struct synthesizer *synth)
{
	unsigned long long at, text = 0, end = 0;
	char *line = NULL, name[128];
	size_t room = 0;
	FILE *file;

	file = fopen("/proc/kallsyms", "re");
	if (!file)
		return;
	while (!(text && end) && getline(&line, &room, file) > 0) {
		if (sscanf(line, "%llx %*c %127s", &at, name) != 2)
			continue;
		if (!strcmp(name, "_text") || (!text && !strcmp(name, "_stext")))
			text = at;
		else if (!strcmp(name, "_etext"))
			end = at;
	}
	free(line);
	fclose(file);
	if (text && end > text)
		synth_kernel_map(synth, text, end - text, text, "[kernel.kallsyms]_text");
}

static void synth_modules(struct synthesizer *synth)
{
	unsigned long long size, at;
	char *line = NULL, name[128], bracketed[136];
	size_t room = 0;
	FILE *file;

	file = fopen("/proc/modules", "re");
	if (!file)
		return;
	while (getline(&line, &room, file) > 0) {
		if (sscanf(line, "%127s %llu %*s %*s %*s %llx", name, &size, &at) != 3 || !at)
			continue;
		snprintf(bracketed, sizeof(bracketed), "[%s]", name);
		synth_kernel_map(synth, at, size, 0, bracketed);
	}
	free(line);
	fclose(file);
}

static void synth_all(struct synthesizer *synth)
{
	struct dirent *entry;
	DIR *dir;

	synth_kernel(synth);
	synth_modules(synth);
	dir = opendir("/proc");
	if (!dir)
		return;
	while ((entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]))
			synth_process(synth, (uint32_t)strtoul(entry->d_name, NULL, 10));
	closedir(dir);
}

int perfring_data_synthesize(struct perfring_data_writer *writer, pid_t pid)
{
	struct perf_event_header end = {
		.type = PERFRING_DATA_FINISHED_INIT, .size = sizeof(end),
	};
	struct synthesizer *synth;
	int ret;

	if (!writer->started)
		return -EINVAL;
	synth = calloc(1, sizeof(*synth));
	if (!synth)
		return -ENOMEM;
	synth->writer = writer;
	synth->id_size = perfring_format_id_size(writer->event[0].format);
	if (pid < 0) {
		synth_all(synth);
	} else {
		synth_kernel(synth);
		synth_modules(synth);
		synth_process(synth, (uint32_t)pid);
	}
	perfring_data_put(writer, &end, sizeof(end));
	ret = writer->error ? writer->error : synth->records;
	free(synth);
	return ret;
}
