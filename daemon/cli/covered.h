/* How often errors lie within so many of the sigmas that were said of them. */
#ifndef OUTRIDER_DAEMON_CLI_COVERED_H
#define OUTRIDER_DAEMON_CLI_COVERED_H

enum { COVERED_BINS = 80 };
struct covered {                   /* of errors, in their sigmas */
    long n, bin[COVERED_BINS + 1]; /* of 0.05 sigmas each; the last one: larger */
};
void covered_add(struct covered *c, double error, double sigma); /* NAN: nothing was said */
/* The share within so many sigmas, 0..4; NAN without any. */
double covered_within(const struct covered *c, double sigmas);
/* What all sigmas would have to be times, 0.5 to 2, so that one and two of them cover the 68 and 95 % of a
 * normal distribution as well as may be; 1 without any. */
double covered_scale(const struct covered *c);

#endif
