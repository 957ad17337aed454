/* Which decoder a picture needs; raw pixels; files. PNG is in decode_png.c, JPEG in decode_jpeg.c.
 */
#include "daemon/decode.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/decode_internal.h"

enum err decoder_open(struct decoder **out)
{
    struct decoder *d = calloc(1, sizeof *d);

    *out = NULL;
    if (!d)
        return ERR_NOMEM;
    *out = d;
    return OK;
}

void decoder_close(struct decoder *d)
{
    if (!d)
        return;
    if (d->jpeg)
        tjDestroy(d->jpeg);
    free(d->picture.data);
    free(d->file.data);
    free(d);
}

static bool grow(struct growing *g, size_t size)
{
    uint8_t *data;

    if (size <= g->size)
        return true;
    data = malloc(size); /* what was there is not needed any more */
    if (!data)
        return false;
    free(g->data);
    *g = (struct growing){data, size};
    return true;
}

enum err decode_size(const struct decode_job *job, int64_t width, int64_t height)
{
    const struct frame_header *h = job->header;

    if (width < 1 || height < 1)
        return err_say(job->why, ERR_FORMAT, "%s: holds no picture", encoding_name(job->encoding));
    if (width > IMAGE_MAX_SIDE || height > IMAGE_MAX_SIDE)
        return err_say(job->why, ERR_LIMIT, "%s: size is %lld x %lld, limit %d a side",
                       encoding_name(job->encoding), (long long)width, (long long)height,
                       IMAGE_MAX_SIDE);
    if (width * height > IMAGE_MAX_PIXELS)
        return err_say(job->why, ERR_LIMIT, "%s: size is %lld x %lld, limit %d pixels",
                       encoding_name(job->encoding), (long long)width, (long long)height,
                       IMAGE_MAX_PIXELS);
    if (h && ((h->width && h->width != width) || (h->height && h->height != height)))
        return err_say(job->why, ERR_MISMATCH, "%s: size is %lld x %lld, the header says %d x %d",
                       encoding_name(job->encoding), (long long)width, (long long)height, h->width,
                       h->height);
    if (!grow(&job->decoder->picture, (size_t)(3 * width * height)))
        return err_say(job->why, ERR_NOMEM, "%s: no memory for %lld x %lld pixels",
                       encoding_name(job->encoding), (long long)width, (long long)height);
    *job->out = (struct image){job->decoder->picture.data, (int)width, (int)height, 3 * (int)width};
    return OK;
}

/* ---- raw ---- */

