// Included before each of the engine's files: for WASI it would not look at how deep its stack is, and a script that
// recurses without end would trap instead of getting a RangeError. All that asks for WASI in the headers comes first.
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fenv.h>
#include <inttypes.h>
#include <limits.h>
#include <malloc.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#undef __wasi__
// For `malloc_usable_size`, which it otherwise takes for missing.
#define __ANDROID__ 1
