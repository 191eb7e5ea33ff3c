/* A wall clock that is wrong by WALL_OFFSET seconds: loaded before all else (LD_PRELOAD). */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = (int)syscall(SYS_clock_gettime, clock, now);
    const char *offset = getenv("WALL_OFFSET");
    if (failed == 0 && clock == CLOCK_REALTIME && offset != NULL)
        now->tv_sec += atol(offset);
    return failed;
}
