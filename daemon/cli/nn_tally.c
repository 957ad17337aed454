#include "daemon/cli/nn_tally.h"

#include <stdlib.h>
#include <string.h>

void tally_add(struct tally *t, const char *reason)
{
    char name[41] = "(other)";
    int i = 0;

    if (!strncmp(reason, "node '", 6)) {
        const char *open = strstr(reason, "' (");

        if (open)
            sscanf(open, "' (%40[^)])", name); /* leaves it as it is if there is nothing */
    }
    while (i < t->n && strcmp(t->row[i].operator, name) != 0)
        i++;
    if (i == t->n) {
        if (t->n == TALLY_MAX)
            return;
        memcpy(t->row[t->n++].operator, name, sizeof name);
    }
    t->row[i].count++;
}

static int by_operator(const void *a, const void *b)
{
    return strcmp(((const struct tally_row *)a)->operator,((const struct tally_row *)b)->operator);
}

int tally_print(struct tally *t, const char *const *set, const struct check_counts *counts, int n,
                FILE *to)
{
    int failed = 0;

    fprintf(to, "| set | passed | failed | unsupported | no model in the package |\n");
    fprintf(to, "|---|---:|---:|---:|---:|\n");
    for (int i = 0; i < n; i++) {
        fprintf(to, "| %s | %d | %d | %d | %d |\n", set[i], counts[i].passed, counts[i].failed,
                counts[i].unsupported, counts[i].absent);
        failed += counts[i].failed;
    }
    qsort(t->row, (size_t)t->n, sizeof *t->row, by_operator);
    for (int i = 0; i < t->n; i++)
        fprintf(to, "%s%s %d%s", i ? ", " : "\nUnsupported, by operator: ", t->row[i].operator,
                t->row[i].count, i == t->n - 1 ? ".\n" : "");
    return failed ? 1 : 0;
}
