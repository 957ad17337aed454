/* A drive from above, as we see it: x ahead to the right, y to the left upwards, everything at the place that it has in our
 * vehicle frame at its own instant. Truth grey, tracks in a colour by id with their ellipses, and beneath it
 * distance and speed of who is next in our way. */
#ifndef OUTRIDER_DAEMON_CLI_PLOT_PANEL_H
#define OUTRIDER_DAEMON_CLI_PLOT_PANEL_H

#include "daemon/cli/plot_data.h"
#include "perception/image/draw.h"

struct plot_view {
    double range_m;      /* shown ahead of the rear axle */
    double side_m;       /* to each side */
    double every_s;      /* between two ellipses of a track */
    int sigmas;          /* 1, or 2: of the outer ellipse */
    double from_s, to_s; /* the instants that are shown */
};

/* The ground plan's place in a panel: px of (0, 0), px per metre. */
struct plot_plan {
    int left, top, width, height;
    float x0, y0, scale;
};

int plot_panel_height(const struct plot_view *v, int width);
struct plot_plan plot_panel_plan(const struct plot_view *v, int width);
/* Into the whole picture, plot_panel_height() px high. */
void plot_panel_draw(struct image *im, const struct plot_data *d, const struct plot_view *v);
/* What the signs mean, on one line. */
int plot_legend_height(int width);
void plot_legend_draw(struct image *im, const struct plot_view *v);

/* Shared with plot_strip.c. */
struct image plot_part(const struct image *im, int left, int top, int width, int height);
struct color plot_color(uint64_t id);
float plot_dot(int width); /* px of a letter's dot in a panel this wide */
bool plot_shows(const struct plot_view *v, const struct plot_frame *f);
/* Two charts over time: distance and relative speed of the lead. */
void plot_strip_draw(struct image *im, const struct plot_data *d, const struct plot_view *v,
                     float dot_px);

extern const struct color PLOT_INK, PLOT_GRID, PLOT_TRUTH, PLOT_PAPER, PLOT_ALARM;

#endif
