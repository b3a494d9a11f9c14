// SPDX-License-Identifier: GPL-2.0
#include "gallery.h"
#include <stdlib.h>
void explore(struct reader *r, void (*drain)(struct reader *r)) { (void)r; (void)drain; exit(2); }
