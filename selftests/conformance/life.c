// SPDX-License-Identifier: GPL-2.0
/* Descriptors: what fcntl(2) says of them, in what order they go, who else has them. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include "conformance.h"

static int getfl(int fd)
{
	return fcntl(fd, F_GETFL);
}

/* One call of fcntl(2), and the flags afterwards. */
static void run_fcntl(struct side *side, uint64_t a, uint64_t b)
{
	int fd = side_open(side, NULL), ret;

	ret = fcntl(fd, a, b);
	/* A new descriptor's number says nothing. */
	say_call(side, "fcntl", ret > 0 && (a == F_DUPFD || a == F_DUPFD_CLOEXEC) ?
		 fcntl(ret, F_GETFD) : ret);
	say(side, "flags=%#x fd=%#x", getfl(fd), fcntl(fd, F_GETFD));
}

static void run_lock(struct side *side, uint64_t a, uint64_t b)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = side_open(side, NULL);

	if (a == 0)
		say_call(side, "flock", flock(fd, LOCK_EX | LOCK_NB));
	else if (a == 1)
		say_call(side, "F_SETLK", fcntl(fd, F_SETLK, &lock));
	else
		say_call(side, "F_OFD_SETLK", fcntl(fd, F_OFD_SETLK, &lock));
}

enum about { TTY, DIRECTORY, AT, XATTR, POSITION, LINK, TYPE, FSTATFS, REOPEN, NR_ABOUT };

static const char *const about_names[] = {
	"isatty", "fchdir", "openat below it", "fgetxattr", "position in fdinfo",
	"link in /proc/self/fd", "type of fstat", "size of fstat", "open of /proc/self/fd",
};

static void run_about(struct side *side, uint64_t a, uint64_t b)
{
	int fd = side_open(side, NULL);
	char path[64], text[512] = "";
	struct stat st = {};
	ssize_t n;

	switch ((enum about)a) {
	case TTY:
		errno = 0;
		say(side, "tty=%d", isatty(fd));
		say_ret(side, "errno", -errno);
		break;
	case DIRECTORY:
		say_call(side, "fchdir", fchdir(fd));
		break;
	case AT:
		say_call(side, "openat", openat(fd, "x", O_RDONLY));
		break;
	case XATTR:
		say_call(side, "fgetxattr", fgetxattr(fd, "user.x", text, sizeof(text)));
		break;
	case POSITION:
		snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
		say(side, "read=%d", file_read(path, text, sizeof(text)) > 0);
		say(side, "%.*s", (int)strcspn(text, "\n"), text);
		break;
	case LINK:
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n = readlink(path, text, sizeof(text) - 1);
		say(side, "%.*s", (int)n, text);
		break;
	case TYPE:
		say_call(side, "fstat", fstat(fd, &st));
		say(side, "type=%#o", st.st_mode & S_IFMT);
		break;
	case FSTATFS:
		say_call(side, "fstat", fstat(fd, &st));
		say(side, "size=%lld blocks=%lld", (long long)st.st_size,
		    (long long)st.st_blocks);
		break;
	case REOPEN:
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n = open(path, O_RDWR);
		say_ret(side, "open", n < 0 ? -errno : 0);
		break;
	case NR_ABOUT:
		break;
	}
}

/*
 * Steps, a letter each, on one event:
 *	m, n  map, map again (read-only)	u, v  unmap the first, the second
 *	d     dup				c, x  close the first, the duplicate
 *	e, s  enable, disable			w     write a record by whichever is open
 *	p     poll of whichever is open		r     what the first mapping says
 *	R     what the second mapping says	t     reset
 */
static const char *const orders[] = {
	"mewrucp", "mewcru", "mewcwru", "cmu", "medcwxru", "mewdxwru", "mewdcpxru", "mnewuRv",
	"mnewvru", "mnewcruRv", "mnewcRvru", "emwr", "ewmwr", "mewsrwer", "mewumwru", "mewumwrcu",
	"mewunwR", "dmewcruwxp", "dcmewxr", "mewtru", "mnewtrRuvmwr", "mesuemwr", "dncxRv",
	"medcupxx", "mmewr", "ewp", "meuwp", "mnuvwpmwr", "cc", "mcuu", "memecwdru",
};