static uint8_t clamp(int v)
{
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* BT.601, limited range (Y 16..235, U and V 16..240), in 1/256ths, rounded:
 *   R = (298 (Y - 16)                 + 409 (V - 128) + 128) >> 8
 *   G = (298 (Y - 16) - 100 (U - 128) - 208 (V - 128) + 128) >> 8
 *   B = (298 (Y - 16) + 516 (U - 128)                 + 128) >> 8   each clamped to 0..255 */
static void yuv_pixel(uint8_t *rgb, int y, int u, int v)
{
    int l = 298 * (y - 16) + 128;

    rgb[0] = clamp((l + 409 * (v - 128)) >> 8);
    rgb[1] = clamp((l - 100 * (u - 128) - 208 * (v - 128)) >> 8);
    rgb[2] = clamp((l + 516 * (u - 128)) >> 8);
}

static void rgb8_row(uint8_t *rgb, const uint8_t *s, int width)
{
    memcpy(rgb, s, 3 * (size_t)width);
}

static void bgr8_row(uint8_t *rgb, const uint8_t *s, int width)
{
    for (int x = 0; x < width; x++) {
        rgb[3 * x] = s[3 * x + 2];
        rgb[3 * x + 1] = s[3 * x + 1];
        rgb[3 * x + 2] = s[3 * x];
    }
}

static void bgra8_row(uint8_t *rgb, const uint8_t *s, int width)
{
    for (int x = 0; x < width; x++) {
        rgb[3 * x] = s[4 * x + 2];
        rgb[3 * x + 1] = s[4 * x + 1];
        rgb[3 * x + 2] = s[4 * x];
    }
}

static void mono8_row(uint8_t *rgb, const uint8_t *s, int width)
{
    for (int x = 0; x < width; x++)
        rgb[3 * x] = rgb[3 * x + 1] = rgb[3 * x + 2] = s[x];
}

static void yuyv_row(uint8_t *rgb, const uint8_t *s, int width)
{
    for (int x = 0; x < width; x += 2, s += 4) {
        yuv_pixel(rgb + 3 * x, s[0], s[1], s[3]);
        yuv_pixel(rgb + 3 * x + 3, s[2], s[1], s[3]);
    }
}

/* Each U V pair colours the two by two pixels above it. */
static void nv12_picture(const struct image *im, const uint8_t *s, size_t stride)
{
    const uint8_t *uv = s + stride * (size_t)im->height;

    for (int row = 0; row < im->height; row++) {
        const uint8_t *y = s + stride * (size_t)row, *c = uv + stride * (size_t)(row / 2);
        uint8_t *rgb = image_at(im, 0, row);

        for (int x = 0; x < im->width; x++)
            yuv_pixel(rgb + 3 * x, y[x], c[x & ~1], c[x | 1]);
    }
}

static enum err decode_raw(const struct decode_job *job)
{
    static void (*const row[ENCODING_COUNT])(uint8_t * rgb, const uint8_t *s, int width) = {
        [ENCODING_RGB8] = rgb8_row,   [ENCODING_BGR8] = bgr8_row, [ENCODING_BGRA8] = bgra8_row,
        [ENCODING_MONO8] = mono8_row, [ENCODING_YUYV] = yuyv_row,
    };
    const struct frame_header *h = job->header;
    size_t stride = (size_t)h->stride_bytes;
    enum err e = decode_size(job, h->width, h->height);

    if (e != OK)
        return e;
    if (h->encoding == ENCODING_NV12)
        nv12_picture(job->out, job->bytes.data, stride);
    else
        for (int y = 0; y < h->height; y++)
            row[h->encoding](image_at(job->out, 0, y), job->bytes.data + stride * (size_t)y,
                             h->width);
    return OK;
}

/* ---- frames and files ---- */

static enum err decode(const struct decode_job *job)
{
    switch (job->encoding) {
    case ENCODING_RGB8:
    case ENCODING_BGR8:
    case ENCODING_BGRA8:
    case ENCODING_MONO8:
    case ENCODING_NV12:
    case ENCODING_YUYV:
        return decode_raw(job);
    case ENCODING_PNG:
        return decode_png(job);
    case ENCODING_JPEG:
        return decode_jpeg(job);
    default:
        return err_say(job->why, ERR_UNSUPPORTED, "encoding is %d", (int)job->encoding);
    }
}

enum err decoder_frame(struct decoder *d, const struct frame_header *h, struct bytes pixels,
                       struct image *out, struct why *why)
{
    struct decode_job job = {d, h, h->encoding, pixels, out, why};

    return decode(&job);
}

static enum err read_file(struct decoder *d, const char *path, struct bytes *out, struct why *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    size_t size = 0, have = 0;
    enum err e = OK;

    if (fd < 0 || fstat(fd, &st) != 0)
        e = err_say(why, ERR_IO, "%s: %s", path, strerror(errno));
    else if (!S_ISREG(st.st_mode))
        e = err_say(why, ERR_IO, "%s: is not a file", path);
    else if (st.st_size > FRAME_MAX_PIXEL_BYTES)
        e = err_say(why, ERR_LIMIT, "%s: has %lld bytes, limit %d", path, (long long)st.st_size,
                    FRAME_MAX_PIXEL_BYTES);
    else if (!grow(&d->file, size = (size_t)st.st_size))
        e = err_say(why, ERR_NOMEM, "%s: no memory for %zu bytes", path, size);
    while (e == OK && have < size) {
        ssize_t n = read(fd, d->file.data + have, size - have);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            e = err_say(why, ERR_IO, "%s: %s", path, strerror(errno));
        if (n <= 0) /* a file that became shorter meanwhile ends here */
            break;
        have += (size_t)n;
    }
    if (fd >= 0)
        close(fd);
    *out = (struct bytes){d->file.data, have};
    return e;
}

enum err decoder_file(struct decoder *d, const char *path, struct image *out, struct why *why)
{
    static const uint8_t png[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    struct decode_job job = {.decoder = d, .out = out, .why = why};
    enum err e = read_file(d, path, &job.bytes, why);

    if (e != OK)
        return e;
    if (job.bytes.size >= sizeof png && !memcmp(job.bytes.data, png, sizeof png))
        job.encoding = ENCODING_PNG;
    else if (job.bytes.size >= 2 && job.bytes.data[0] == 0xff && job.bytes.data[1] == 0xd8)
        job.encoding = ENCODING_JPEG;
    else
        return err_say(why, ERR_FORMAT, "%s: is neither a PNG nor a JPEG file", path);
    e = decode(&job);
    return e == OK ? OK : err_prefix(why, e, "%s: ", path);
}
