/* What it costs that a request is signed: the headers of a request with 1 KB of body, signed as AWS
 * has it (Signature Version 4), beside those that carry a key as it is. In processor time: nothing
 * waits here, and what else the machine does is not the question. More than the bar is an error.
 *
 * usage: signed PROFILE_FILE
 */
#define _GNU_SOURCE
#include <keyfob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CALLS = 2000, ROUNDS = 61, BODY = 1024 };

/* In microseconds. */
static const double BAR = 15;

static double microseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void check(keyfob_status status, keyfob_error *error)
{
    if (status == KEYFOB_OK)
        return;
    fprintf(stderr, "keyfob: %s\n", keyfob_error_message(error));
    exit(1);
}

static keyfob_client *client_for(const char *provider, const char *options)
{
    keyfob_config *config = NULL;
    keyfob_client *client = NULL;
    keyfob_error *error = NULL;
    check(keyfob_config_new(provider, &config, &error), error);
    check(keyfob_config_load_json(config, options, &error), error);
    check(keyfob_client_new(config, &client, &error), error);
    keyfob_config_free(config);
    return client;
}

static double headers_of(const keyfob_client *client, const uint8_t *body)
{
    double begin = microseconds();
    for (int i = 0; i < CALLS; i++) {
        char *lines = NULL;
        keyfob_error *error = NULL;
        check(keyfob_client_headers_for_request(client, "POST", "/topics/a%20topic?qos=1", body, BODY,
                                                &lines, &error),
              error);
        keyfob_string_free(lines);
    }
    return (microseconds() - begin) / CALLS;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    static double figures[2][ROUNDS], more[ROUNDS];
    static uint8_t body[BODY];
    char options[4096];

    if (argc != 2) {
        fprintf(stderr, "usage: %s PROFILE_FILE\n", argv[0]);
        return 2;
    }
    snprintf(options, sizeof options,
             "{\"profile_file\": \"%s\", \"access_key_id\": \"AKIDEXAMPLE\", \"secret_access_key\": "
             "\"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY\"}",
             argv[1]);
    keyfob_client *plain = client_for("kontakt", "{\"api_key\": \"a key as it is\"}");
    keyfob_client *signs = client_for("custom", options);
    memset(body, 'x', sizeof body);
    for (int round = 0; round < ROUNDS; round++) {
        figures[0][round] = headers_of(plain, body);
        figures[1][round] = headers_of(signs, body);
        more[round] = figures[1][round] - figures[0][round];
    }
    qsort(more, ROUNDS, sizeof(double), ascending);
    qsort(figures[0], ROUNDS, sizeof(double), ascending);
    qsort(figures[1], ROUNDS, sizeof(double), ascending);
    printf("| SigV4, 1 KB of body | %.1f us | %.1f us | %.1f us |\n", figures[0][ROUNDS / 2],
           figures[1][ROUNDS / 2], more[ROUNDS / 2]);
    keyfob_client_free(plain);
    keyfob_client_free(signs);
    if (more[ROUNDS / 2] > BAR) {
        fprintf(stderr, "signing costs more than %.0f us\n", BAR);
        return 1;
    }
    return 0;
}
