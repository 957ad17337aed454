/* RGB pictures -> the bytes of a frame or a file: as they are, PNG (libpng), JPEG (libjpeg-turbo).
 * The same picture gives the same bytes. Memory grows to the largest and stays. */
#ifndef OUTRIDER_SIM_ENCODE_H
#define OUTRIDER_SIM_ENCODE_H

#include "perception/base/err.h"
#include "perception/image/image.h"
#include "proto/wire.h"

struct encoder; /* one thread at a time */

MUST_CHECK enum err encoder_open(struct encoder **out);
void encoder_close(struct encoder *e); /* NULL is fine */

enum { ENCODE_JPEG_QUALITY = 92 };
/* Of JPEGs from now on, 1 to 100. */
void encoder_quality(struct encoder *e, int jpeg);

/* ENCODING_RGB8, _PNG or _JPEG. *out borrows from e until the next call; RGB8 rows are without
 * padding. ERR_IO with what the library said. */
MUST_CHECK enum err encoder_picture(struct encoder *e, const struct image *rgb, enum encoding as,
                                    struct bytes *out, struct why *why);

/* An 8 bit grey PNG of (height, width) bytes. */
MUST_CHECK enum err encoder_mask(struct encoder *e, const uint8_t *mask, int width, int height,
                                 struct bytes *out, struct why *why);

#endif
