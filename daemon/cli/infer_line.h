/* One line of `outrider infer`: what was seen in one picture, as JSON. */
#ifndef OUTRIDER_DAEMON_CLI_INFER_LINE_H
#define OUTRIDER_DAEMON_CLI_INFER_LINE_H

#include <stdio.h>

#include "perception/heads/head.h"

/* {"image","width","height","objects","lanes","road"}, in pixels of the picture. */
void infer_line(FILE *f, const char *name, int width, int height, const struct perceived *p);
/* {"image","error"} */
void infer_line_error(FILE *f, const char *name, const char *error);

#endif
