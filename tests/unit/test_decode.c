#include "daemon/decode.h"

#include <criterion/criterion.h>
#include <math.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>
#include <unistd.h>

static struct decoder *d;
static struct image im;
static struct why why;

static void open_decoder(void)
{
    cr_assert_eq(decoder_open(&d), OK);
}

static void close_decoder(void)
{
    decoder_close(d);
}

TestSuite(decode, .init = open_decoder, .fini = close_decoder);

static enum err decode(enum encoding encoding, int width, int height, int stride, const void *data,
                       size_t size)
{
    struct frame_header h = {
        .encoding = encoding, .width = width, .height = height, .stride_bytes = stride};

    why.text[0] = 0;
    return decoder_frame(d, &h, (struct bytes){data, size}, &im, &why);
}

static void expect_pixel(int x, int y, int r, int g, int b)
{
    const uint8_t *p = image_at(&im, x, y);

    cr_expect(p[0] == r && p[1] == g && p[2] == b, "(%d %d) is %d %d %d, not %d %d %d", x, y, p[0],
              p[1], p[2], r, g, b);
}

static void expect_says(enum err got, enum err want, const char *text)
{
    cr_expect_eq(got, want, "%s, not %s: %s", err_name(got), err_name(want), why.text);
    cr_expect(strstr(why.text, text) != NULL, "\"%s\" does not say \"%s\"", why.text, text);
}

/* ---- raw ---- */

Test(decode, raw_encodings_with_padded_rows)
{
    const uint8_t rgb[] = {1, 2, 3, 4, 5, 6, 99, 99, 7, 8, 9, 10, 11, 12, 99, 99};
    const uint8_t bgra[] = {3, 2, 1, 0, 6, 5, 4, 0, 99, 9, 8, 7, 0, 12, 11, 10, 0, 99};
    const uint8_t mono[] = {1, 2, 99, 3, 4, 99};

    cr_assert_eq(decode(ENCODING_RGB8, 2, 2, 8, rgb, sizeof rgb), OK);
    expect_pixel(1, 0, 4, 5, 6);
    expect_pixel(0, 1, 7, 8, 9);
    cr_assert_eq(decode(ENCODING_BGR8, 2, 2, 8, rgb, sizeof rgb), OK);
    expect_pixel(1, 0, 6, 5, 4);
    expect_pixel(1, 1, 12, 11, 10);
    cr_assert_eq(decode(ENCODING_BGRA8, 2, 2, 9, bgra, sizeof bgra), OK);
    expect_pixel(0, 0, 1, 2, 3);
    expect_pixel(1, 1, 10, 11, 12);
    cr_assert_eq(decode(ENCODING_MONO8, 2, 2, 3, mono, sizeof mono), OK);
    expect_pixel(1, 0, 2, 2, 2);
    expect_pixel(0, 1, 3, 3, 3);
    cr_expect_eq(im.width, 2);
    cr_expect_eq(im.stride_bytes, 6);
}

/* The corners of BT.601 limited range, worked out by hand from the formula in decode.c. */
Test(decode, yuv_becomes_rgb)
{
    const uint8_t yuyv[] = {16, 128, 235, 128, 81, 90, 81, 240}; /* black white, red red */
    const uint8_t nv12[] = {145, 145, 41, 41, 99, 99,            /* two rows of four and padding */
                            145, 145, 41, 41, 99, 99, 54, 34, 240, 110, 99, 99}; /* green, blue */

    cr_assert_eq(decode(ENCODING_YUYV, 4, 1, 8, yuyv, sizeof yuyv), OK);
    expect_pixel(0, 0, 0, 0, 0);
    expect_pixel(1, 0, 255, 255, 255);
    expect_pixel(2, 0, 255, 0, 0);
    expect_pixel(3, 0, 255, 0, 0);
    cr_assert_eq(decode(ENCODING_NV12, 4, 2, 6, nv12, sizeof nv12), OK);
    expect_pixel(0, 0, 0, 255, 1);
    expect_pixel(1, 1, 0, 255, 1);
    expect_pixel(2, 0, 0, 0, 255);
    expect_pixel(3, 1, 0, 0, 255);
}

