#include "daemon/health.h"

#include <criterion/criterion.h>
#include <string.h>

#include "daemon/clock.h"

Test(health, quantiles_of_the_last_thousand)
{
    static struct window w;

    cr_assert(isnan(window_quantile(&w, 0.5f)));
    window_add(&w, 7);
    cr_assert_eq(window_quantile(&w, 0), 7);
    cr_assert_eq(window_quantile(&w, 1), 7);
    for (int i = 0; i < 5000; i++)
        window_add(&w, (float)((i * 7919) % WINDOW_SIZE)); /* 0..999 in some order, five times */
    cr_assert_eq(window_quantile(&w, 0.5f), 500);
    cr_assert_eq(window_quantile(&w, 0.99f), 990);
    cr_assert_eq(window_quantile(&w, 0), 0);
    cr_assert_eq(window_quantile(&w, 1), 999);
    for (int i = 0; i < WINDOW_SIZE; i++)
        window_add(&w, 3);
    cr_assert_eq(window_quantile(&w, 0.99f), 3);
}

Test(health, rate_of_the_last_second)
{
    struct health h = {0};

    for (int i = 0; i <= 40; i++)
        health_rate(&h, NS_PER_S + i * NS_PER_S / 20, (uint64_t)i);
    cr_assert_float_eq(h.rate_hz, 20, 0.01);
    for (int i = 0; i <= 4; i++)
        health_rate(&h, 4 * NS_PER_S + i * NS_PER_S / 2, 40);
    cr_assert_eq(h.rate_hz, 0);
}

Test(health, status_of_a_camera)
{
    static struct health h;
    static struct camera_status s;
    struct counters c = {.received = 10, .answered = 8};

    atomic_fetch_add(&c.drop[DROP_OVERWRITTEN], 2);
    health_answer(&h, 30 * NS_PER_MS, 2 * NS_PER_MS, 25 * NS_PER_MS);
    health_fill(&h, &c, &s);
    cr_assert_eq(s.frames_received, 10);
    cr_assert_eq(s.frames_answered, 8);
    cr_assert_eq(s.drops.count[DROP_OVERWRITTEN], 2);
    cr_assert_eq(s.latency_p50_ms, 30);
    cr_assert_eq(s.decode_ms, 2);
    cr_assert_eq(s.infer_ms, 25);
}

Test(health, pressure_is_most_of_the_last_second)
{
    struct pressure p = {0};
    uint64_t received = 0, dropped = 0;
    int64_t t = 10 * NS_PER_S;

    for (int i = 0; i < 40; i++, t += NS_PER_S / 20) {
        received++;
        dropped += i % 3 == 1;
        cr_assert_not(pressure_high(&p, t, received, dropped));
    }
    for (int i = 0; i < 40; i++, t += NS_PER_S / 20) {
        received++;
        dropped += i % 3 != 0;
        pressure_high(&p, t, received, dropped);
    }
    cr_assert(pressure_high(&p, t, received, dropped));
    for (int i = 0; i < 40; i++, t += NS_PER_S / 20)
        pressure_high(&p, t, ++received, dropped);
    cr_assert_not(pressure_high(&p, t, received, dropped));
}

Test(health, names)
{
    char text[REASONS_TEXT];

    reasons_text(0, text);
    cr_assert_str_eq(text, "none");
    reasons_text(1u << REASON_DARK | 1u << REASON_NO_FRAMES, text);
    cr_assert_str_eq(text, "NO_FRAMES,DARK");
    reasons_text(UINT32_MAX, text);
    cr_assert(strstr(text, ",UNDECODABLE"));
    cr_assert_str_eq(qualifier_name(QUALIFIER_BLIND), "BLIND");
}
