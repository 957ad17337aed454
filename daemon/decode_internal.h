/* What the decoders of single formats share. */
#ifndef OUTRIDER_DAEMON_DECODE_INTERNAL_H
#define OUTRIDER_DAEMON_DECODE_INTERNAL_H

#include <turbojpeg.h>

#include "daemon/decode.h"

struct growing { /* grows to the largest size asked for and stays */
    uint8_t *data;
    size_t size;
};

struct decoder {
    tjhandle jpeg; /* opened with the first JPEG */
    struct growing picture, file;
};

struct decode_job {
    struct decoder *decoder;
    const struct frame_header *header; /* NULL for a file */
    enum encoding encoding;
    struct bytes bytes;
    struct image *out;
    struct why *why;
};

/* Check the size that the bytes declare, before anything is decoded, against the limits and the
 * header, and make *job->out a picture of it. */
MUST_CHECK enum err decode_size(const struct decode_job *job, int64_t width, int64_t height);

MUST_CHECK enum err decode_png(const struct decode_job *job);
MUST_CHECK enum err decode_jpeg(const struct decode_job *job);

#endif