/* ---- PNG ---- */

struct buffer {
    uint8_t data[1 << 16];
    size_t size;
};

static void append(png_structp png, png_bytep bytes, size_t n)
{
    struct buffer *b = png_get_io_ptr(png);

    cr_assert(b->size + n <= sizeof b->data);
    memcpy(b->data + b->size, bytes, n);
    b->size += n;
}

static void flush(png_structp png)
{
    (void)png;
}

enum { W = 13, H = 11 }; /* not a multiple of any Adam7 step */

static int bytes_per_row(int type, int depth)
{
    static const int channels[] = {
        [PNG_COLOR_TYPE_GRAY] = 1, [PNG_COLOR_TYPE_RGB] = 3,       [PNG_COLOR_TYPE_PALETTE] = 1,
        [PNG_COLOR_TYPE_GA] = 2,   [PNG_COLOR_TYPE_RGB_ALPHA] = 4,
    };

    return (W * channels[type] * depth + 7) / 8;
}

/* A picture of pseudo-random bytes; palette entry i is (i, 2 i, 255 - i) of 0..15. */
static void make_png(struct buffer *b, int type, int depth, int interlace, bool trns, float gamma,
                     uint8_t rows[H][W * 8])
{
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_bytep pointers[H];
    png_color palette[16];
    png_color_16 key = {0};
    png_byte alpha[16] = {0, 128};
    unsigned seed = 1;

    b->size = 0;
    for (int y = 0; y < H; y++) {
        for (int i = 0; i < bytes_per_row(type, depth); i++)
            rows[y][i] = (uint8_t)((seed = seed * 1103515245u + 12345u) >> 16);
        pointers[y] = rows[y];
    }
    for (int i = 0; i < 16; i++)
        palette[i] = (png_color){(uint8_t)i, (uint8_t)(2 * i), (uint8_t)(255 - i)};
    png_set_write_fn(png, b, append, flush);
    png_set_IHDR(png, info, W, H, depth, type, interlace, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    if (type == PNG_COLOR_TYPE_PALETTE)
        png_set_PLTE(png, info, palette, 16);
    if (trns)
        png_set_tRNS(png, info, alpha, type == PNG_COLOR_TYPE_PALETTE ? 16 : 0, &key);
    if (gamma > 0)
        png_set_gAMA(png, info, (double)gamma);
    png_write_info(png, info);
    png_write_image(png, pointers);
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
}

/* What the pixel must become, from the packed row. */
static void expected(const uint8_t *row, int type, int depth, int x, int rgb[3])
{
    int v;

    if (depth == 16) { /* rounded from 16 to 8 bit */
        int n = type == PNG_COLOR_TYPE_RGB_ALPHA ? 4 : type == PNG_COLOR_TYPE_RGB ? 3 : 1;

        for (int c = 0; c < 3; c++) {
            const uint8_t *p = row + 2 * (n * x + (n == 1 ? 0 : c));

            rgb[c] = (int)lround((256 * p[0] + p[1]) / 257.0);
        }
        return;
    }
    if (type == PNG_COLOR_TYPE_RGB || type == PNG_COLOR_TYPE_RGB_ALPHA) {
        for (int c = 0; c < 3; c++)
            rgb[c] = row[(type == PNG_COLOR_TYPE_RGB ? 3 : 4) * x + c];
        return;
    }
    if (type == PNG_COLOR_TYPE_GA) {
        rgb[0] = rgb[1] = rgb[2] = row[2 * x];
        return;
    }
    v = row[x * depth / 8] >> (8 - depth - x * depth % 8) & ((1 << depth) - 1);
    if (type == PNG_COLOR_TYPE_PALETTE) {
        rgb[0] = v;
        rgb[1] = 2 * v;
        rgb[2] = 255 - v;
    } else {
        rgb[0] = rgb[1] = rgb[2] = v * 255 / ((1 << depth) - 1);
    }
}

Test(decode, every_kind_of_png_becomes_rgb8)
{
    static const struct {
        int type, depth;
        bool trns;
    } kind[] = {
        {PNG_COLOR_TYPE_GRAY, 1, false},       {PNG_COLOR_TYPE_GRAY, 2, false},
        {PNG_COLOR_TYPE_GRAY, 4, true},        {PNG_COLOR_TYPE_GRAY, 8, true},
        {PNG_COLOR_TYPE_GRAY, 16, false},      {PNG_COLOR_TYPE_RGB, 8, false},
        {PNG_COLOR_TYPE_RGB, 8, true},         {PNG_COLOR_TYPE_RGB, 16, false},
        {PNG_COLOR_TYPE_GA, 8, false},         {PNG_COLOR_TYPE_RGB_ALPHA, 8, false},
        {PNG_COLOR_TYPE_PALETTE, 4, false},    {PNG_COLOR_TYPE_PALETTE, 4, true},
        {PNG_COLOR_TYPE_RGB_ALPHA, 16, false},
    };
    static struct buffer b;
    static uint8_t rows[H][W * 8];

    for (size_t k = 0; k < sizeof kind / sizeof *kind; k++)
        for (int interlace = 0; interlace <= 1; interlace++)
            for (float gamma = 0; gamma < 1; gamma += 0.45455f) {
                make_png(&b, kind[k].type, kind[k].depth, interlace, kind[k].trns, gamma, rows);
                cr_assert_eq(decode(ENCODING_PNG, W, H, 0, b.data, b.size), OK,
                             "type %d depth %d: %s", kind[k].type, kind[k].depth, why.text);
                for (int y = 0; y < H; y++)
                    for (int x = 0; x < W; x++) {
                        int rgb[3];

                        expected(rows[y], kind[k].type, kind[k].depth, x, rgb);
                        expect_pixel(x, y, rgb[0], rgb[1], rgb[2]);
                    }
            }
}

/* Every read beyond the end would be seen: the bytes lie at the end of their own block. */
static enum err decode_exactly(enum encoding encoding, const uint8_t *bytes, size_t size)
{
    uint8_t *exact = malloc(size ? size : 1);
    enum err e;

    memcpy(exact, bytes, size);
    e = decode(encoding, 0, 0, 0, exact, size);
    free(exact);
    return e;
}

Test(decode, truncated_png_is_an_error_at_every_length)
{
    static struct buffer b;
    static uint8_t rows[H][W * 8];

    make_png(&b, PNG_COLOR_TYPE_RGB, 8, 1, false, 0, rows);
    for (size_t n = 0; n < b.size; n++)
        cr_assert_eq(decode_exactly(ENCODING_PNG, b.data, n), ERR_FORMAT, "%zu bytes", n);
    cr_assert_eq(decode_exactly(ENCODING_PNG, b.data, b.size), OK);
}

static uint32_t crc(const uint8_t *p, size_t n)
{
    uint32_t c = ~0u;

    for (; n; n--, p++) {
        c ^= *p;
        for (int k = 0; k < 8; k++)
            c = c >> 1 ^ (c & 1 ? 0xedb88320u : 0);
    }
    return ~c;
}

static void put32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (24 - 8 * i));
}

