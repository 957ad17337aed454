/* A small grey picture to draw on, with guarded bytes around it and between its rows. */
#ifndef OUTRIDER_TESTS_CANVAS_H
#define OUTRIDER_TESTS_CANVAS_H

#include "perception/image/image.h"

enum { W = 64, H = 48 };

struct image canvas(void);           /* anew; there is only one */
void assert_guards(void);            /* nothing was written outside the picture */
int touched(const struct image *im); /* pixels that are grey no more */

#endif
