/* The passes of training for any machine. */
#define BACKWARD(name) name##_c
#include "perception/kernels/backward_body.h"

void backward_init(struct backward_kernels *b, unsigned cpu)
{
    backward_fill_c(b);
#if defined(__x86_64__)
    if (cpu & CPU_AVX2)
        backward_fill_avx2(b);
    if (cpu & CPU_AVX512)
        backward_fill_avx512(b);
#else
    (void)cpu;
#endif
}
