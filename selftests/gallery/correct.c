// SPDX-License-Identifier: GPL-2.0
/* Nothing is wrong. */
#include "reader.h"
