/* Lines of JSON that scores are made of: predictions and labels of lanes. The first byte chooses the
 * reader. What is in memory is made a file by way of /proc. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/cli/lane_totals.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Labels are their own predictions. */
static void score_lanes(struct lane_labels *labels)
{
    const struct lane_guesses guesses = {.rows = *labels};
    const struct lane_rules rules = {.ego = labels->n % 2, .width = 64, .height = 48};
    struct lane_totals totals;
    struct why why;

    if (labels->n > 20)
        return;
    if (lane_totals_make(labels, &guesses, &rules, &(struct set_truth){0}, &totals, &why) == OK &&
        !(totals.all.tusimple.accuracy >= 0 && totals.all.tusimple.accuracy <= 1))
        abort();
    lane_totals_finish(&totals);
}

static enum err read_one(uint8_t which, const char *path, struct why *why)
{
    struct lane_labels labels = {0};
    struct predictions p = {0};
    enum err e;

    if (which == 'l') {
        e = lane_labels_read(path, true, &labels, why);
        if (e == OK)
            score_lanes(&labels);
    } else {
        e = predictions_read(path, HEAD_OBJECTS | HEAD_LANES | HEAD_ROAD, &p, why);
    }
    predictions_finish(&p);
    lane_labels_finish(&labels);
    return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    struct why why = {""};
    const int fd = size ? memfd_create("fuzz", 0) : -1;

    if (fd < 0)
        return 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (write(fd, data + 1, size - 1) == (ssize_t)size - 1 && read_one(data[0], path, &why) != OK &&
        strncmp(why.text, path, strlen(path)) != 0)
        abort();
    close(fd);
    return 0;
}
