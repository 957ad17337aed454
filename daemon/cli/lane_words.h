/* What types and colours of lane markings are called in files. */
#ifndef OUTRIDER_DAEMON_CLI_LANE_WORDS_H
#define OUTRIDER_DAEMON_CLI_LANE_WORDS_H

#include <stdbool.h>

enum { LANE_TYPES = 7, LANE_COLORS = 4 }; /* with 0: not known */

extern const char *const lane_type_word[LANE_TYPES];   /* by enum lane_type; "" for 0 */
extern const char *const lane_color_word[LANE_COLORS]; /* by enum lane_color */

/* The index of a word among n; false: it is none of them. */
bool lane_word_find(const char *const *words, int n, const char *word, int *out);

#endif
