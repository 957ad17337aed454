/* PNG through libpng's low-level API: its simplified one shifts the gamma. */
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <png.h>

#include "daemon/decode_internal.h"

enum {
    MAX_CHUNK_BYTES = 8 << 20, /* of a chunk that libpng has to keep: text, profiles */
    MAX_KEPT_CHUNKS = 64,
};

struct source {
    struct bytes rest;
    char text[128]; /* what libpng complained about */
};

static void pull(png_structp png, png_bytep to, size_t n)
{
    struct source *s = png_get_io_ptr(png);

    if (n > s->rest.size)
        png_error(png, "ends too early");
    memcpy(to, s->rest.data, n);
    s->rest.data += n;
    s->rest.size -= n;
}

static void complain(png_structp png, png_const_charp text)
{
    struct source *s = png_get_error_ptr(png);

    snprintf(s->text, sizeof s->text, "%s", text);
    png_longjmp(png, 1);
}

static void ignore(png_structp png, png_const_charp text) /* warnings: oddities that do no harm */
{
    (void)png;
    (void)text;
}

/* Whatever the file holds becomes 8 bit RGB: the alpha channel is dropped, not blended. */
static void ask_for_rgb8(png_structp png, png_infop info)
{
    int type = png_get_color_type(png, info);

    png_set_expand(png); /* palette, 1 2 4 bit grey, tRNS */
    png_set_scale_16(png);
    if (!(type & PNG_COLOR_MASK_COLOR))
        png_set_gray_to_rgb(png);
    png_set_strip_alpha(png);
}

/* The part that libpng may leave by longjmp(): no variable of its own is looked at afterwards. */
static enum err read_picture(const struct decode_job *job, png_structp png, png_infop info,
                             struct source *source)
{
    enum err e;
    int passes;

    if (setjmp(png_jmpbuf(png)))
        return err_say(job->why, ERR_FORMAT, "PNG: %s", source->text);
    png_set_read_fn(png, source, pull);
    png_set_user_limits(png, 0x7fffffff, 0x7fffffff); /* decode_size() judges, and says more */
    png_set_chunk_malloc_max(png, MAX_CHUNK_BYTES);
    png_set_chunk_cache_max(png, MAX_KEPT_CHUNKS);
    png_read_info(png, info);
    e = decode_size(job, png_get_image_width(png, info), png_get_image_height(png, info));
    if (e != OK)
        return e;
    ask_for_rgb8(png, info);
    passes = png_set_interlace_handling(png);
    png_read_update_info(png, info);
    if (png_get_rowbytes(png, info) != (size_t)job->out->stride_bytes)
        png_error(png, "does not become 8 bit RGB");
    for (int pass = 0; pass < passes; pass++)
        for (int y = 0; y < job->out->height; y++)
            png_read_row(png, image_at(job->out, 0, y), NULL);
    png_read_end(png, NULL);
    return OK;
}

enum err decode_png(const struct decode_job *job)
{
    struct source source = {job->bytes, "unreadable"};
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &source, complain, ignore);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    enum err e = info ? read_picture(job, png, info, &source)
                      : err_say(job->why, ERR_NOMEM, "PNG: no memory");

    png_destroy_read_struct(&png, &info, NULL);
    return e;
}