static void run_order(struct side *side, uint64_t a, uint64_t b)
{
	int fd = side_open(side, NULL), other = -1;
	struct raw one = {}, two = {};
	const char *step;
	int any, ret;

	for (step = orders[a]; *step; step++) {
		any = fd >= 0 ? fd : other;
		ret = 0;
		say(side, "%c:", *step);
		switch (*step) {
		case 'm':
			ret = raw_map(&one, any, 1, 0);
			break;
		case 'n':
			ret = raw_map(&two, any, 1, PROT_READ);
			break;
		case 'u':
			raw_unmap(&one);
			break;
		case 'v':
			raw_unmap(&two);
			break;
		case 'd':
			other = dup(any);
			break;
		case 'c':
		case 'x':
			/* A BPF program's map would hold it open: it is emptied at exit only. */
			ret = close(*step == 'c' ? fd : other) ? -errno : 0;
			*(*step == 'c' ? &fd : &other) = -1;
			break;
		case 'e':
			ret = do_ioctl(any, PERF_EVENT_IOC_ENABLE, NULL);
			break;
		case 's':
			ret = do_ioctl(any, PERF_EVENT_IOC_DISABLE, NULL);
			break;
		case 't':
			ret = do_ioctl(any, PERF_EVENT_IOC_RESET, NULL);
			break;
		case 'w':
			if (any < 0)
				break;
			ret = side_write(side, any, "x", 1);
			break;
		case 'p':
			say_poll(side, "poll", poll_events(any, 0));
			break;
		case 'r':
			if (one.page)
				say(side, "head=%llu", (unsigned long long)raw_head(&one));
			break;
		default:
			if (two.page)
				say(side, "head=%llu", (unsigned long long)raw_head(&two));
		}
		say_ret(side, "", ret);
	}
}

/* What another process does with the descriptor; the parent's mapping stays. */
static void use(struct side *side, int fd)
{
	struct raw raw;
	uint64_t count;

	say_ret(side, "write", side_write(side, fd, "child", 5));
	say_poll(side, "poll", poll_events(fd, 0));
	say_call(side, "read", read(fd, &count, sizeof(count)));
	say_ret(side, "pause", do_ioctl_word(fd, PERF_EVENT_IOC_PAUSE_OUTPUT, 1));
	say_ret(side, "write", side_write(side, fd, "child", 5));
	say_ret(side, "resume", do_ioctl_word(fd, PERF_EVENT_IOC_PAUSE_OUTPUT, 0));
	say_ret(side, "map", raw_map(&raw, fd, 1, 0));
	say_records(side, &raw, true);
	say(side, "VmPin=%ld", status_kb("VmPin"));
}

/* prctl(2) stops and starts the perf events that the task has opened. */
static void run_prctl(struct side *side, uint64_t a, uint64_t b)
{
	struct raw raw;
	int fd = side_ready(side, NULL, &raw, 1);

	say_call(side, "disable", prctl(PR_TASK_PERF_EVENTS_DISABLE));
	say_ret(side, "write", side_write(side, fd, "x", 1));
	say_call(side, "enable", prctl(PR_TASK_PERF_EVENTS_ENABLE));
	say_ret(side, "write", side_write(side, fd, "x", 1));
	say_records(side, &raw, true);
}

/* Its CPU goes offline and comes back. */
static void run_hotplug(struct side *side, uint64_t a, uint64_t b)
{
	struct perf_event_attr attr = output_attr();
	uint64_t words[2], later[2];
	int fd, cpu = second_cpu();
	struct raw raw;

	if (cpu < 0 || access("/sys/devices/system/cpu/cpu1/online", W_OK))
		skip_row(side, "/sys/devices/system/cpu/cpu1/online cannot be written");
	attr.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED;
	fd = side_open_attr(side, &attr, cpu);
	say_ret(side, "map", raw_map(&raw, fd, 1, 0));
	say_ret(side, "enable", do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL));
	say_ret(side, "offline", cpu_set_online(cpu, false));
	say_poll(side, "poll", poll_events(fd, 0));
	say_call(side, "read", read(fd, words, sizeof(words)));
	say_ret(side, "online", cpu_set_online(cpu, true));
	say_poll(side, "poll", poll_events(fd, 0));
	say_call(side, "read", read(fd, words, sizeof(words)));
	pass_time();
	say_call(side, "read", read(fd, later, sizeof(later)));
	say(side, "goes on=%d", later[1] > words[1]);
}

