/* The transforms of Winograd's convolution, F(2 x 2, 3 x 3), compiled per instruction set behind
 * hwc_body.h (which see). */

/* d[i][j] with d = B' d B in place, B' = (1 0 -1 0, 0 1 1 0, 0 -1 1 0, 0 1 0 -1) */
VEC_INLINE void winograd_turn(vec *a, vec *b, vec *c, vec *d)
{
    vec t0 = vec_sub(*a, *c), t1 = vec_add(*b, *c), t2 = vec_sub(*c, *b), t3 = vec_sub(*b, *d);

    *a = t0;
    *b = t1;
    *c = t2;
    *d = t3;
}

static void HWC(winograd_in)(const struct winograd_tile *t)
{
    for (size_t c = 0; c < t->channels; c += VEC_LANES) {
        vec d[4][4];

#pragma GCC unroll 4
        for (int i = 0; i < 4; i++)
#pragma GCC unroll 4
            for (int j = 0; j < 4; j++)
                d[i][j] = vec_load(t->x + i * t->x_row + j * t->x_pixel + c);
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++)
            winograd_turn(&d[0][j], &d[1][j], &d[2][j], &d[3][j]);
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++)
            winograd_turn(&d[i][0], &d[i][1], &d[i][2], &d[i][3]);
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++)
#pragma GCC unroll 4
            for (int j = 0; j < 4; j++)
                vec_store(t->y + (i * 4 + j) * t->plane + c, d[i][j]);
    }
}

/* y = A' m A + bias, A' = (1 1 1 0, 0 1 -1 -1), through the finish: four pixels. */
VEC_INLINE void winograd_pixels(const struct winograd_tile *t, size_t c, vec y[2][2])
{
    vec m[2][4], bias = vec_load(t->bias + c);

#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
        const float *x = t->x + j * t->plane + c;
        vec a = vec_load(x), b = vec_load(x + 4 * t->plane), d = vec_load(x + 8 * t->plane);

        m[0][j] = vec_add(vec_add(a, b), d);
        m[1][j] = vec_sub(vec_sub(b, d), vec_load(x + 12 * t->plane));
    }
#pragma GCC unroll 2
    for (int i = 0; i < 2; i++) {
        y[i][0] = vec_add(vec_add(vec_add(m[i][0], m[i][1]), m[i][2]), bias);
        y[i][1] = vec_add(vec_sub(vec_sub(m[i][1], m[i][2]), m[i][3]), bias);
    }
}

static void HWC(winograd_out)(const struct winograd_tile *t)
{
    struct limits limits = limits_of(&t->finish);

    for (size_t c = 0; c < t->channels; c += VEC_LANES) {
        size_t left = t->channels - c;
        bool whole = left >= VEC_LANES;
        vec_mask some = vec_first(whole ? 0 : left);
        vec y[2][2];

        winograd_pixels(t, c, y);
#pragma GCC unroll 2
        for (int i = 0; i < 2; i++)
#pragma GCC unroll 2
            for (int j = 0; j < 2; j++)
                if (i < t->rows && j < t->cols)
                    store_as(whole, t->y + i * t->y_row + j * t->y_pixel + c, some,
                             vec_clamp(y[i][j], limits.lo, limits.hi));
    }
    if (limits.all)
        return;
    for (int i = 0; i < t->rows; i++) {
        float *y = t->y + i * t->y_row;
        struct hwc_finish f = t->finish;

        f.add = f.add ? f.add + i * t->add_row : NULL;
        finish_rows(&(struct rows){y, y, t->y_pixel, t->y_pixel, t->cols, (int)t->channels}, &f);
    }
}

void HWC(winograd_fill)(struct kernels *k)
{
    k->winograd_in = HWC(winograd_in);
    k->winograd_out = HWC(winograd_out);
}