Test(decode, sizes_are_judged_before_decoding)
{
    static struct buffer b;
    static uint8_t rows[H][W * 8];

    make_png(&b, PNG_COLOR_TYPE_RGB, 8, 0, false, 0, rows);
    expect_says(decode(ENCODING_PNG, W, H + 1, 0, b.data, b.size), ERR_MISMATCH, "13 x 11");
    put32(b.data + 16, 0x7fffffff); /* IHDR: width, height, then its checksum */
    put32(b.data + 20, 0x7fffffff);
    put32(b.data + 29, crc(b.data + 12, 17));
    expect_says(decode(ENCODING_PNG, 0, 0, 0, b.data, b.size), ERR_LIMIT, "2147483647");
    put32(b.data + 16, IMAGE_MAX_SIDE);
    put32(b.data + 20, IMAGE_MAX_SIDE);
    put32(b.data + 29, crc(b.data + 12, 17));
    expect_says(decode(ENCODING_PNG, 0, 0, 0, b.data, b.size), ERR_LIMIT, "16777216 pixels");
    put32(b.data + 16, 0);
    put32(b.data + 29, crc(b.data + 12, 17));
    cr_expect_neq(decode(ENCODING_PNG, 0, 0, 0, b.data, b.size), OK);
}

/* ---- JPEG ---- */

