/* A folder of a test's own, under /tmp, and files in it. */
#ifndef OUTRIDER_TESTS_FOLDER_H
#define OUTRIDER_TESTS_FOLDER_H

#include <stddef.h>

struct folder {
    char path[64];
};

void folder_make(struct folder *f);
void folder_remove(struct folder *f); /* with everything in it; links are not followed */

/* name may have folders in it, which are made. */
void folder_put(const struct folder *f, const char *name, const void *data, size_t size);
void folder_put_text(const struct folder *f, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Pictures of 64 x 48 px that look different for every seed. */
void folder_put_png(const struct folder *f, const char *name, int seed);
void folder_put_jpeg(const struct folder *f, const char *name, int seed);

/* The path of name; one of four buffers, used in turn. */
const char *folder_path(const struct folder *f, const char *name);

#endif
