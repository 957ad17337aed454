/* A whole frame message as it comes from the bus, through to the picture.
 * Input: length of the topic (1 byte), of the header (2 bytes, low first), topic, header, pixels.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/decode.h"
#include "proto/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_PIXELS = 1 << 20 }; /* larger pictures only make fuzzing slow */

static struct bytes cut(struct bytes *rest, size_t n)
{
    struct bytes b = {rest->data, n < rest->size ? n : rest->size};

    rest->data += b.size;
    rest->size -= b.size;
    return b;
}

/* Reads every pixel, so that a sanitizer sees what was not written. */
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
    static struct wire *w;
    static struct decoder *d;
    volatile unsigned result;
    struct bytes rest = {data + 3, size - 3}, topic, header;
    struct frame_header h;
    char name[MESSAGE_MAX_NAME];
    struct image im;
    struct why why;

    if (size < 3 || (!w && (wire_open(&w) != OK || decoder_open(&d) != OK)))
        return 0;
    topic = cut(&rest, data[0]);
    header = cut(&rest, (size_t)(data[1] | data[2] << 8));
    if (topic_parse(topic, name) != TOPIC_FRAME)
        return 0;
    if (wire_frame_header_unpack(w, header, rest.size, &h, &why) != OK)
        return 0;
    if ((int64_t)h.width * h.height > MAX_PIXELS)
        return 0;
    if (decoder_frame(d, &h, rest, &im, &why) != OK)
        return 0;
    if ((h.width && im.width != h.width) || (h.height && im.height != h.height))
        abort();
    result = sum(&im);
    (void)result;
    return 0;
}
