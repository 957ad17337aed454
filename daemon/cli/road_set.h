/* A folder of pictures with masks of the drivable area: images/ and masks/NAME.png or road/NAME.png (8
 * bit ids, one a pixel), perhaps set.json with "drivable_area": "masks == 1". */
#ifndef OUTRIDER_DAEMON_CLI_ROAD_SET_H
#define OUTRIDER_DAEMON_CLI_ROAD_SET_H

#include <stdbool.h>

#include "daemon/cli/set_choice.h"
#include "daemon/decode.h"
#include "perception/eval/road_scores.h"

struct road_set {
    const char *path; /* borrowed */
    struct pictures pictures;
    const char *folder; /* "masks" or "road": as set.json's drivable_area says */
    int road;           /* the id of the drivable area; set.json's, or 1 */
};

bool road_set_is(const char *path); /* it has such a folder */

/* ERR_IO, ERR_FORMAT or ERR_LIMIT with the file. */
MUST_CHECK enum err road_set_read(const struct set_choice *choice, struct road_set *out,
                                  struct why *why);
void road_set_finish(struct road_set *s); /* zeroed is fine */

struct road_mask_file { /* a mask that was read; zeroed before the first */
    uint8_t *id;        /* (height, width) */
    int width, height;
    size_t room;
};

/* FOLDER/STEM.png of a picture's name. ERR_FORMAT where it is coloured. */
MUST_CHECK enum err road_mask_read(struct decoder *d, const char *folder, const char *picture,
                                   struct road_mask_file *out, struct why *why);
void road_mask_finish(struct road_mask_file *m); /* zeroed is fine */

#endif
