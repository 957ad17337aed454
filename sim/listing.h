/* The picture files of a folder, in the order a person would put them. */
#ifndef OUTRIDER_SIM_LISTING_H
#define OUTRIDER_SIM_LISTING_H

#include <stdbool.h>

#include "perception/base/err.h"

enum { LISTING_MAX = 1 << 20 }; /* files; ten hours at 25 Hz */

struct listing {
    int n;
    char **name; /* without the folder */
};

/* Every regular file whose name ends in .png, .jpg or .jpeg, in any case; names that begin with a
 * dot and links that lead nowhere are passed over. n may be 0. ERR_IO, ERR_LIMIT, ERR_NOMEM. */
MUST_CHECK enum err listing_read(struct listing *l, const char *folder, struct why *why);
void listing_finish(struct listing *l); /* a zeroed one is fine */

bool name_is_picture(const char *name);

/* As strcmp, but runs of digits compare by their value: 2.png before 10.png. */
int name_compare(const char *a, const char *b);

#endif
