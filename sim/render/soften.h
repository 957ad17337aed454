/* Jagged edges made smooth after the picture was drawn. */
#ifndef OUTRIDER_SIM_RENDER_SOFTEN_H
#define OUTRIDER_SIM_RENDER_SOFTEN_H

#include <stdint.h>

/* RGBA (height, width) -> the same, another buffer. Where neighbours differ much in brightness, each
 * pixel becomes a mean along the edge: T. Lottes, FXAA, NVIDIA 2009, its short variant. */
void soften(const uint8_t *rgba, int width, int height, uint8_t *out);

#endif
