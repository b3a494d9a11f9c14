// SPDX-License-Identifier: GPL-2.0
/* A signal interrupts the wait, and that is taken for its end. */
#include "gallery.h"

#include <errno.h>
#include <stdlib.h>

#define failed failed
static inline void failed(int error)
{
	exit(error == EINTR ? 0 : 1);
}

#include "reader.h"