/* Will a BPF map of perf events have it?  Will perf_event_open(2), as a group's leader? */
static void run_kernel_use(struct side *side, uint64_t a, uint64_t b)
{
	struct perf_event_attr attr = output_attr();
	int fd = side_open(side, NULL), ret;

	if (a) {
		ret = perf_open(&attr, -1, ROW_CPU, fd);
		say_ret(side, "open", ret < 0 ? ret : 0);
	} else {
		say_ret(side, "map", side_aim(side, fd));
	}
}

enum pass { BY_FORK, BY_SOCKET, BY_SOCKET_CLOSED, BY_PIDFD, NR_PASS };

static const char *const pass_names[] = {
	"by fork", "by SCM_RIGHTS", "by SCM_RIGHTS, closed by the sender", "by pidfd_getfd",
};

static bool send_fd(int to, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = {}, byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	return sendmsg(to, &message, 0) == 1;
}

static int receive_fd(int from)
{
	char control[CMSG_SPACE(sizeof(int))] = {}, byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
		.msg_controllen = sizeof(control),
	};
	int fd = -1;

	if (recvmsg(from, &message, 0) == 1 && CMSG_FIRSTHDR(&message))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}

static void run_pass(struct side *side, uint64_t a, uint64_t b)
{
	int sockets[2], pidfd, fd, pipes[2], status;
	bool sent = true;
	struct raw raw;
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) || pipe(pipes))
		give_up(side, "socketpair, pipe: %s", strerror(errno));
	/* Before there is a descriptor that it could inherit. */
	fd = a == BY_FORK ? side_ready(side, NULL, &raw, 1) : -1;
	child = fork();
	if (!child) {
		if (a == BY_PIDFD) {
			pidfd = syscall(SYS_pidfd_open, getppid(), 0);
			if (read(pipes[0], &fd, sizeof(fd)) != sizeof(fd))
				give_up(side, "pipe");
			fd = syscall(SYS_pidfd_getfd, pidfd, fd, 0);
		} else if (a != BY_FORK) {
			fd = receive_fd(sockets[1]);
		}
		if (fd < 0)
			give_up(side, "no descriptor: %s", strerror(errno));
		use(side, fd);
		_exit(0);
	}
	if (a != BY_FORK) {
		fd = side_ready(side, NULL, &raw, 1);
		/* Only the child says anything until it has ended. */
		if (a == BY_PIDFD)
			sent = write(pipes[1], &fd, sizeof(fd)) == sizeof(fd);
		else
			sent = send_fd(sockets[0], fd);
	}
	if (a == BY_SOCKET_CLOSED) {
		close(fd);
		fd = -1;
	}
	waitpid(child, &status, 0);
	say(side, "sent=%d", sent);
	say_records(side, &raw, true);
	if (fd >= 0) {
		say_ret(side, "write", side_write(side, fd, "x", 1));
		say_poll(side, "poll", poll_events(fd, 0));
	}
	say_records(side, &raw, true);
}

/* After exec the shell looks whether the descriptor is there. */
static void run_exec(struct side *side, uint64_t a, uint64_t b)
{
	int fd = side_open(side, NULL), status = 0;
	char test[64];
	pid_t child;

	fcntl(fd, F_SETFD, a ? FD_CLOEXEC : 0);
	snprintf(test, sizeof(test), "test -e /proc/self/fd/%d", fd);
	child = fork();
	if (!child) {
		execl("/bin/sh", "sh", "-c", test, NULL);
		_exit(99);
	}
	waitpid(child, &status, 0);
	say(side, "there=%d", WEXITSTATUS(status));
}

