// SPDX-License-Identifier: GPL-2.0
/*
 * Everything at once: threads of two processes, which at first have the descriptors in
 * common, open, map, redirect, wait, fork, close, and all the rest; sources come and go,
 * a CPU goes and comes, a module that is a source too, and somebody wants ours away.
 * Everybody goes on, and when it is over nothing is left.
 *
 * PERFRING_RACE_SECONDS= how long (3), PERFRING_RACE_SEED= in which order (1).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "adversity.h"

#define SLOTS	6
#define MAPS	4
#define THREADS	3
#define CLIENT	"perfring_hello"
#define STUCK_NS 30000000000ULL

struct world {
	int fd[SLOTS];
	void *map[MAPS];	/* NULL: none */
	int cpu[2];
	int pmu;
	size_t page;
	uint64_t end;
	unsigned long attached;	/* events of the other module's source, this process */
};

struct hammer {
	struct world *w;
	uint64_t state;
	unsigned long calls;
	unsigned long *good;	/* of each kind, of all threads */
};

static int any_fd(struct world *w, uint64_t x)
{
	return __atomic_load_n(&w->fd[x % SLOTS], __ATOMIC_RELAXED);
}

static struct perf_event_attr any_attr(struct world *w, uint64_t x)
{
	static const char symbol[] = "do_sys_openat2";
	struct perf_event_attr attr = output_attr();

	attr.disabled = x & 1;
	attr.read_format = PERF_FORMAT_LOST;
	attr.write_backward = x >> 1 & 1;
	switch (x >> 8 & 15) {
	case PERFRING_SOURCE_GENERATOR:
		attr.config1 = 1000;
		break;
	case PERFRING_SOURCE_SCHED_SWITCH:
	case PERFRING_SOURCE_SYSCALLS:
		/* A wakeup is what it would tell of. */
		attr.wakeup_events = 0;
		attr.watermark = 1;
		break;
	case PERFRING_SOURCE_KPROBE:
		attr.config1 = (uintptr_t)symbol;
		break;
	case PERFRING_SOURCE_MAX:
		/* The first that another module gets. */
		attr.type = w->pmu;
		attr.config = 128;
		return attr;
	default:
		return attr;
	}
	attr.type = w->pmu;
	attr.config = x >> 8 & 15;
	return attr;
}

static int call_modify(struct world *w, int fd, uint64_t x)
{
	struct perf_event_attr attr = any_attr(w, x);
	int ret = do_ioctl(fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr);

	if (!ret && attr.config == 128)
		__atomic_fetch_add(&w->attached, 1, __ATOMIC_RELAXED);
	return ret;
}

/* Another event in place of the one in the slot, which with its last user is closed. */
static int call_open(struct world *w, int fd, uint64_t x)
{
	fd = device_open(w->cpu[x >> 20 & 1]);
	if (fd >= 0)
		call_modify(w, fd, x);
	fd = __atomic_exchange_n(&w->fd[(x >> 32) % SLOTS], fd, __ATOMIC_RELAXED);
	if (fd >= 0)
		close(fd);
	return fd;
}

/* What is in place @i of the maps is all alike: else nobody knew its length. */
static size_t map_len(const struct world *w, unsigned int i)
{
	return (1 + (i & 1 ? 4 : 1)) * w->page;
}

static void *map(struct world *w, int fd, unsigned int i, uint64_t x)
{
	/* Four pages: two, twice. */
	return mmap(NULL, map_len(w, i), x & 1 ? PROT_READ : PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    i & 1 ? PERFRING_MMAP_MIRROR : 0);
}

/* A mapping that stays until somebody else puts one there. */
static int call_map(struct world *w, int fd, uint64_t x)
{
	unsigned int i = x >> 8 & (MAPS - 1);
	void *at = map(w, fd, i, x);

	if (at == MAP_FAILED)
		at = NULL;
	else if (x & 2)
		madvise(at, map_len(w, i), MADV_DOFORK);
	fd = at ? 0 : -errno;
	at = __atomic_exchange_n(&w->map[i], at, __ATOMIC_RELAXED);
	if (at)
		munmap(at, map_len(w, i));
	return fd;
}

