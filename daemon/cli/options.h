/* Numbers on the command line. */
#ifndef OUTRIDER_DAEMON_CLI_OPTIONS_H
#define OUTRIDER_DAEMON_CLI_OPTIONS_H

#include <stdbool.h>

/* False, with a line on stderr that names option, value and limits, unless text is a number within
 * min..max. command: as in "outrider COMMAND". */
bool option_real(const char *command, const char *option, const char *text, double min, double max,
                 double *out);
bool option_whole(const char *command, const char *option, const char *text, int min, int max,
                  int *out);

#endif
