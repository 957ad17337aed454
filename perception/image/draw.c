/* Strokes, boxes, letters and tints: one pixel at a time, each blended by how much of it is
 * covered, so that edges are smooth. What the shapes mean is in overlay.c. */
#include "perception/image/draw.h"

#include <math.h>
#include <string.h>

#include "perception/image/font.h"

static void blend(struct image *im, int x, int y, struct color c, float alpha)
{
    const uint8_t ink[3] = {c.r, c.g, c.b};
    uint8_t *p = image_at(im, x, y);

    for (int i = 0; i < 3; i++)
        p[i] = (uint8_t)((float)p[i] + ((float)ink[i] - (float)p[i]) * alpha + 0.5f);
}

static double limit(double v, double low, double high)
{
    return v < low ? low : v > high ? high : v;
}

/* Narrow *t0..*t1 to where low <= at + t * along <= high. False if nothing is left. */
static bool clip_axis(double at, double along, double low, double high, double *t0, double *t1)
{
    if (along == 0)
        return at >= low && at <= high;
    double a = (low - at) / along, b = (high - at) / along;

    *t0 = fmax(*t0, fmin(a, b));
    *t1 = fmin(*t1, fmax(a, b));
    return *t0 <= *t1;
}

/* A stroke with round ends: a pixel is covered as far as its centre lies inside. */
void draw_line(struct image *im, float x1, float y1, float x2, float y2, float width_px,
               struct color c, float alpha)
{
    const double reach = width_px / 2.0 + 0.5; /* from the middle of the stroke to nothing */
    double ax = x1, ay = y1, dx = (double)x2 - x1, dy = (double)y2 - y1, t0 = 0, t1 = 1;

    if (!(reach > 0.5 && reach < 1000 && isfinite(dx) && isfinite(dy) && alpha > 0))
        return;
    if (!clip_axis(ax, dx, -reach, im->width + reach, &t0, &t1) ||
        !clip_axis(ay, dy, -reach, im->height + reach, &t0, &t1))
        return;
    ax += t0 * dx;
    ay += t0 * dy;
    dx *= t1 - t0;
    dy *= t1 - t0;

    const double length2 = dx * dx + dy * dy;
    const int top = (int)limit(floor(fmin(ay, ay + dy) - reach), 0, im->height);
    const int bottom = (int)limit(ceil(fmax(ay, ay + dy) + reach), 0, im->height);

    for (int y = top; y < bottom; y++) {
        /* The part of the stroke within reach of this row says which columns to visit. */
        double u0 = 0, u1 = 1;

        if (!clip_axis(ay - (y + 0.5), dy, -reach, reach, &u0, &u1))
            continue;
        double left = fmin(ax + u0 * dx, ax + u1 * dx) - reach;
        double right = fmax(ax + u0 * dx, ax + u1 * dx) + reach;

        for (int x = (int)limit(floor(left), 0, im->width); x < limit(ceil(right), 0, im->width);
             x++) {
            double px = x + 0.5 - ax, py = y + 0.5 - ay;
            double t = length2 > 0 ? limit((px * dx + py * dy) / length2, 0, 1) : 0;
            double cover = limit(reach - hypot(px - t * dx, py - t * dy), 0, 1);

            if (cover > 0)
                blend(im, x, y, c, fminf(alpha, 1) * (float)cover);
        }
    }
}

static void fill(struct image *im, double x1, double y1, double x2, double y2, struct color c,
                 float alpha)
{
    const int left = (int)limit(x1, 0, im->width), right = (int)limit(x2, 0, im->width);
    const int top = (int)limit(y1, 0, im->height), bottom = (int)limit(y2, 0, im->height);

    for (int y = top; y < bottom; y++)
        for (int x = left; x < right; x++)
            blend(im, x, y, c, alpha);
}

static bool is_box(const struct box *b)
{
    return isfinite(b->x1) && isfinite(b->y1) && isfinite(b->x2) && isfinite(b->y2) &&
           b->x1 <= b->x2 && b->y1 <= b->y2;
}

void draw_box(struct image *im, const struct box *b, float width_px, struct color c)
{
    const float half = width_px / 2;
    const struct color shade = {0, 0, 0};

    if (!is_box(b))
        return;
    /* Inside a thin dark line, for contrast on any background; strokes lie within the box. */
    const struct box in = {b->x1 + half, b->y1 + half, b->x2 - half, b->y2 - half};
    for (int pass = 0; pass < 2; pass++) {
        struct color ink = pass ? c : shade;
        float width = pass ? width_px : width_px + 1.5f, alpha = pass ? 1 : 0.35f;

        draw_line(im, in.x1, in.y1, in.x2, in.y1, width, ink, alpha);
        draw_line(im, in.x2, in.y1, in.x2, in.y2, width, ink, alpha);
        draw_line(im, in.x2, in.y2, in.x1, in.y2, width, ink, alpha);
        draw_line(im, in.x1, in.y2, in.x1, in.y1, width, ink, alpha);
    }
}

static void letter_draw(struct image *im, int left, int top, int scale, char letter, struct color c)
{
    for (int y = 0; y < FONT_HEIGHT; y++)
        for (int x = 0; x < FONT_WIDTH; x++)
            if (font_dot(letter, x, y))
                fill(im, left + x * scale, top + y * scale, left + (x + 1) * scale,
                     top + (y + 1) * scale, c, 1);
}