/* One that is read, written and gone. */
static int call_touch(struct world *w, int fd, uint64_t x)
{
	unsigned int i = x >> 8 & (MAPS - 1);
	struct perf_event_mmap_page *at = map(w, fd, i, x);

	if (at == MAP_FAILED)
		return -errno;
	if (!(x & 1))
		at->data_tail = x & 4 ? at->data_head : x;
	if (((volatile char *)at)[map_len(w, i) - 1] && x & 8)
		sched_yield();
	return munmap(at, map_len(w, i)) ? -errno : 0;
}

static int call_enable(struct world *w, int fd, uint64_t x)
{
	return do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL);
}

static int call_disable(struct world *w, int fd, uint64_t x)
{
	return do_ioctl(fd, x & 1 ? PERF_EVENT_IOC_DISABLE : PERF_EVENT_IOC_RESET, NULL);
}

static int call_redirect(struct world *w, int fd, uint64_t x)
{
	return do_ioctl_word(fd, PERF_EVENT_IOC_SET_OUTPUT, x & 3 ? any_fd(w, x >> 8) : -1);
}

static int call_pause(struct world *w, int fd, uint64_t x)
{
	return do_ioctl_word(fd, PERF_EVENT_IOC_PAUSE_OUTPUT, x & 1);
}

static int call_reserve(struct world *w, int fd, uint64_t x)
{
	return reserve(fd, 77, NULL, 24 + (x >> 56), 0, NULL);
}

static int call_release(struct world *w, int fd, uint64_t x)
{
	return release(fd, x & 1);
}

static int call_position(struct world *w, int fd, uint64_t x)
{
	struct perfring_position position = {
		.size = sizeof(position), .position = (unsigned long)x & ~7UL,
	};

	return do_ioctl(fd, PERFRING_IOC_SET_POSITION, &position);
}

static int call_stats(struct world *w, int fd, uint64_t x)
{
	struct perfring_stats stats;

	return device_stats(fd, &stats);
}

static int call_poll(struct world *w, int fd, uint64_t x)
{
	struct pollfd fds[2] = {
		{ .fd = fd, .events = POLLIN }, { .fd = any_fd(w, x >> 8), .events = POLLIN },
	};

	return poll(fds, 2, x >> 16 & 15) < 0 ? -errno : 0;
}

static int call_epoll(struct world *w, int fd, uint64_t x)
{
	struct epoll_event event = { .events = EPOLLIN | (x & 1 ? EPOLLET : 0) };
	int epoll = epoll_create1(EPOLL_CLOEXEC), ret;

	ret = epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
	if (!ret)
		ret = epoll_wait(epoll, &event, 1, x >> 16 & 15) < 0 ? -errno : 0;
	close(epoll);
	return ret;
}

static int call_signal(struct world *w, int fd, uint64_t x)
{
	return fcntl(fd, F_SETFL, O_NONBLOCK | (x & 1 ? O_ASYNC : 0)) ? -errno : 0;
}

static int call_refresh(struct world *w, int fd, uint64_t x)
{
	return do_ioctl_word(fd, PERF_EVENT_IOC_REFRESH, 1 + (x & 15));
}

static int call_count(struct world *w, int fd, uint64_t x)
{
	struct perf_event_attr attr = {
		.type = w->pmu, .size = sizeof(attr),
		.config = (1 + x % (PERFRING_COUNTER_MAX - 1)) << 8,
	};
	uint64_t value;
	int ret;

	fd = perf_open(&attr, -1, w->cpu[x >> 16 & 1], -1);
	if (fd < 0)
		return fd;
	ret = read(fd, &value, sizeof(value));
	close(fd);
	return ret;
}

static int call_read(struct world *w, int fd, uint64_t x)
{
	uint64_t words[6];

	return read(fd, words, sizeof(words)) < 0 ? -errno : 0;
}

static int call_write(struct world *w, int fd, uint64_t x)
{
	static const char bytes[512];

	return write(fd, bytes, x & 511) < 0 ? -errno : 0;
}

