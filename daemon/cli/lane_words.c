#include "daemon/cli/lane_words.h"

#include <string.h>

const char *const lane_type_word[LANE_TYPES] = {"",           "solid", "dashed", "double",
                                                "botts_dots", "kerb",  "barrier"};
const char *const lane_color_word[LANE_COLORS] = {"", "white", "yellow", "other"};

bool lane_word_find(const char *const *words, int n, const char *word, int *out)
{
    for (int i = 1; i < n; i++)
        if (!strcmp(words[i], word)) {
            *out = i;
            return true;
        }
    return false;
}
