/* Letters of 5 x 7 dots with two rows below the line, ASCII. */
#ifndef OUTRIDER_IMAGE_FONT_H
#define OUTRIDER_IMAGE_FONT_H

#include <stdbool.h>

enum { FONT_WIDTH = 5, FONT_HEIGHT = 9, FONT_BASELINE = 7 };

/* Is there ink at (x, y) of the letter, 0 <= x < FONT_WIDTH, 0 <= y < FONT_HEIGHT? */
bool font_dot(char letter, int x, int y);

#endif
