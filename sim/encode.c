#include "sim/encode.h"

#include <assert.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>
#include <turbojpeg.h>

enum { PNG_EFFORT = 3 }; /* a third of the usual time, 5 % larger */

struct encoder {
    tjhandle jpeg; /* NULL until the first one */
    uint8_t *data;
    size_t size, capacity;
    int quality;     /* of JPEG; 0: ENCODE_JPEG_QUALITY */
    struct why said; /* by libpng */
};

enum err encoder_open(struct encoder **out)
{
    *out = calloc(1, sizeof **out);
    return *out ? OK : ERR_NOMEM;
}

void encoder_quality(struct encoder *e, int jpeg)
{
    e->quality = jpeg;
}

void encoder_close(struct encoder *e)
{
    if (!e)
        return;
    if (e->jpeg)
        tjDestroy(e->jpeg);
    free(e->data);
    free(e);
}

static bool reserve(struct encoder *e, size_t size)
{
    size_t more = e->capacity ? e->capacity : 1 << 16;

    while (more < size)
        more *= 2;
    if (more == e->capacity)
        return true;
    uint8_t *data = realloc(e->data, more);
    if (!data)
        return false;
    e->data = data;
    e->capacity = more;
    return true;
}

/* ---- PNG ----------------------------------------------------------------------------------- */

static void complain(png_structp png, png_const_charp text)
{
    struct encoder *e = png_get_error_ptr(png);

    (void)err_say(&e->said, ERR_IO, "%s", text);
    png_longjmp(png, 1);
}

static void ignore(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static void append(png_structp png, png_bytep data, size_t n)
{
    struct encoder *e = png_get_io_ptr(png);

    if (!reserve(e, e->size + n))
        png_error(png, "no memory");
    memcpy(e->data + e->size, data, n);
    e->size += n;
}

static void flush(png_structp png)
{
    (void)png;
}

static enum err write_rows(png_structp png, png_infop info, struct encoder *e, const uint8_t *data,
                           int width, int height, size_t stride, int type)
{
    if (setjmp(png_jmpbuf(png)))
        return ERR_IO;
    png_set_write_fn(png, e, append, flush);
    png_set_compression_level(png, PNG_EFFORT);
    png_set_IHDR(png, info, (png_uint_32)width, (png_uint_32)height, 8, type, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (int y = 0; y < height; y++)
        png_write_row(png, data + (size_t)y * stride);
    png_write_end(png, NULL);
    return OK;
}

static enum err encode_png(struct encoder *e, const uint8_t *data, int width, int height,
                           size_t stride, int type, struct bytes *out, struct why *why)
{
    enum err status;

    e->size = 0;
    (void)err_say(&e->said, ERR_NOMEM, "no memory");
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, e, complain, ignore);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    status = info ? write_rows(png, info, e, data, width, height, stride, type) : ERR_NOMEM;
    png_destroy_write_struct(&png, &info);
    *out = (struct bytes){e->data, e->size};
    return status == OK ? OK : err_say(why, status, "PNG: %s", e->said.text);
}

enum err encoder_mask(struct encoder *e, const uint8_t *mask, int width, int height,
                      struct bytes *out, struct why *why)
{
    return encode_png(e, mask, width, height, (size_t)width, PNG_COLOR_TYPE_GRAY, out, why);
}

/* ---- JPEG ---------------------------------------------------------------------------------- */

static enum err encode_jpeg(struct encoder *e, const struct image *rgb, struct bytes *out,
                            struct why *why)
{
    unsigned long size = tjBufSize(rgb->width, rgb->height, TJSAMP_420);

    if (!e->jpeg && !(e->jpeg = tjInitCompress()))
        return err_say(why, ERR_NOMEM, "JPEG: no memory");
    if (!reserve(e, size))
        return err_say(why, ERR_NOMEM, "JPEG: no memory");
    if (tjCompress2(e->jpeg, rgb->data, rgb->width, rgb->stride_bytes, rgb->height, TJPF_RGB,
                    &e->data, &size, TJSAMP_420, e->quality ? e->quality : ENCODE_JPEG_QUALITY,
                    TJFLAG_NOREALLOC))
        return err_say(why, ERR_IO, "JPEG: %s", tjGetErrorStr2(e->jpeg));
    *out = (struct bytes){e->data, size};
    return OK;
}

static enum err copy_rows(struct encoder *e, const struct image *rgb, struct bytes *out,
                          struct why *why)
{
    const size_t row = 3 * (size_t)rgb->width;

    if (!reserve(e, row * (size_t)rgb->height))
        return err_say(why, ERR_NOMEM, "no memory for a picture of %d x %d", rgb->width,
                       rgb->height);
    for (int y = 0; y < rgb->height; y++)
        memcpy(e->data + (size_t)y * row, image_at(rgb, 0, y), row);
    *out = (struct bytes){e->data, row * (size_t)rgb->height};
    return OK;
}

enum err encoder_picture(struct encoder *e, const struct image *rgb, enum encoding as,
                         struct bytes *out, struct why *why)
{
    assert(as == ENCODING_RGB8 || as == ENCODING_PNG || as == ENCODING_JPEG);
    if (as == ENCODING_RGB8)
        return copy_rows(e, rgb, out, why);
    if (as == ENCODING_JPEG)
        return encode_jpeg(e, rgb, out, why);
    return encode_png(e, rgb->data, rgb->width, rgb->height, (size_t)rgb->stride_bytes,
                      PNG_COLOR_TYPE_RGB, out, why);
}
