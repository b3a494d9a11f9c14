// SPDX-License-Identifier: MIT
#include <perfring/perfring.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a command and its children do, from its execve(2) on. */
int main(int argc, char **argv)
{
	static char *const usual[] = { "/bin/sh", "-c", "ls / >/dev/null", NULL };
	const char *text = "task-clock:u,{faults,minor-faults}:u,branches:u";
	struct perfring_event_specs *specs = NULL;
	struct perfring_events *events = NULL;
	struct perfring_count_value value[4] = { { .value = 0 } };
	int go[2], status, err;
	pid_t pid;
	char c;

	if (pipe(go))
		return 1;
	pid = fork();
	if (!pid) {
		char *const *command = argc > 1 ? argv + 1 : usual;

		close(go[1]);
		if (read(go[0], &c, 1) == 1)
			execvp(command[0], command);
		_exit(127);
	}
	struct perfring_events_opts opts = {
		.size = sizeof(opts), .pids = &pid, .nr_pids = 1,
		.inherit = 1, .enable_on_exec = 1, .optional = 1,
	};
	err = perfring_event_parse(text, NULL, &specs, NULL);
	if (!err)
		err = perfring_events_open(specs, &opts, &events);
	if (!err && write(go[1], "g", 1) != 1)
		err = -1;
	close(go[1]);
	waitpid(pid, &status, 0);
	if (!err)
		err = perfring_events_read(events, value, 4);
	for (int i = 0; i < err; i++) {
		const char *name = perfring_event_specs_at(specs, (size_t)i)->name;

		if (value[i].state == PERFRING_COUNTED)
			printf("%12llu  %s\n", (unsigned long long)value[i].scaled, name);
		else
			printf("%12s  %s: %s\n", "-", name,
			       perfring_count_state_text(value[i].state));
	}
	if (err < 0)
		fprintf(stderr, "events_count: %s\n", perfring_strerror(err));
	perfring_events_close(events);
	perfring_event_specs_free(specs);
	return err < 0;
}
