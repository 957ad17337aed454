/* The little linear algebra that a curve of four coefficients needs. Row-major doubles. */
#ifndef OUTRIDER_BASE_MATRIX4_H
#define OUTRIDER_BASE_MATRIX4_H

/* Inverse of a symmetric positive definite matrix. A pivot that rounding has made too small is
 * taken as 1e-12 of its diagonal. out may be a. */
void matrix4_invert(const double a[16], double out[16]);

void matrix4_times(const double a[16], const double v[4], double out[4]); /* out is not v */
double matrix4_dot(const double a[4], const double b[4]);
double matrix4_form(const double a[16], const double v[4]); /* v' a v */

#endif
