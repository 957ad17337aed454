/* Which files of labels and of tracks belong together, one pair a sequence. */
#ifndef OUTRIDER_DAEMON_CLI_TRACK_FILES_H
#define OUTRIDER_DAEMON_CLI_TRACK_FILES_H

#include "perception/base/err.h"

struct track_pair {
    char *name, *truth, *tracks; /* owned */
};

struct track_files { /* by name */
    struct track_pair *pair;
    int n, room;
};

/* Two files, or two folders: of NAME.txt each, or, for labels as MOTChallenge packs them,
 * NAME/gt/gt.txt. only: names to take, n_only of them; 0: all. ERR_IO or ERR_FORMAT where a file of
 * the pair or a name is missing. Release with track_files_finish(). */
MUST_CHECK enum err track_files_list(const char *truth, const char *tracks, const char *const *only,
                                     int n_only, struct track_files *out, struct why *why);
void track_files_finish(struct track_files *f); /* zeroed is fine */

#endif
