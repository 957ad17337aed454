/* A whole file in memory that is used again for the next one, and whole files out of it. */
#ifndef OUTRIDER_SIM_FILE_H
#define OUTRIDER_SIM_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "perception/base/err.h"

struct file {   /* zeroed: nothing read yet */
    char *text; /* size bytes and a 0 behind them */
    size_t size, capacity;
};

enum { FILE_MAX_PATH = 4096 };

/* Read a regular file of at most max bytes; its name and what is wrong stand in why.
 * ERR_IO, ERR_LIMIT or ERR_NOMEM; f keeps its memory. */
MUST_CHECK enum err file_read(struct file *f, const char *path, size_t max, struct why *why);
void file_finish(struct file *f);

/* The line that begins at *at, and *at behind it. False: none that has its end; a last one without is still being
 * written. */
bool file_line(const struct file *f, size_t *at, const char **line, size_t *size);

/* The whole file, or what was there before: beside it first, then in its place. ERR_IO, ERR_LIMIT. */
MUST_CHECK enum err file_put(const char *path, const void *data, size_t size, struct why *why);

bool file_exists(const char *path); /* a regular file, perhaps behind links */
bool folder_exists(const char *path);

/* "folder/name" into out. False: longer than FILE_MAX_PATH. */
MUST_CHECK bool path_join(char out[FILE_MAX_PATH], const char *folder, const char *name);

#endif
