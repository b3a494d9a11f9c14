// SPDX-License-Identifier: GPL-2.0
/*
 * The AUX area as far as a machine without a PMU that has one can show it: what
 * the kernel and the storages answer, and the two positions of the control page.
 */
#include <dirent.h>
#include <stdio.h>
#include "fixtures.h"

RING_FIXTURE;

/* No event of ours has an AUX area, and a refusal leaves the ring as it was. */
TEST_F(ring, refused)
{
	ASSERT_EQ(0, backend_open(&self->b, variant->kind, NULL));
	EXPECT_EQ(-EINVAL, perfring_storage_map_aux(self->b.storage, 0, 0));
	EXPECT_EQ(-EINVAL, perfring_storage_map_aux(self->b.storage, 3, 0));
	EXPECT_EQ(-EINVAL, perfring_storage_map_aux(self->b.storage, 1, 1U << 31));
	EXPECT_EQ(-EOPNOTSUPP, perfring_storage_map_aux(self->b.storage, 1, 0));
	EXPECT_EQ(-EOPNOTSUPP,
		  perfring_storage_map_aux(self->b.storage, 4, PERFRING_AUX_OVERWRITE));
	EXPECT_EQ(NULL, perfring_storage_aux(self->b.storage));
	EXPECT_EQ(0, perfring_storage_aux_size(self->b.storage));
	EXPECT_EQ(0, perfring_storage_aux_head(self->b.storage));
	EXPECT_EQ(0, perfring_storage_control(self->b.storage)->aux_size);
	EXPECT_EQ(1, backend_burst(&self->b, 16, 1));
}

/* The positions are those of the control page, which nobody else writes here. */
TEST_F(ring, positions)
{
	struct perf_event_mmap_page *page;

	ASSERT_EQ(0, backend_open(&self->b, variant->kind, NULL));
	page = perfring_storage_control(self->b.storage);
	page->aux_head = (1ULL << 32) + 7;
	EXPECT_EQ((1ULL << 32) + 7, perfring_storage_aux_head(self->b.storage));
	perfring_storage_set_aux_tail(self->b.storage, (1ULL << 32) + 5);
	EXPECT_EQ((1ULL << 32) + 5, page->aux_tail);
	page->aux_head = 0;
	page->aux_tail = 0;
}

/*
 * A PMU with an AUX area, where there is one (its folder says so by no file that all
 * have, so the known ones are named): 2^n pages are mapped, once.
 */
TEST(real)
{
	static const char *const pmus[] = { "intel_pt", "intel_bts", "arm_spe_0", "cs_etm" };
	struct perf_event_attr attr = output_attr();
	struct perfring_storage *storage;
	char path[100];
	long type = -1;
	int err;

	for (unsigned int i = 0; i < ARRAY_LEN(pmus) && type < 0; i++) {
		snprintf(path, sizeof(path), "/sys/bus/event_source/devices/%s/type", pmus[i]);
		type = file_long(path, -1);
	}
	if (type < 0)
		SKIP(return, "no PMU with an AUX area: neither Intel PT or BTS nor Arm SPE or CoreSight");
	attr.type = type;
	attr.config = 0;
	attr.sample_type = 0;
	err = perfring_storage_open_perf(&attr, 0, -1, NULL, &storage);
	if (err)
		SKIP(return, "%s: %s", path, strerror(-err));
	ASSERT_EQ(0, perfring_storage_map_aux(storage, 4, 0));
	EXPECT_EQ(4 * perfring_storage_page_size(storage), perfring_storage_aux_size(storage));
	EXPECT_NE(NULL, perfring_storage_aux(storage));
	EXPECT_EQ(-EBUSY, perfring_storage_map_aux(storage, 4, 0));
	EXPECT_EQ(0, perfring_storage_close(storage));
}

TEST_HARNESS_MAIN