static size_t make_jpeg(uint8_t **out, int width, int height, int sampling, bool progressive)
{
    tjhandle t = tjInitCompress();
    uint8_t *rgb = malloc((size_t)(3 * width * height));
    unsigned long size = 0;

    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) { /* smooth, so that compression changes little */
            uint8_t *p = rgb + 3 * (y * width + x);

            p[0] = (uint8_t)(200 * x / width);
            p[1] = (uint8_t)(200 * y / height);
            p[2] = 100;
        }
    *out = NULL;
    cr_assert_eq(tjCompress2(t, rgb, width, 0, height, TJPF_RGB, out, &size, sampling, 95,
                             progressive ? TJFLAG_PROGRESSIVE : 0),
                 0);
    free(rgb);
    tjDestroy(t);
    return size;
}

Test(decode, jpeg_of_every_sampling)
{
    static const int sampling[] = {TJSAMP_444, TJSAMP_422, TJSAMP_420, TJSAMP_GRAY, TJSAMP_440};

    for (size_t k = 0; k < 2 * sizeof sampling / sizeof *sampling; k++) {
        uint8_t *jpeg;
        size_t size = make_jpeg(&jpeg, 67, 41, sampling[k / 2], k % 2);
        const uint8_t *p;

        cr_assert_eq(decode(ENCODING_JPEG, 67, 41, 0, jpeg, size), OK, "%s", why.text);
        p = image_at(&im, 33, 20);
        if (sampling[k / 2] == TJSAMP_GRAY)
            cr_expect(p[0] == p[1] && p[1] == p[2]);
        else
            cr_expect(abs(p[0] - 98) < 6 && abs(p[1] - 97) < 6 && abs(p[2] - 100) < 6, "%d %d %d",
                      p[0], p[1], p[2]);
        expect_says(decode(ENCODING_JPEG, 68, 41, 0, jpeg, size), ERR_MISMATCH, "67 x 41");
        tjFree(jpeg);
    }
}

Test(decode, truncated_jpeg_is_an_error_at_every_length)
{
    uint8_t *jpeg;
    size_t size = make_jpeg(&jpeg, 67, 41, TJSAMP_420, false);

    for (size_t n = 0; n + 2 < size; n++) /* the last two bytes only say that it ends */
        cr_assert_eq(decode_exactly(ENCODING_JPEG, jpeg, n), ERR_FORMAT, "%zu of %zu bytes", n,
                     size);
    cr_assert_eq(decode_exactly(ENCODING_JPEG, jpeg, size), OK, "%s", why.text);
    tjFree(jpeg);
}

Test(decode, jpeg_declared_too_large_and_printers_colours)
{
    uint8_t *jpeg;
    size_t size = make_jpeg(&jpeg, 67, 41, TJSAMP_444, false), i;

    for (i = 2; i + 9 < size && !(jpeg[i] == 0xff && jpeg[i + 1] == 0xc0);)
        i += 2 + (size_t)(jpeg[i + 2] << 8 | jpeg[i + 3]);
    cr_assert(i + 9 < size); /* at the frame header: height and width from byte 5 */
    jpeg[i + 5] = jpeg[i + 7] = 0xff;
    expect_says(decode(ENCODING_JPEG, 0, 0, 0, jpeg, size), ERR_LIMIT, "limit 8192");
    tjFree(jpeg);
}

/* ---- both ---- */

Test(decode, garbage_is_refused)
{
    uint8_t noise[997];
    unsigned seed = 7;

    for (int k = 0; k < 50; k++) {
        for (size_t i = 0; i < sizeof noise; i++)
            noise[i] = (uint8_t)((seed = seed * 1103515245u + 12345u) >> 16);
        cr_expect_eq(decode_exactly(ENCODING_PNG, noise, sizeof noise), ERR_FORMAT);
        cr_expect_eq(decode_exactly(ENCODING_JPEG, noise, sizeof noise), ERR_FORMAT);
    }
}