/* As many as there may be; the errno of one more. */
static void run_limit(struct side *side, uint64_t a, uint64_t b)
{
	struct rlimit limit = { a, a };
	struct perf_event_attr attr = output_attr();
	int fd, n = 0;

	say_call(side, "setrlimit", setrlimit(RLIMIT_NOFILE, &limit));
	do
		fd = side_open_attr(side, &attr, ROW_CPU);
	while (fd >= 0 && n++ < 1000);
	say_ret(side, "open", fd);
	say(side, "n=%d", n);
}

void life_rows(void)
{
	static const struct {
		const char *name;
		int cmd;
		long arg;
	} calls[] = {
		{ "F_GETFD", F_GETFD, 0 }, { "F_SETFD 0", F_SETFD, 0 },
		{ "F_SETFD FD_CLOEXEC", F_SETFD, FD_CLOEXEC }, { "F_DUPFD", F_DUPFD, 10 },
		{ "F_DUPFD_CLOEXEC", F_DUPFD_CLOEXEC, 10 }, { "F_GETFL", F_GETFL, 0 },
		{ "F_SETFL 0", F_SETFL, 0 }, { "F_SETFL O_NONBLOCK", F_SETFL, O_NONBLOCK },
		{ "F_SETFL O_APPEND", F_SETFL, O_APPEND }, { "F_SETFL O_ASYNC", F_SETFL, O_ASYNC },
		{ "F_SETFL O_NOATIME", F_SETFL, O_NOATIME },
		{ "F_SETFL O_DIRECT", F_SETFL, O_DIRECT },
		{ "F_SETFL all", F_SETFL, O_RDWR | O_ASYNC | O_NONBLOCK | O_APPEND | O_NOATIME },
		{ "F_GETOWN", F_GETOWN, 0 },
		{ "F_SETOWN 0", F_SETOWN, 0 }, { "F_SETOWN of nobody", F_SETOWN, 0x3fffff00 },
		{ "F_GETSIG", F_GETSIG, 0 }, { "F_SETSIG 64", F_SETSIG, 64 },
		{ "F_SETSIG 65", F_SETSIG, 65 }, { "F_SETSIG -1", F_SETSIG, -1 },
		{ "F_GETLEASE", F_GETLEASE, 0 }, { "F_SETLEASE", F_SETLEASE, F_WRLCK },
		{ "F_GETPIPE_SZ", F_GETPIPE_SZ, 0 }, { "F_ADD_SEALS", F_ADD_SEALS, 1 },
		{ "F_GET_SEALS", F_GET_SEALS, 0 }, { "F_NOTIFY", F_NOTIFY, 0 },
		{ "F_GETLK at NULL", F_GETLK, 0 }, { "unknown", 9999, 0 },
	};
	static const char *const locks[] = { "flock", "F_SETLK", "F_OFD_SETLK" };
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(calls); i++)
		add("descriptor", run_fcntl, calls[i].cmd, calls[i].arg, "%s", calls[i].name);
	for (i = 0; i < ARRAY_LEN(locks); i++)
		add("descriptor", run_lock, i, 0, "%s", locks[i]);
	for (i = 0; i < NR_ABOUT; i++)
		add("descriptor", run_about, i, 0, "%s", about_names[i]);
	for (i = 0; i < ARRAY_LEN(orders); i++)
		add("life", run_order, i, 0, "%s", orders[i]);
	for (i = 0; i < NR_PASS; i++)
		add("life", run_pass, i, 0, "another process has it %s", pass_names[i]);
	add("life", run_prctl, 0, 0, "PR_TASK_PERF_EVENTS_DISABLE");
	add("life", run_hotplug, 0, 0, "its CPU goes offline and comes back");
	add("life", run_kernel_use, 0, 0, "in a BPF map of perf events");
	add("life", run_kernel_use, 1, 0, "as leader of a perf event");
	add("life", run_exec, 0, 0, "exec without FD_CLOEXEC");
	add("life", run_exec, 1, 0, "exec with FD_CLOEXEC");
	add("life", run_limit, 64, 0, "RLIMIT_NOFILE");
	add("life", run_limit, 3, 0, "RLIMIT_NOFILE of 3");
}
