/* Picture bytes, first as PNG, then as JPEG. */
#include <stdint.h>
#include <stdlib.h>

#include "daemon/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned sum(const struct image *im)
{
    unsigned s = 0;

    for (int y = 0; y < im->height; y++)
        for (int i = 0; i < 3 * im->width; i++)
            s += image_at(im, 0, y)[i];
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct decoder *d;
    volatile unsigned result;

    if (!d && decoder_open(&d) != OK)
        return 0;
    for (enum encoding e = ENCODING_PNG; e <= ENCODING_JPEG; e++) {
        struct frame_header h = {.encoding = e};
        struct image im;
        struct why why;

        if (decoder_frame(d, &h, (struct bytes){data, size}, &im, &why) != OK)
            continue;
        if (im.width < 1 || im.height < 1 || im.width > IMAGE_MAX_SIDE ||
            im.height > IMAGE_MAX_SIDE)
            abort();
        result = sum(&im);
        (void)result;
    }
    return 0;
}
