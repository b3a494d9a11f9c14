// SPDX-License-Identifier: MIT
/*
 * A ring as a bar: which bytes hold records that wait, where each begins, where
 * head and tail are.
 */
#include "demo.h"

#include <inttypes.h>
#include <string.h>

#define PICTURE_WIDTH_MAX	128

struct picture {
	char bar[PICTURE_WIDTH_MAX + 1];
	char mark[PICTURE_WIDTH_MAX + 1];
	uint64_t size;
	unsigned int width;
};

static unsigned int picture_cell(const struct picture *picture, uint64_t position)
{
	return (unsigned int)((position & (picture->size - 1)) * picture->width / picture->size);
}

/* A capital where a record begins, small letters for the rest of it. */
static void picture_record(struct picture *picture, const struct perfring_record *record,
			   unsigned int nr)
{
	uint64_t step = picture->size / picture->width;
	unsigned int first = picture_cell(picture, record->position);

	step = step < 8 ? 8 : step & ~(uint64_t)7;
	for (uint64_t at = 8; at < record->size; at += step) {
		unsigned int cell = picture_cell(picture, record->position + at);

		if (cell != first)
			picture->bar[cell] = (char)('a' + nr % 26);
	}
	picture->bar[first] = (char)('A' + nr % 26);
}

/* "v head 5208" with its arrow over the cell; @line is the whole width. */
static void picture_mark(struct picture *picture, const char *name, uint64_t position)
{
	unsigned int cell = picture_cell(picture, position);
	char text[64];
	size_t len;

	len = (size_t)snprintf(text, sizeof(text), "%s %" PRIu64, name, position);
	memset(picture->mark, ' ', picture->width);
	picture->mark[picture->width] = '\0';
	picture->mark[cell] = 'v';
	/* The words go to the right of the arrow where there is room, else to the left. */
	if (cell + 2 + len <= picture->width)
		memcpy(picture->mark + cell + 2, text, len);
	else if (cell >= len + 1)
		memcpy(picture->mark + cell - len - 1, text, len);
	len = picture->width;
	while (len && picture->mark[len - 1] == ' ')
		picture->mark[--len] = '\0';
	printf("    %s\n", picture->mark);
}

int picture_print(struct perfring_ring *ring, unsigned int width)
{
	struct perfring_storage *storage = perfring_ring_storage(ring);
	uint64_t tail = perfring_ring_tail(ring), head;
	struct picture picture = {
		.size = perfring_storage_data_size(storage),
		.width = width < PICTURE_WIDTH_MAX ? width : PICTURE_WIDTH_MAX,
	};
	struct perfring_record record;
	struct perfring_batch batch;
	uint64_t straddles = 0, end = tail;
	unsigned int nr = 0;
	int err;

	memset(picture.bar, '.', picture.width);
	err = perfring_batch_begin(ring, &batch);
	while (!err && (err = perfring_batch_next(&batch, &record)) > 0) {
		picture_record(&picture, &record, nr++);
		end = record.position + record.size;
		if ((record.position & (picture.size - 1)) + record.size > picture.size)
			straddles = record.position;
		err = 0;
	}
	perfring_batch_cancel(&batch);
	if (err) {
		cli_error("picture: %s", perfring_strerror(err));
		return CLI_FAIL;
	}
	head = end;

	picture_mark(&picture, "head", head);
	picture_mark(&picture, "tail", tail);
	printf("  0 %s %" PRIu64 "\n", picture.bar, picture.size);
	printf("  A to %c: %u records, oldest first, a capital where one begins; '.' is free; "
	       "one character\n"
	       "  is %.0f bytes.  head - tail = %" PRIu64 " bytes wait; head mod %" PRIu64
	       " = %" PRIu64 ": lap %" PRIu64 ".\n",
	       (char)('A' + (nr ? nr - 1 : 0) % 26), nr,
	       (double)picture.size / picture.width, head - tail, picture.size,
	       head & (picture.size - 1), head / picture.size + 1);
	if (straddles)
		printf("  The record at %" PRIu64 " begins at the end of the ring and ends at its start.\n",
		       straddles);
	return CLI_OK;
}
