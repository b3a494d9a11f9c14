/* SPDX-License-Identifier: MIT */
/* Everything of libperfring. */
#ifndef PERFRING_PERFRING_H
#define PERFRING_PERFRING_H

#include <perfring/bpf.h>
#include <perfring/count.h>
#include <perfring/data.h>
#include <perfring/error.h>
#include <perfring/event.h>
#include <perfring/events.h>
#include <perfring/format.h>
#include <perfring/merge.h>
#include <perfring/reader.h>
#include <perfring/ring.h>
#include <perfring/storage.h>
#include <perfring/write.h>

#endif /* PERFRING_PERFRING_H */
