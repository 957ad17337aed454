/* The folder that TORCS is started in: links to what Debian's package installed, our plug-in under
 * the names that TORCS looks for, its configuration, and a road of our own with three marked lanes,
 * 4 km round. */
#ifndef OUTRIDER_SIM_TORCS_FILES_H
#define OUTRIDER_SIM_TORCS_FILES_H

#include "perception/base/err.h"

enum { TORCS_MAX_PATH = 512 };

struct torcs_paths {
    char folder[TORCS_MAX_PATH];    /* ours; local/, lib/ and data/ lie in it */
    char plugin[TORCS_MAX_PATH];    /* the shared object, beside our program */
    char installed[TORCS_MAX_PATH]; /* Debian's libraries, modules and programs */
    char graphics[TORCS_MAX_PATH];  /* Debian's graphics module */
};

/* Finds TORCS and the plug-in and makes the folder below $TMPDIR. ERR_IO says what is missing and
 * which package has it. */
MUST_CHECK enum err torcs_files_make(struct torcs_paths *p, int width, int height, struct why *why);
void torcs_files_remove(const struct torcs_paths *p); /* the folder, if one was made */

#endif
