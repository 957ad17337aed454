#include "tests/folder.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <turbojpeg.h>
#include <unistd.h>

#include "daemon/decode.h"

enum { WIDTH = 64, HEIGHT = 48 };

void folder_make(struct folder *f)
{
    snprintf(f->path, sizeof f->path, "/tmp/outrider-test-XXXXXX");
    cr_assert(mkdtemp(f->path));
}

static int remove_one(const char *path, const struct stat *s, int type, struct FTW *ftw)
{
    (void)s;
    (void)type;
    (void)ftw;
    return remove(path);
}

void folder_remove(struct folder *f)
{
    nftw(f->path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const char *folder_path(const struct folder *f, const char *name)
{
    static char path[4][512];
    static int next;
    char *out = path[next++ % 4];

    cr_assert(snprintf(out, sizeof path[0], "%s/%s", f->path, name) < (int)sizeof path[0]);
    return out;
}

static const char *make_parents(const struct folder *f, const char *name)
{
    const char *path = folder_path(f, name);

    for (char *s = strchr(path + strlen(f->path) + 1, '/'); s; s = strchr(s + 1, '/')) {
        *s = 0;
        mkdir(path, 0777);
        *s = '/';
    }
    return path;
}

void folder_put(const struct folder *f, const char *name, const void *data, size_t size)
{
    FILE *file = fopen(make_parents(f, name), "w");

    cr_assert(file, "%s", name);
    cr_assert_eq(fwrite(data, 1, size, file), size);
    cr_assert_eq(fclose(file), 0);
}

void folder_put_text(const struct folder *f, const char *name, const char *fmt, ...)
{
    char text[4096];
    va_list ap;

    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    cr_assert(n >= 0 && n < (int)sizeof text);
    folder_put(f, name, text, (size_t)n);
}

static void paint(uint8_t rgb[HEIGHT][WIDTH][3], int seed)
{
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            for (int c = 0; c < 3; c++)
                rgb[y][x][c] = (uint8_t)(128 + 60 * ((x / 8 + y / 8 + seed) % 2) + 7 * seed + c);
}

void folder_put_png(const struct folder *f, const char *name, int seed)
{
    static uint8_t rgb[HEIGHT][WIDTH][3];
    const struct image im = {&rgb[0][0][0], WIDTH, HEIGHT, 3 * WIDTH};
    struct why why;

    paint(rgb, seed);
    cr_assert_eq(png_write(make_parents(f, name), &im, &why), OK, "%s", why.text);
}

void folder_put_jpeg(const struct folder *f, const char *name, int seed)
{
    static uint8_t rgb[HEIGHT][WIDTH][3];
    tjhandle tj = tjInitCompress();
    unsigned char *jpeg = NULL;
    unsigned long size = 0;

    paint(rgb, seed);
    cr_assert_eq(
        tjCompress2(tj, &rgb[0][0][0], WIDTH, 0, HEIGHT, TJPF_RGB, &jpeg, &size, TJSAMP_420, 90, 0),
        0);
    folder_put(f, name, jpeg, size);
    tjFree(jpeg);
    tjDestroy(tj);
}