static int call_emit(struct world *w, int fd, uint64_t x)
{
	return emit(fd, x & 1 ? PERF_RECORD_SAMPLE : 77, 0, NULL, x >> 8 & 1023,
		    1 + (x >> 20 & 255), NULL);
}

/* A child that has the descriptors and what MADV_DOFORK gave it, and exits with them. */
static int call_fork(struct world *w, int fd, uint64_t x)
{
	pid_t child = fork();
	int status;

	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		call_emit(w, fd, x);
		if (x & 4)
			(void)!map(w, fd, x >> 8 & (MAPS - 1), x);
		if (x & 8)
			call_enable(w, fd, x);
		_exit(0);
	}
	if (child < 0)
		return -errno;
	return waitpid(child, &status, 0) == child && !status ? 0 : -ECHILD;
}

static const struct {
	const char *name;
	int (*fn)(struct world *w, int fd, uint64_t x);
	unsigned int weight;
} calls[] = {
	{ "open", call_open, 12 }, { "modify", call_modify, 8 }, { "map", call_map, 12 },
	{ "touch", call_touch, 8 }, { "enable", call_enable, 8 }, { "disable", call_disable, 6 },
	{ "redirect", call_redirect, 10 }, { "pause", call_pause, 4 },
	{ "reserve", call_reserve, 8 }, { "release", call_release, 8 },
	{ "position", call_position, 4 }, { "stats", call_stats, 4 }, { "poll", call_poll, 3 },
	{ "epoll", call_epoll, 3 }, { "signal", call_signal, 4 },
	{ "refresh", call_refresh, 4 }, { "count", call_count, 4 }, { "read", call_read, 4 },
	{ "write", call_write, 6 }, { "emit", call_emit, 8 }, { "fork", call_fork, 1 },
};

#define KINDS	ARRAY_LEN(calls)

static uint64_t chance(uint64_t *state)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return *state ^ *state >> 29;
}

