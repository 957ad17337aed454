/* Pixels from outside -> RGB pictures: raw encodings, PNG (libpng), JPEG (libjpeg-turbo).
 * The one place where picture bytes are parsed. Memory grows to the largest picture seen and stays;
 * a steady stream of equal sizes does not allocate here (the libraries may, inside). */
#ifndef OUTRIDER_DAEMON_DECODE_H
#define OUTRIDER_DAEMON_DECODE_H

#include "perception/base/err.h"
#include "perception/image/image.h"
#include "proto/wire.h"

struct decoder; /* one thread at a time */

MUST_CHECK enum err decoder_open(struct decoder **out);
void decoder_close(struct decoder *d); /* NULL is fine */

/* One frame as wire_frame_header_unpack() let it through. *out borrows from d until the next call.
 * ERR_FORMAT (damaged), ERR_LIMIT (larger than image.h allows), ERR_MISMATCH (size differs from the
 * header's). 16 bit, grey, palette and alpha PNGs become 8 bit RGB; no gamma is applied. */
MUST_CHECK enum err decoder_frame(struct decoder *d, const struct frame_header *h,
                                  struct bytes pixels, struct image *out, struct why *why);

/* A PNG or JPEG file, told apart by its first bytes. Also ERR_IO. */
MUST_CHECK enum err decoder_file(struct decoder *d, const char *path, struct image *out,
                                 struct why *why);

/* Write an 8 bit RGB PNG. */
MUST_CHECK enum err png_write(const char *path, const struct image *im, struct why *why);

#endif
