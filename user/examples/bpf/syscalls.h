/* SPDX-License-Identifier: MIT */
/* A record of syscalls.bpf.c. */
struct syscall {
	unsigned long long duration; /* ns */
	long long nr;
	long long ret;
	unsigned int tid;
	unsigned int padding;
	char comm[16];
};