void draw_label(struct image *im, float x, float y, const char *text, struct color c)
{
    const int scale = draw_scale(im);
    const int n = (int)strnlen(text, 128), width = (n * (FONT_WIDTH + 1) + 3) * scale;
    const int height = (FONT_HEIGHT + 3) * scale;

    if (isnan(x) || isnan(y) || n == 0)
        return;
    /* As far inside as it fits; where it does not, the beginning of the text is seen. */
    int left = (int)limit(limit(x, -1e6, im->width - width), 0, im->width);
    int top = (int)limit(limit((double)y - height, -1e6, im->height - height), 0, im->height);
    const struct color ink = {16, 16, 16};

    fill(im, left, top, left + width, top + height, c, 0.85f);
    for (int i = 0; i < n; i++)
        letter_draw(im, left + (2 + i * (FONT_WIDTH + 1)) * scale, top + 2 * scale, scale, text[i],
                    ink);
}

/* Dots that touch are one stroke; diagonally only where no dot beside both makes the corner. */
static void letter_stroke(struct image *im, float left, float top, float dot_px, char letter,
                          struct color c)
{
    static const int step[4][2] = {{1, 0}, {0, 1}, {1, 1}, {-1, 1}};
    const float width = 1.1f * dot_px;

    for (int i = 0; i < FONT_WIDTH * FONT_HEIGHT; i++) {
        const int x = i % FONT_WIDTH, y = i / FONT_WIDTH;
        const float px = left + ((float)x + 0.5f) * dot_px, py = top + ((float)y + 0.5f) * dot_px;
        bool alone = true;

        if (!font_dot(letter, x, y))
            continue;
        for (int k = 0; k < 4; k++) {
            const int dx = step[k][0], dy = step[k][1], nx = x + dx, ny = y + dy;

            if (nx < 0 || nx >= FONT_WIDTH || ny >= FONT_HEIGHT || !font_dot(letter, nx, ny) ||
                (dx && dy && (font_dot(letter, nx, y) || font_dot(letter, x, ny))))
                continue;
            draw_line(im, px, py, px + (float)dx * dot_px, py + (float)dy * dot_px, width, c, 1);
            alone = false;
        }
        if (alone)
            draw_line(im, px, py, px, py, width, c, 1);
    }
}

void draw_text(struct image *im, float x, float y, const char *text, float dot_px, struct color c)
{
    if (!(fabsf(x) < 1e6f && fabsf(y) < 1e6f && dot_px > 0 && dot_px < 100))
        return;
    for (int i = 0; i < 256 && text[i]; i++)
        letter_stroke(im, x + (float)(i * (FONT_WIDTH + 1)) * dot_px, y - FONT_BASELINE * dot_px,
                      dot_px, text[i], c);
}

float draw_text_width(const char *text, float dot_px)
{
    return (float)strnlen(text, 256) * (FONT_WIDTH + 1) * dot_px;
}

void draw_ellipse(struct image *im, float x, float y, const float covariance[3], float sigmas,
                  float width_px, struct color c, float alpha)
{
    const double xx = fmax(covariance[0], 0.25), yy = fmax(covariance[2], 0.25), xy = covariance[1],
                 det = xx * yy - xy * xy;
    const double reach_x = sigmas * sqrt(xx) + width_px / 2.0 + 1,
                 reach_y = sigmas * sqrt(yy) + width_px / 2.0 + 1;

    if (!(det > 0 && sigmas > 0 && width_px >= 0 && alpha > 0 && isfinite(x) && isfinite(y) &&
          isfinite(reach_x) && isfinite(reach_y)))
        return;
    const int left = (int)limit(x - reach_x, 0, im->width),
              right = (int)limit(x + reach_x + 1, 0, im->width),
              top = (int)limit(y - reach_y, 0, im->height),
              bottom = (int)limit(y + reach_y + 1, 0, im->height);

    for (int py = top; py < bottom; py++)
        for (int px = left; px < right; px++) {
            /* Sigmas away, and how fast they grow here: their quotient is a distance in pixels. */
            const double dx = px + 0.5 - x, dy = py + 0.5 - y;
            const double gx = (yy * dx - xy * dy) / det, gy = (xx * dy - xy * dx) / det;
            const double away = sqrt(fmax(gx * dx + gy * dy, 0)), steep = hypot(gx, gy);
            const double outside = steep > 0 ? (away - sigmas) * away / steep : -reach_x;
            const double edge = width_px > 0 ? fabs(outside) - width_px / 2.0 : outside;
            const double cover = limit(0.5 - edge, 0, 1);

            if (cover > 0)
                blend(im, px, py, c, fminf(alpha, 1) * (float)cover);
        }
}

int draw_scale(const struct image *im)
{
    return im->height < 900 ? 1 : (im->height + 270) / 540;
}

void draw_tint(struct image *im, const uint8_t *mask, int width, int height, struct color c)
{
    for (int y = 0; y < im->height; y++) {
        const uint8_t *row = mask + (int64_t)y * height / im->height * width;

        for (int x = 0; x < im->width; x++) {
            uint8_t p = row[(int64_t)x * width / im->width];

            if (p >= 64) /* less is not worth a haze */
                blend(im, x, y, c, 0.35f * (float)p / 255);
        }
    }
}
