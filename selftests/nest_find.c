// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common.h"
#include "kselftest.h"
#include "module_code.h"
#include "nest_find.h"

struct function functions[FUNCTIONS];
unsigned int function_nr;
struct boundary boundaries[NEST_PROBES];
unsigned int boundary_nr;
unsigned int instruction_nr;
static uint32_t probe_nr;

uint64_t text_addr;
size_t text_len;
/* Bytes of it where an instruction begins, as objdump(1) has it. */
static unsigned char *text_begins;

static int function_take(const struct module_function *code, void *context)
{
	struct function *function = &functions[function_nr];
	char where[128], text[32];

	/* Room before functions, for the kernel to patch. */
	if (!strncmp(code->name, "__pfx_", 6))
		return 0;
	/* Those of init and exit are not there, or not on the way. */
	if (strncmp(code->section, ".text", 5))
		return 0;
	snprintf(where, sizeof(where), "/sys/module/perfring/sections/%s", code->section);
	if (file_read(where, text, sizeof(text)) <= 0)
		return -ENOENT;
	if (function_nr == FUNCTIONS)
		return -E2BIG;
	snprintf(function->name, sizeof(function->name), "%s", code->name);
	function->addr = strtoull(text, NULL, 0) + code->offset;
	if (!strcmp(code->section, ".text")) {
		text_addr = function->addr - code->offset;
		text_len = code->section_size;
	}
	function->size = (uint32_t)code->size;
	function->entry_index = NEST_PROBES;
	function_nr++;
	return 0;
}

int functions_read(void)
{
	int ret = module_functions(function_take, NULL);

	if (ret)
		return ret;
	return function_nr ? 0 : -ENOENT;
}

uint64_t function_addr(const char *name)
{
	unsigned int f;

	for (f = 0; f < function_nr; f++)
		if (!strcmp(functions[f].name, name))
			return functions[f].addr;
	return 0;
}

/* A probe at @probe->addr; its index, or what register_kprobe() says of it. */
static int probe_add(int nest, struct nest_probe *probe)
{
	int ret = do_ioctl(nest, NEST_IOC_PROBE, probe);

	if (ret)
		return ret;
	return probe->error ? probe->error : (int)probe_nr++;
}

int probe_arm(int nest, uint32_t index, bool on)
{
	struct nest_arm arm = { .index = index, .on = on };
	int ret = do_ioctl(nest, NEST_IOC_ARM, &arm);

	return ret ?: arm.error ?: (int)arm.hits;
}

bool probe_entry(int nest, struct function *function)
{
	/* On x86 that is behind endbr64 and the call, or behind the call. */
	static const unsigned char offsets[] = { 9, 5, 8, 4, 12, 0, 1, 2, 3, 6, 7 };
	struct nest_probe probe;
	unsigned int i;
	int index;

	for (i = 0; i < ARRAY_LEN(offsets) && offsets[i] < function->size; i++) {
		probe = (struct nest_probe) { .addr = function->addr + offsets[i] };
		index = probe_add(nest, &probe);
		if (index < 0 || probe.by_ftrace)
			continue;
		function->entry = probe;
		function->entry_index = index;
		return probe_arm(nest, index, true) >= 0;
	}
	return true;
}

static struct boundary *boundary_add(struct function *function, uint32_t offset, uint32_t end,
				     int index)
{
	if (boundary_nr == NEST_PROBES)
		abort();	/* as many as the test module takes, and it has said no before */
	function->boundaries++;
	boundaries[boundary_nr] = (struct boundary) {
		.function = function, .offset = offset, .end = end,
		.index = index < 0 ? NEST_PROBES : (uint32_t)index,
		.error = index < 0 ? index : 0,
	};
	return &boundaries[boundary_nr++];
}

/* What kprobes take in a function; what they refuse in a row counts as one instruction. */
static void find_in(int nest, struct function *function)
{
	struct boundary *last = NULL;
	struct nest_probe probe = {};
	uint32_t i, at, step;
	int index;

	for (i = 0; i < function->size; i = at + step) {
		if (function->entry_index != NEST_PROBES &&
		    function->entry.addr == function->addr + i) {
			/* It has one from before. */
			probe = function->entry;
			index = function->entry_index;
		} else {
			probe = (struct nest_probe) { .addr = function->addr + i };
			index = probe_add(nest, &probe);
		}
		at = index < 0 ? i : probe.addr - function->addr;
		step = index < 0 || !probe.size ? 1 : probe.size;
		if (index == -EILSEQ)
			continue;
		if (index < 0 && last && last->error == index && last->end == i) {
			last->end++;
			continue;
		}
		if (at != i)
			boundary_add(function, i, at, -EXDEV);
		last = boundary_add(function, at, at + step, index);
		last->by_ftrace = probe.by_ftrace;
	}
}

/* The same of one instruction in @stride, where objdump(1) says that they begin. */
static void find_some(int nest, struct function *function, unsigned int stride)
{
	struct nest_probe probe;
	uint32_t i;
	int index;

	for (i = 0; i < function->size; i++) {
		if (!text_begins[function->addr - text_addr + i] || instruction_nr++ % stride)
			continue;
		probe = (struct nest_probe) { .addr = function->addr + i };
		if (function->entry_index != NEST_PROBES && function->entry.addr == probe.addr) {
			probe = function->entry;
			index = function->entry_index;
		} else {
			index = probe_add(nest, &probe);
		}
		if (index >= 0 && probe.addr != function->addr + i)
			index = -EXDEV;
		boundary_add(function, i, i + 1, index)->by_ftrace = index >= 0 && probe.by_ftrace;
	}
}

/* What objdump(1) says of the module's .text; false without it. */
static bool text_read(void)
{
	char line[256], *end;
	uint64_t offset;
	FILE *objdump;

	snprintf(line, sizeof(line), "objdump -d -j .text --no-show-raw-insn '%s' 2>/dev/null",
		 getenv("PERFRING_MODULE"));
	text_begins = calloc(1, text_len);
	objdump = text_begins ? popen(line, "r") : NULL;
	if (!objdump)
		return false;
	while (fgets(line, sizeof(line), objdump)) {
		offset = strtoull(line, &end, 16);
		if (line[0] == ' ' && end[0] == ':' && end[1] == '\t' && offset < text_len)
			text_begins[offset] = 1;
	}
	return !pclose(objdump);
}

bool find_boundaries(int nest, unsigned int stride)
{
	bool some = stride > 1;
	unsigned int f;

	if (some && !text_read()) {
		ksft_print_msg("objdump(1) does not read the module: only PERFRING_NEST_STRIDE=1 goes without\n");
		return false;
	}
	for (f = 0; f < function_nr; f++) {
		if (!functions[f].on_path)
			continue;
		if (some && functions[f].addr - text_addr < text_len)
			find_some(nest, &functions[f], stride);
		else
			find_in(nest, &functions[f]);
	}
	return boundary_nr != 0;
}
