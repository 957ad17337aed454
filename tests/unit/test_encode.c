#include "sim/encode.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/decode.h"

enum { W = 37, H = 21, STRIDE = 3 * W + 5 };
static uint8_t data[H * STRIDE];
static struct encoder *e;
static struct decoder *d;
static struct why why;

static struct image picture(void)
{
    struct image im = {data, W, H, STRIDE};

    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            for (int c = 0; c < 3; c++)
                image_at(&im, x, y)[c] = (uint8_t)(2 * x + 3 * y + 30 * c);
    return im;
}

static void setup(void)
{
    cr_assert_eq(encoder_open(&e), OK);
    cr_assert_eq(decoder_open(&d), OK);
}

static void teardown(void)
{
    encoder_close(e);
    decoder_close(d);
}

TestSuite(encode, .init = setup, .fini = teardown);

/* The largest difference after the daemon's own decoder. */
static int round_trip(enum encoding as)
{
    struct image im = picture(), out;
    struct bytes b;
    int worst = 0;

    cr_assert_eq(encoder_picture(e, &im, as, &b, &why), OK, "%s", why.text);
    struct frame_header h = {
        .encoding = as, .width = W, .height = H, .stride_bytes = as == ENCODING_RGB8 ? 3 * W : 0};
    cr_assert_eq(decoder_frame(d, &h, b, &out, &why), OK, "%s", why.text);
    for (int y = 0; y < H; y++)
        for (int i = 0; i < 3 * W; i++) {
            int off = abs(image_at(&im, 0, y)[i] - image_at(&out, 0, y)[i]);

            worst = off > worst ? off : worst;
        }
    return worst;
}

Test(encode, what_goes_in_comes_out)
{
    cr_expect_eq(round_trip(ENCODING_RGB8), 0);
    cr_expect_eq(round_trip(ENCODING_PNG), 0);
    int worst = round_trip(ENCODING_JPEG);
    cr_expect(worst > 0 && worst < 40, "%d", worst);
}

Test(encode, the_same_bytes_again)
{
    static uint8_t first[1 << 16];
    struct image im = picture();
    struct bytes b;

    for (enum encoding as = ENCODING_PNG; as <= ENCODING_JPEG; as++) {
        cr_assert_eq(encoder_picture(e, &im, as, &b, &why), OK);
        cr_assert(b.size < sizeof first);
        memcpy(first, b.data, b.size);
        size_t size = b.size;
        cr_assert_eq(encoder_picture(e, &im, as, &b, &why), OK);
        cr_assert_eq(b.size, size);
        cr_expect_eq(memcmp(first, b.data, size), 0);
    }
}

Test(encode, mask)
{
    uint8_t mask[H * W];
    struct frame_header h = {.encoding = ENCODING_PNG};
    struct image out;
    struct bytes b;

    for (int i = 0; i < H * W; i++)
        mask[i] = (uint8_t)(i % 3);
    cr_assert_eq(encoder_mask(e, mask, W, H, &b, &why), OK, "%s", why.text);
    cr_assert_eq(b.data[25], 0, "colour type grey");
    cr_assert_eq(decoder_frame(d, &h, b, &out, &why), OK, "%s", why.text);
    for (int i = 0; i < H * W; i++)
        cr_assert_eq(image_at(&out, i % W, i / W)[1], i % 3);
}

Test(encode, less_quality_is_smaller)
{
    struct image im = picture();
    struct bytes b;

    cr_assert_eq(encoder_picture(e, &im, ENCODING_JPEG, &b, &why), OK);
    const size_t usual = b.size;
    encoder_quality(e, 20);
    cr_assert_eq(encoder_picture(e, &im, ENCODING_JPEG, &b, &why), OK);
    cr_assert_lt(b.size, usual);
    encoder_quality(e, ENCODE_JPEG_QUALITY);
    cr_assert_eq(encoder_picture(e, &im, ENCODING_JPEG, &b, &why), OK);
    cr_assert_eq(b.size, usual);
}
