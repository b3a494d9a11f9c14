// SPDX-License-Identifier: MIT
#include <perfring/perfring.h>
#include <stdio.h>

/* What texts stand for, and what is wrong with one. */
int main(int argc, char **argv)
{
	static const char *const usual[] = {
		"{faults,cs}:u,cpu-clock/period=1000000/", "cycels:u",
	};
	struct perfring_event_specs *specs;
	struct perfring_event_error error;
	char shown[1024];

	for (int i = 0; i < (argc > 1 ? argc - 1 : 2); i++) {
		const char *text = argc > 1 ? argv[i + 1] : usual[i];

		if (perfring_event_parse(text, NULL, &specs, &error)) {
			perfring_event_error_format(&error, text, shown, sizeof(shown));
			printf("%s", shown);
			continue;
		}
		for (size_t j = 0; j < perfring_event_specs_count(specs); j++) {
			const struct perfring_event_spec *spec = perfring_event_specs_at(specs, j);

			printf("%s: type %u, config 0x%llx, period %llu%s%s\n", spec->name,
			       spec->attr.type, (unsigned long long)spec->attr.config,
			       (unsigned long long)spec->attr.sample_period,
			       spec->attr.exclude_kernel ? ", user code only" : "",
			       spec->leader != j ? ", in the group before" : "");
		}
		perfring_event_specs_free(specs);
	}
	return 0;
}
