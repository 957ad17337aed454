/* All unpackers. The first byte says which; whatever one lets through must pack and unpack again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct wire *w;

static struct bytes keep(struct bytes b) /* out of w's own buffer */
{
    static uint8_t copy[64 << 10];

    memcpy(copy, b.data, b.size);
    return (struct bytes){copy, b.size};
}

#define TRY(name, type)                                                                            \
    do {                                                                                           \
        static type m;                                                                             \
        if (wire_##name##_unpack(w, b, &m, &why) == OK &&                                          \
            wire_##name##_unpack(w, keep(wire_##name##_pack(w, &m)), &m, &why) != OK)              \
            abort();                                                                               \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes b = {data + 1, size - 1};
    struct frame_header frame;
    struct why why;

    if (size == 0 || (!w && wire_open(&w) != OK))
        return 0;
    switch (data[0] % 7) {
    case 0:
        (void)!wire_frame_header_unpack(w, b, 640 * 480 * 3, &frame, &why);
        break;
    case 1:
        TRY(ego, struct ego);
        break;
    case 2:
        TRY(calibration, struct calibration_message);
        break;
    case 3:
        TRY(objects, struct objects_message);
        break;
    case 4:
        TRY(lanes, struct lanes_message);
        break;
    case 5:
        TRY(status, struct status_message);
        break;
    default:
        TRY(control, struct control);
    }
    return 0;
}
