/* A hundred thousand identities in one process: what a client costs beside its token, for how many
 * there are.
 *
 * For each number of clients: a config is made for each, its options are set, a client is made of it
 * and the config freed, as a bridge does when a customer is added. Then each client is asked for its
 * token, in an order that no cache foresees, beside a floor that reads a clock and copies the same bytes
 * from as many places. Then all are freed. Memory is what malloc has handed out (mallinfo2), its own
 * overhead included.
 *
 * usage: clients PROVIDER OPTION LENGTH NAME=VALUE... -- NUMBER...
 *     OPTION tells the clients apart: its value is LENGTH characters long, another for each.
 *     `token` among the numbers: from then on each client is asked for its token, which must need no cloud.
 */
#define _GNU_SOURCE
#include <keyfob.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void fail(const char *what, keyfob_error *error)
{
    fprintf(stderr, "clients: %s: %s\n", what, keyfob_error_message(error));
    exit(1);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time); /* others may be at work, too */
    return time.tv_sec * 1e6 + time.tv_nsec / 1e3;
}

static size_t in_use(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

/* A value of this length that no other client has. */
static void value_of(size_t number, char *value, size_t length)
{
    memset(value, 'k', length);
    value[length] = '\0';
    for (size_t i = 0; i < 8 && i < length; i++, number /= 10)
        value[i] = (char)('0' + number % 10);
}

static keyfob_client *make(const char *provider, char **options, const char *name, const char *value)
{
    keyfob_config *config = NULL;
    keyfob_client *client = NULL;
    keyfob_error *error = NULL;

    if (keyfob_config_new(provider, &config, &error) != KEYFOB_OK ||
        keyfob_config_set(config, name, value, &error) != KEYFOB_OK)
        fail("config", error);
    for (char **option = options; strcmp(*option, "--") != 0; option++) {
        char *equals = strchr(*option, '=');
        *equals = '\0';
        if (keyfob_config_set(config, *option, equals + 1, &error) != KEYFOB_OK)
            fail("set", error);
        *equals = '=';
    }
    if (keyfob_client_new(config, &client, &error) != KEYFOB_OK)
        fail("client", error);
    keyfob_config_free(config);
    return client;
}

/* Each number below `number` once, far from the one before. */
static size_t scattered(size_t i, size_t number)
{
    return (size_t)(i * 7919ull * 10007ull % number);
}

int main(int argc, char **argv)
{
    char **options = argv + 4, **numbers;
    int asks = 0;

    if (argc < 6)
        return 2;
    const char *provider = argv[1], *name = argv[2];
    size_t length = (size_t)atoi(argv[3]);
    char *value = malloc(length + 1), *buffer = malloc(65536);
    for (numbers = options; strcmp(*numbers, "--") != 0;)
        numbers++;
    /* What the first client brings to the process is shared by all. */
    value_of(0, value, length);
    keyfob_client_free(make(provider, options, name, value));

    while (*++numbers != NULL) {
        if (strcmp(*numbers, "token") == 0) {
            asks = 1;
            continue;
        }
        size_t number = (size_t)atol(*numbers), before, after, left;
        keyfob_client **clients = calloc(number, sizeof *clients);
        char **tokens = calloc(number, sizeof *tokens);
        double start, made, freed, asked = 0, floor = 0;

        before = in_use();
        start = now();
        for (size_t i = 0; i < number; i++) {
            value_of(i, value, length);
            clients[i] = make(provider, options, name, value);
        }
        made = now() - start;
        after = in_use();
        if (asks) {
            for (size_t i = 0; i < number; i++)
                tokens[i] = strdup(value);
            size_t calls = number < 100000 ? 100000 : number, got;
            for (int round = 0; round < 5; round++) {
                start = now();
                for (size_t i = 0; i < calls; i++)
                    if (keyfob_client_token_copy(clients[scattered(i, number)], buffer, 65536, &got,
                                                 NULL) != KEYFOB_OK)
                        exit(1);
                double took = (now() - start) * 1e3 / calls;
                asked = round == 0 || took < asked ? took : asked;
                start = now();
                for (size_t i = 0; i < calls; i++) {
                    struct timespec clock;
                    clock_gettime(CLOCK_BOOTTIME, &clock);
                    memcpy(buffer, tokens[scattered(i, number)], length + (clock.tv_sec >= 0));
                    __asm__ volatile("" : : "r"(buffer) : "memory");
                }
                took = (now() - start) * 1e3 / calls;
                floor = round == 0 || took < floor ? took : floor;
            }
            for (size_t i = 0; i < number; i++)
                free(tokens[i]);
        }
        start = now();
        for (size_t i = 0; i < number; i++)
            keyfob_client_free(clients[i]);
        freed = now() - start;
        left = in_use();
        printf("| %zu | %.0f B | %.1f µs | %.1f µs | %.0f B |", number,
               ((double)after - (double)before) / number, made / number, freed / number,
               ((double)left - (double)before) / number);
        if (asks)
            printf(" %.0f ns | %.0f ns |", asked, floor);
        printf("\n");
        fflush(stdout);
        free(clients);
        free(tokens);
    }
    free(value);
    free(buffer);
    return 0;
}
