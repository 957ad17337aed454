/* The most that a core's multipliers can do: loops of multiply-adds on registers and nothing else,
 * independent enough to keep every unit busy. There is no clock here: the caller looks how long a
 * call takes, and the quotient is what kernels are measured against. */
#ifndef OUTRIDER_PEAK_H
#define OUTRIDER_PEAK_H

/* cpu: CPU_ bits in use (kernels.h). Returns how many operations were done, a multiplication and an
 * addition being two: of floats, and of products of 8-bit integers (0: no instruction for them). */
double peak_fma(unsigned cpu, int rounds);
double peak_int8(unsigned cpu, int rounds);

/* What one round of each level does. */
double peak_fma_avx2(int rounds);
double peak_fma_avx512(int rounds);
double peak_int8_vnni(int rounds);

#endif
