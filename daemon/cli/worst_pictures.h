/* The worst pictures of a set with what went wrong drawn in: FOLDER/NN_NAME.png, the worst first, and the first
 * SHEET_CELLS of them together on FOLDER/sheet.png. */
#ifndef OUTRIDER_DAEMON_CLI_WORST_PICTURES_H
#define OUTRIDER_DAEMON_CLI_WORST_PICTURES_H

#include <stddef.h>

#include "perception/base/err.h"
#include "perception/image/image.h"

enum { WORST_PICTURES = 20 /* that --errors draws */ };

struct worst_picture {
    const char *image; /* borrowed */
    size_t at;         /* the caller's index of it */
    double
        rank[2]; /* the greater the worse; the second where the first are equal, then the index */
};

/* Draws into the picture list[i].at. */
typedef enum err worst_drawer(void *context, size_t at, struct image *im, struct why *why);

/* Sorts the list and writes the first `count` of those with a rank above 0. pictures: the folder that
 * the names begin in; folder: made if it is not there. ERR_IO, ERR_FORMAT, ... with the file. */
MUST_CHECK enum err worst_pictures_write(const char *pictures, struct worst_picture *list, size_t n,
                                         int count, const char *folder, worst_drawer *draw,
                                         void *context, struct why *why);

#endif