static void *hammer(void *arg)
{
	struct hammer *h = arg;
	unsigned int sum = 0, at, kind;
	uint64_t x;

	for (kind = 0; kind < KINDS; kind++)
		sum += calls[kind].weight;
	while (now_ns() < h->w->end) {
		at = (chance(&h->state) >> 32) % sum;
		for (kind = 0; at >= calls[kind].weight; kind++)
			at -= calls[kind].weight;
		x = chance(&h->state);
		if (calls[kind].fn(h->w, any_fd(h->w, x >> 40), x) >= 0)
			__atomic_fetch_add(&h->good[kind], 1, __ATOMIC_RELAXED);
		__atomic_fetch_add(&h->calls, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* Returns false when a thread could not be started. */
static bool race(struct world *w, struct hammer *hammers, unsigned long *good, uint64_t seed,
		 pthread_t *thread)
{
	unsigned int i;

	for (i = 0; i < THREADS; i++) {
		hammers[i] = (struct hammer) { .w = w, .state = seed + i, .good = good };
		if (pthread_create(&thread[i], NULL, hammer, &hammers[i]))
			return false;
	}
	return true;
}

static void settle(struct world *w)
{
	unsigned int i;

	for (i = 0; i < SLOTS; i++)
		if (w->fd[i] >= 0)
			close(w->fd[i]);
	for (i = 0; i < MAPS; i++)
		if (w->map[i])
			munmap(w->map[i], map_len(w, i));
}

/*
 * Where the kernel does not unload by force what is in use, it may be asked to. Debian's
 * kernels do, with whatever comes of it: no module can refuse.
 */
static bool may_force(void)
{
	return !system("zcat /proc/config.gz 2>/dev/null | grep -q 'FORCE_UNLOAD is not set'");
}

/* No thread has been inside one call for longer than anything may take. */
static bool all_go_on(struct hammer *hammers, unsigned long *before, uint64_t *since)
{
	unsigned long n;
	int i;

	for (i = 0; i < THREADS; i++) {
		n = __atomic_load_n(&hammers[i].calls, __ATOMIC_RELAXED);
		if (n != before[i] || !since[i]) {
			before[i] = n;
			since[i] = now_ns();
		} else if (now_ns() - since[i] > STUCK_NS * slowness()) {
			return false;
		}
	}
	return true;
}

TEST_F_TIMEOUT(adversity, everything_at_once, DAY)
{
	uint64_t seconds = from_environment("PERFRING_RACE_SECONDS", 3), told = now_ns();
	uint64_t seed = from_environment("PERFRING_RACE_SEED", 1), since[THREADS] = { 0 };
	bool plugs = !access("/sys/devices/system/cpu/cpu1/online", W_OK), online = true;
	bool client = false, force = may_force();
	unsigned long good[KINDS] = { 0 }, before[THREADS], all = 0, taken = 0, rounds = 0;
	unsigned long plugged[2] = { 0 }, loaded[2] = { 0 };
	struct hammer hammers[THREADS];
	pthread_t thread[THREADS];
	int hold = device_open(0), status;
	struct world w = {
		.cpu = { self->cpu[0], self->cpu[1] }, .pmu = pmu_type(),
		.page = sysconf(_SC_PAGESIZE), .end = now_ns() + seconds * 1000000000ULL,
	};
	unsigned int i;
	pid_t child;

	ASSERT_LE(0, hold);
	if (!plugs)
		TH_LOG("no CPU is taken down: /sys/devices/system/cpu/cpu1/online is not writable");
	if (!force)
		TH_LOG("rmmod -f is not tried: no /proc/config.gz says that it is refused here");
	signal(SIGIO, SIG_IGN);
	for (i = 0; i < SLOTS; i++) {
		w.fd[i] = device_open(w.cpu[i & 1]);
		ASSERT_LE(0, w.fd[i]);
	}
	child = fork();
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (!race(&w, hammers, good, seed * 100 + 50, thread))
			_exit(1);
		for (i = 0; i < THREADS; i++)
			pthread_join(thread[i], NULL);
		_exit(0);
	}
	ASSERT_LT(0, child);
	ASSERT_TRUE(race(&w, hammers, good, seed * 100, thread));
	while (now_ns() < w.end) {
		EXPECT_GT(0, module_unload());
		if (force) {
			EXPECT_EQ(-1, syscall(SYS_delete_module, "perfring", O_NONBLOCK | O_TRUNC));
		}
		if (plugs) {
			online = !online;
			plugged[online] += !cpu_set_online(1, online);
		}
		/* Busy as long as an event of it is open. */
		if (!(client ? client_unload(CLIENT) : client_load(CLIENT))) {
			client = !client;
			loaded[client]++;
		}
		if (!all_go_on(hammers, before, since)) {
			TH_LOG("seed %llu: a thread does not go on", (unsigned long long)seed);
			_exit(1);
		}
		if (now_ns() - told > 10000000000ULL) {
			told = now_ns();
			TH_LOG("%lu calls of thread 0", hammers[0].calls);
		}
		rounds++;
		sleep_ms(50);
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(thread[i], NULL);
		all += hammers[i].calls;
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	if (plugs)
		cpu_set_online(1, true);
	for (i = 0; i < KINDS; i++) {
		taken += good[i];
		/* Of so many at least one was right in its place. */
		EXPECT_TRUE(good[i] || all < 2000) {
			TH_LOG("no %s has ever been taken", calls[i].name);
		}
	}
	TH_LOG("seed %llu: %lu calls, %lu of them good, %lu rounds", (unsigned long long)seed, all,
	       taken, rounds);
	TH_LOG("CPU 1 down %lu times, up %lu", plugged[0], plugged[1]);
	TH_LOG("another module's source loaded %lu times, unloaded %lu, used by %lu events",
	       loaded[1], loaded[0], w.attached);
	EXPECT_LT(all / 10, taken);
	EXPECT_TRUE(!plugs || rounds < 2 || (plugged[0] && plugged[1]));
	EXPECT_LT(0, loaded[1]);
	EXPECT_TRUE(all < 5000 || (loaded[0] && w.attached));
	settle(&w);
	close(hold);
	if (client) {
		EXPECT_EQ(0, client_unload(CLIENT));
	}
}

DEVICE_MAIN
