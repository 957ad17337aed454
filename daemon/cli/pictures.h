/* The pictures that a command is to look at: one file, or all JPEG and PNG files of a folder. */
#ifndef OUTRIDER_DAEMON_CLI_PICTURES_H
#define OUTRIDER_DAEMON_CLI_PICTURES_H

#include <stdbool.h>
#include <stddef.h>

#include "perception/base/err.h"

struct pictures {
    char *folder; /* ends in /, or is empty: the path of a picture is folder and name */
    char **name;  /* sorted by bytes */
    size_t n;
};

/* ERR_IO, or ERR_FORMAT for a folder without any picture. A single file may have any name. */
MUST_CHECK enum err pictures_list(const char *path, struct pictures *out, struct why *why);
/* Only those i with keep[i]; the others are forgotten. */
void pictures_keep(struct pictures *p, const bool *keep);
void pictures_finish(struct pictures *p); /* a zeroed one is fine */

#endif
