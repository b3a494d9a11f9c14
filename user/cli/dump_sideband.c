// SPDX-License-Identifier: MIT
/* The fields of what the kernel says beside the samples. */
#include "dump.h"

#include <string.h>

static void sideband_task(struct json *json, const char *pid_name, uint32_t pid,
			  const char *tid_name, uint32_t tid)
{
	json_signed(json, pid_name, (int32_t)pid);
	json_signed(json, tid_name, (int32_t)tid);
}

static void sideband_mmap(struct json *json, const struct perfring_event *event)
{
	const struct perfring_mmap *map = &event->u.mmap;

	sideband_task(json, "map_pid", map->pid, "map_tid", map->tid);
	json_unsigned(json, "addr", map->addr);
	json_unsigned(json, "len", map->len);
	json_unsigned(json, "pgoff", map->pgoff);
	if (map->build_id) {
		json_hex(json, "build_id", map->build_id, map->build_id_size);
	} else if (event->kind == PERFRING_EVENT_MMAP2) {
		json_unsigned(json, "maj", map->maj);
		json_unsigned(json, "min", map->min);
		json_unsigned(json, "ino", map->ino);
	}
	if (event->kind == PERFRING_EVENT_MMAP2) {
		json_unsigned(json, "prot", map->prot);
		json_unsigned(json, "flags", map->flags);
	}
	json_string(json, "filename", map->filename, strlen(map->filename));
}

static void sideband_read(struct json *json, const struct perfring_event *event)
{
	const struct perfring_read *values = &event->u.read.values;
	struct perfring_read_entry entry;

	sideband_task(json, "read_pid", event->u.read.pid, "read_tid", event->u.read.tid);
	json_unsigned(json, "counters", values->nr);
	if (!perfring_read_entry(values, 0, &entry))
		json_unsigned(json, "value", entry.value);
}

static void sideband_kernel(struct json *json, const struct perfring_event *event)
{
	switch (event->kind) {
	case PERFRING_EVENT_KSYMBOL:
		json_unsigned(json, "addr", event->u.ksymbol.addr);
		json_unsigned(json, "len", event->u.ksymbol.len);
		json_unsigned(json, "ksym_type", event->u.ksymbol.type);
		json_unsigned(json, "flags", event->u.ksymbol.flags);
		json_string(json, "name", event->u.ksymbol.name, strlen(event->u.ksymbol.name));
		break;
	case PERFRING_EVENT_BPF_EVENT:
		json_unsigned(json, "bpf_type", event->u.bpf_event.type);
		json_unsigned(json, "bpf_id", event->u.bpf_event.id);
		json_hex(json, "tag", event->u.bpf_event.tag, 8);
		break;
	case PERFRING_EVENT_CGROUP:
		json_unsigned(json, "cgroup", event->u.cgroup.id);
		json_string(json, "path", event->u.cgroup.path, strlen(event->u.cgroup.path));
		break;
	case PERFRING_EVENT_TEXT_POKE:
		json_unsigned(json, "addr", event->u.text_poke.addr);
		json_hex(json, "old", event->u.text_poke.old_bytes, event->u.text_poke.old_len);
		json_hex(json, "new", event->u.text_poke.new_bytes, event->u.text_poke.new_len);
		break;
	case PERFRING_EVENT_AUX:
		json_unsigned(json, "offset", event->u.aux.offset);
		json_unsigned(json, "bytes", event->u.aux.size);
		json_unsigned(json, "flags", event->u.aux.flags);
		break;
	case PERFRING_EVENT_AUX_OUTPUT_HW_ID:
		json_unsigned(json, "hw_id", event->u.aux_output_hw_id.hw_id);
		break;
	case PERFRING_EVENT_CALLCHAIN_DEFERRED:
		json_unsigned(json, "cookie", event->u.callchain_deferred.cookie);
		json_unsigned(json, "nr", event->u.callchain_deferred.nr);
		break;
	default:
		json_hex(json, "data", event->u.other.data, event->u.other.size);
	}
}

void dump_sideband(struct json *json, const struct perfring_event *event)
{
	switch (event->kind) {
	case PERFRING_EVENT_MMAP:
	case PERFRING_EVENT_MMAP2:
		sideband_mmap(json, event);
		break;
	case PERFRING_EVENT_COMM:
		sideband_task(json, "comm_pid", event->u.comm.pid, "comm_tid", event->u.comm.tid);
		json_string(json, "comm", event->u.comm.comm, strlen(event->u.comm.comm));
		break;
	case PERFRING_EVENT_FORK:
	case PERFRING_EVENT_EXIT:
		sideband_task(json, "task_pid", event->u.task.pid, "parent_pid",
			      event->u.task.ppid);
		sideband_task(json, "task_tid", event->u.task.tid, "parent_tid",
			      event->u.task.ptid);
		break;
	case PERFRING_EVENT_READ:
		sideband_read(json, event);
		break;
	case PERFRING_EVENT_ITRACE_START:
		sideband_task(json, "trace_pid", event->u.itrace_start.pid, "trace_tid",
			      event->u.itrace_start.tid);
		break;
	case PERFRING_EVENT_SWITCH:
	case PERFRING_EVENT_SWITCH_CPU_WIDE:
		json_bool(json, "out", event->u.context_switch.out);
		json_bool(json, "preempt", event->u.context_switch.preempt);
		if (event->kind == PERFRING_EVENT_SWITCH_CPU_WIDE)
			sideband_task(json, "other_pid", event->u.context_switch.pid, "other_tid",
				      event->u.context_switch.tid);
		break;
	case PERFRING_EVENT_NAMESPACES:
		sideband_task(json, "ns_pid", event->u.namespaces.pid, "ns_tid",
			      event->u.namespaces.tid);
		json_unsigned(json, "namespaces", event->u.namespaces.nr);
		break;
	default:
		sideband_kernel(json, event);
	}
}
