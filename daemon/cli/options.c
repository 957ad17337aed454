#include "daemon/cli/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

bool option_real(const char *command, const char *option, const char *text, double min, double max,
                 double *out)
{
    char *end;
    double v = strtod(text, &end);

    if (end == text || *end || !(v >= min && v <= max)) {
        fprintf(stderr, "outrider %s: %s '%s': must be a number of %g..%g\n", command, option, text,
                min, max);
        return false;
    }
    *out = v;
    return true;
}

bool option_whole(const char *command, const char *option, const char *text, int min, int max,
                  int *out)
{
    char *end;

    errno = 0;
    long v = strtol(text, &end, 10);
    if (end == text || *end || errno || v < min || v > max) {
        fprintf(stderr, "outrider %s: %s '%s': must be a whole number of %d..%d\n", command, option,
                text, min, max);
        return false;
    }
    *out = (int)v;
    return true;
}
