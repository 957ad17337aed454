/* A contact sheet: many pictures on one, with the truth drawn in, to see at a glance what a set is
 * made of. */
#ifndef OUTRIDER_DAEMON_CLI_SIM_SHEET_H
#define OUTRIDER_DAEMON_CLI_SIM_SHEET_H

#include <stdbool.h>

#include "perception/base/err.h"
#include "perception/image/image.h"
#include "perception/scene.h"

enum { SHEET_COLUMNS = 5, SHEET_ROWS = 8, SHEET_CELLS = SHEET_COLUMNS * SHEET_ROWS };

struct sheet {
    struct image page, work; /* work: one picture in its full size */
    int cell_width, cell_height;
    int frames; /* of the set that it is drawn from */
    int placed;
};

/* For pictures of width x height. ERR_NOMEM. */
MUST_CHECK enum err sheet_open(struct sheet *s, int width, int height, int frames);
void sheet_close(struct sheet *s); /* zeroed is fine */

/* One frame of each of SHEET_CELLS equal parts of the set; which one is drawn by seed. */
bool sheet_wants(const struct sheet *s, uint64_t seed, int frame);

/* Put a picture into the next cell, if there is one: with the truth drawn in, or as it is. */
void sheet_add(struct sheet *s, const struct image *rgb, const struct scene *scene);

void sheet_add_drawn(struct sheet *s, const struct image *rgb);

/* What is on it, without the rows that stayed empty. */
struct image sheet_page(const struct sheet *s); /* borrows its pixels */

#endif
