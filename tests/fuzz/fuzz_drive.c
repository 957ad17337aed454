/* The texts beside a drive's pictures. The first byte chooses the reader. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sim/calibration.h"
#include "sim/kitti.h"
#include "sim/stamps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_times(const char *text, struct why *why)
{
    char *name[] = {"0000000000.png", "0000000001.png", "0000000003.png"};
    const struct listing pictures = {3, name};
    int64_t t_ns[3];

    if (stamps_parse(text, "times.txt", &pictures, t_ns, why) == OK)
        for (int i = 0; i < 3; i++)
            if (t_ns[i] < 0 || (i && t_ns[i] <= t_ns[i - 1]))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct why why;
    struct camera camera;
    struct ego ego;
    enum err e = OK;

    if (size == 0)
        return 0;
    char *text = malloc(size); /* without the first byte, with a 0 behind, as file_read() gives */
    if (!text)
        return 0;
    memcpy(text, data + 1, size - 1);
    text[size - 1] = 0;
    switch (data[0]) {
    case 't':
        read_times(text, &why);
        break;
    case 'k':
        e = kitti_camera(text, 2, size % 2, &camera, &why);
        break;
    case 'e':
        e = kitti_ego(text, &ego, &why);
        break;
    default:
        e = calibration_parse(text, size - 1, "calibration.yaml", &camera, &why);
    }
    if (e != OK && !memchr(why.text, 0, sizeof why.text))
        abort();
    free(text);
    return 0;
}
