/* The hot path beside its floor: what a cached token costs, in one run.
 *
 * The floor is what nobody can do without: one read of the boot-time clock, to know that the token
 * is still good, and one copy of its bytes. Each figure is the median of many rounds, and rounds of
 * all candidates take turns, so that a noisy machine is noisy to all of them alike.
 *
 * usage: hot_path PROVIDER CONFIG_JSON...     all figures of the first, of the others what a copy costs
 */
#define _GNU_SOURCE
#include <keyfob.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CALLS = 20000, ROUNDS = 61, MAX_THREADS = 2 };

static keyfob_client *client;
static char token[65536];
static size_t token_length;

static void fail(const char *what, keyfob_error *error)
{
    fprintf(stderr, "%s: %s\n", what, keyfob_error_message(error));
    exit(1);
}

/* What a lock-free cache in plain C would do. The barrier keeps the compiler from leaving it out. */
static void floor_copy(char *buffer)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    memcpy(buffer, token, token_length + (now.tv_sec >= 0));
    __asm__ volatile("" : : "r"(buffer) : "memory");
}

static void token_copy(char *buffer)
{
    size_t length;
    if (keyfob_client_token_copy(client, buffer, sizeof token, &length, NULL) != KEYFOB_OK)
        exit(1);
}

static void owned_string(char *buffer)
{
    char *text = NULL;
    (void)buffer;
    if (keyfob_client_token(client, &text, NULL) != KEYFOB_OK)
        exit(1);
    keyfob_string_free(text);
}

static void header_lines(char *buffer)
{
    char *text = NULL;
    (void)buffer;
    if (keyfob_client_headers(client, &text, NULL) != KEYFOB_OK)
        exit(1);
    keyfob_string_free(text);
}

static const struct {
    const char *name;
    void (*call)(char *buffer);
} candidates[] = {
    { "floor: clock read + copy", floor_copy },
    { "keyfob_client_token_copy", token_copy },
    { "keyfob_client_token + free", owned_string },
    { "keyfob_client_headers + free", header_lines },
};

enum { CANDIDATES = sizeof candidates / sizeof candidates[0] };

struct round {
    void (*call)(char *buffer);
    pthread_barrier_t *start;
    double nanoseconds;
};

static void *run_round(void *argument)
{
    struct round *round = argument;
    static _Thread_local char buffer[sizeof token];
    struct timespec begin, end;

    pthread_barrier_wait(round->start);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (int i = 0; i < CALLS; i++)
        round->call(buffer);
    clock_gettime(CLOCK_MONOTONIC, &end);
    round->nanoseconds =
        ((end.tv_sec - begin.tv_sec) * 1e9 + (end.tv_nsec - begin.tv_nsec)) / CALLS;
    return NULL;
}

/* Nanoseconds a call, the mean over the threads of one round. */
static double measure(void (*call)(char *buffer), int threads)
{
    pthread_t running[MAX_THREADS];
    struct round rounds[MAX_THREADS];
    pthread_barrier_t start;
    double sum = 0;

    pthread_barrier_init(&start, NULL, (unsigned)threads);
    for (int i = 0; i < threads; i++) {
        rounds[i].call = call;
        rounds[i].start = &start;
        if (pthread_create(&running[i], NULL, run_round, &rounds[i]) != 0)
            exit(1);
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(running[i], NULL);
        sum += rounds[i].nanoseconds;
    }
    pthread_barrier_destroy(&start);
    return sum / threads;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void obtain(const char *provider, const char *file)
{
    keyfob_config *config = NULL;
    keyfob_error *error = NULL;

    if (keyfob_config_new(provider, &config, &error) != KEYFOB_OK ||
        keyfob_config_load_file(config, file, &error) != KEYFOB_OK ||
        keyfob_client_new(config, &client, &error) != KEYFOB_OK ||
        keyfob_client_token_copy(client, token, sizeof token, &token_length, &error) != KEYFOB_OK)
        fail("hot_path", error);
    keyfob_config_free(config);
}

/* Medians of the first candidates, in nanoseconds a call, each after its number of threads. */
static void compare(double medians[MAX_THREADS + 1][CANDIDATES], int candidates_compared)
{
    static double figures[MAX_THREADS + 1][CANDIDATES][ROUNDS];

    for (int round = 0; round < ROUNDS; round++)
        for (int threads = 1; threads <= MAX_THREADS; threads++)
            for (int i = 0; i < candidates_compared; i++)
                figures[threads][i][round] = measure(candidates[i].call, threads);
    for (int threads = 1; threads <= MAX_THREADS; threads++)
        for (int i = 0; i < candidates_compared; i++) {
            qsort(figures[threads][i], ROUNDS, sizeof(double), ascending);
            medians[threads][i] = figures[threads][i][ROUNDS / 2];
        }
}

int main(int argc, char **argv)
{
    double medians[MAX_THREADS + 1][CANDIDATES];

    if (argc < 3) {
        fprintf(stderr, "usage: %s PROVIDER CONFIG_JSON...\n", argv[0]);
        return 2;
    }
    obtain(argv[1], argv[2]);
    compare(medians, CANDIDATES);
    printf("medians of %d rounds of %d calls\n\n", ROUNDS, CALLS);
    printf("| cached token of %zu bytes | 1 thread | times the floor | 2 threads, each "
           "| times 1 thread |\n|---|---:|---:|---:|---:|\n", token_length);
    for (int i = 0; i < CANDIDATES; i++)
        printf("| %s | %.1f ns | %.2f | %.1f ns | %.2f |\n", candidates[i].name, medians[1][i],
               medians[1][i] / medians[1][0], medians[2][i], medians[2][i] / medians[1][i]);
    keyfob_client_free(client);

    printf("\n| cached token of | floor | keyfob_client_token_copy | times the floor "
           "| 2 threads, times 1 |\n|---|---:|---:|---:|---:|\n");
    for (int i = 3; i < argc; i++) {
        obtain(argv[1], argv[i]);
        compare(medians, 2);
        printf("| %zu bytes | %.1f ns | %.1f ns | %.2f | %.2f |\n", token_length, medians[1][0],
               medians[1][1], medians[1][1] / medians[1][0], medians[2][1] / medians[1][1]);
        keyfob_client_free(client);
    }
    return 0;
}
