// SPDX-License-Identifier: MIT
/* Explanations of errors, and the version. */
#include "internal.h"

#define TEXT_(x)	#x
#define TEXT(x)		TEXT_(x)

const char *perfring_version(void)
{
	return TEXT(PERFRING_VERSION_MAJOR) "." TEXT(PERFRING_VERSION_MINOR) "."
	       TEXT(PERFRING_VERSION_PATCH);
}

/* What the C library has to say, in no language but English and in any thread. */
static const char *error_other(int error)
{
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 32)
	const char *text = strerrordesc_np(error);

	if (text)
		return text;
#else
	(void)error;
#endif
	return "unknown error";
}

const char *perfring_strerror(int error)
{
	static const struct {
		int code;
		const char *text;
	} texts[] = {
		{ 0, "no error" },
		{ E2BIG, "too large: an unknown option is set, or the record can never fit" },
		{ EACCES, "not permitted (see perf_event_paranoid, capability CAP_PERFMON)" },
		{ EALREADY, "already begun" },
		{ EBADMSG, "the bytes are no valid record or ring" },
		{ EBUSY, "busy: output is paused, or another user is open" },
		{ EEXIST, "there is one already" },
		{ EFAULT, "bad address or alignment" },
		{ EINTR, "interrupted by a signal" },
		{ EINVAL, "invalid argument" },
		{ EMFILE, "too many open files" },
		{ ENODATA, "nothing there, and nothing to wait for" },
		{ ENODEV, "no such device, or the CPU is offline" },
		{ ENOENT, "no such file, event or ring" },
		{ ENOMEM, "out of memory" },
		{ ENOSPC, "no room" },
		{ ENOTTY, "the descriptor does not know this request" },
		{ ENXIO, "no driver behind the device file (is the module loaded?)" },
		{ EOPNOTSUPP, "not supported by this storage, kernel or format" },
		{ EPERM, "not permitted (locked memory, perf_event_paranoid or capability)" },
		{ ERANGE, "out of range" },
		{ ESRCH, "no such process" },
		{ ETIMEDOUT, "the time was over" },
	};

	if (error < 0)
		error = -error;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].code == error)
			return texts[i].text;
	return error_other(error);
}
