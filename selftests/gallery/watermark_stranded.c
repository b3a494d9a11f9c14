// SPDX-License-Identifier: GPL-2.0
/*
 * The wait has no limit: records that do not reach the watermark stay where they are until
 * others come.
 */
#include "gallery.h"

#define wait_ms (-1)

#include "reader.h"
