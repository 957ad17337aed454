/* Text of boxes: labels and tracks. The first byte chooses how it is read. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/track_rows.h"
#include "perception/eval/track_scores.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is read must make a sequence with scores that are shares. */
static void score(const struct track_rows *rows)
{
    struct track_sequence s;
    struct track_sums sum = {0};
    struct track_scores out;
    struct track_row guess[200];
    struct why why;

    if (rows->n > 200)
        return;
    for (size_t i = 0; i < rows->n; i++) {
        guess[i] = rows->row[i];
        guess[i].role = TRACK_COUNTS;
    }
    if (track_sequence_make(rows->row, rows->n, guess, rows->n, 25, &s, &why) != OK)
        return;
    if (track_sums_add(&s, &sum) != OK)
        abort();
    out = track_scores_of(&sum);
    if (!(out.hota >= 0 && out.hota <= 1 + 1e-9 && out.idf1 >= 0 && out.idf1 <= 1 &&
          out.mota <= 1 && out.loca <= 1 + 1e-9))
        abort();
    track_sequence_finish(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct track_reading how = {.format = size && data[0] & 1 ? TRACKS_MOT : TRACKS_KITTI,
                                      .class = size && data[0] & 4 ? "pedestrian" : "car",
                                      .truth = size && data[0] & 2};
    struct track_rows rows;
    struct why why;
    FILE *f;

    if (size < 2 || !(f = fmemopen((void *)(data + 1), size - 1, "r")))
        return 0;
    if (track_rows_take(f, "t.txt", &how, &rows, &why) == OK)
        score(&rows);
    else if (!memchr(why.text, 0, sizeof why.text) || strncmp(why.text, "t.txt", 5) != 0)
        abort();
    track_rows_finish(&rows);
    fclose(f);
    return 0;
}