Test(decode, a_bad_picture_leaves_the_next_alone)
{
    uint8_t *jpeg;
    size_t size = make_jpeg(&jpeg, 67, 41, TJSAMP_420, false);
    const uint8_t grey[] = {9};

    for (size_t n = 0; n < size; n += size / 20) {
        cr_expect_neq(decode(ENCODING_JPEG, 0, 0, 0, jpeg, n), OK);
        cr_expect_eq(decode(ENCODING_JPEG, 0, 0, 0, jpeg, size), OK, "%s", why.text);
    }
    cr_expect_neq(decode(ENCODING_PNG, 0, 0, 0, jpeg, size), OK);
    cr_expect_eq(decode(ENCODING_MONO8, 1, 1, 1, grey, 1), OK);
    expect_pixel(0, 0, 9, 9, 9);
    tjFree(jpeg);
}

static void temporary(char path[64])
{
    int fd;

    strcpy(path, "/tmp/outrider-decode-XXXXXX");
    fd = mkstemp(path);
    cr_assert(fd >= 0);
    close(fd);
}

Test(decode, png_write_and_back)
{
    uint8_t rgb[5 * 20];
    struct image from = {rgb, 6, 5, 20};
    char path[64];

    for (size_t i = 0; i < sizeof rgb; i++)
        rgb[i] = (uint8_t)(37 * i);
    temporary(path);
    cr_assert_eq(png_write(path, &from, &why), OK, "%s", why.text);
    cr_assert_eq(decoder_file(d, path, &im, &why), OK, "%s", why.text);
    cr_assert(im.width == 6 && im.height == 5);
    for (int y = 0; y < 5; y++)
        cr_expect_eq(memcmp(image_at(&im, 0, y), image_at(&from, 0, y), 18), 0);
    unlink(path);
    expect_says(png_write("/nowhere/x.png", &from, &why), ERR_IO, "/nowhere/x.png: ");
    expect_says(png_write("/dev/full", &from, &why), ERR_IO, "/dev/full: ");
}

Test(decode, files_that_are_none)
{
    char path[64];
    FILE *f;

    expect_says(decoder_file(d, "/nowhere.png", &im, &why), ERR_IO, "/nowhere.png: No such file");
    expect_says(decoder_file(d, "/tmp", &im, &why), ERR_IO, "is not a file");
    temporary(path);
    expect_says(decoder_file(d, path, &im, &why), ERR_FORMAT, "neither a PNG nor a JPEG");
    f = fopen(path, "w");
    fputs("\x89PNG\r\n\x1a\n and no more", f);
    fclose(f);
    expect_says(decoder_file(d, path, &im, &why), ERR_FORMAT, path);
    unlink(path);
}

/* The same frames of a real drive in both formats: JPEG must come close to the original. */
Test(decode, real_jpegs_are_close_to_the_pngs_they_came_from)
{
    const char *shared = getenv("OUTRIDER_SHARED");
    char folder[256], path[320];
    struct decoder *other;
    int n = 0;

    snprintf(folder, sizeof folder, "%s/data/kitti_sequence", shared ? shared : "../shared");
    if (access(folder, R_OK) != 0)
        cr_skip_test("no data in %s", folder);
    cr_assert_eq(decoder_open(&other), OK);
    for (int i = 0; i < 10; i++) {
        struct image jpeg;
        double sum = 0;

        snprintf(path, sizeof path, "%s/png/%010d.png", folder, i);
        cr_assert_eq(decoder_file(d, path, &im, &why), OK, "%s", why.text);
        snprintf(path, sizeof path, "%s/images/%010d.jpg", folder, i);
        cr_assert_eq(decoder_file(other, path, &jpeg, &why), OK, "%s", why.text);
        cr_assert(jpeg.width == im.width && jpeg.height == im.height);
        for (int k = 0; k < 3 * im.width * im.height; k++) {
            double e = im.data[k] - jpeg.data[k];

            sum += e * e;
        }
        sum /= 3 * im.width * im.height;
        cr_expect(10 * log10(255 * 255 / sum) > 30, "%s: PSNR %.1f dB", path,
                  10 * log10(255 * 255 / sum));
        n++;
    }
    cr_expect_eq(n, 10);
    decoder_close(other);
}
