/* An authenticated keep-alive request beside libcurl's, against the same server in one run.
 *
 * usage: requests CONFIG_JSON PROVIDER URL CA_FILE
 */
#define _GNU_SOURCE
#include <curl/curl.h>
#include <keyfob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { REQUESTS = 100, ROUNDS = 61 };

static size_t count_bytes(char *data, size_t size, size_t number, void *total)
{
    (void)data;
    *(size_t *)total += size * number;
    return size * number;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

static double by_keyfob(const keyfob_client *client, const keyfob_request *request, int requests)
{
    double begin = seconds();
    for (int i = 0; i < requests; i++) {
        keyfob_response *response = NULL;
        keyfob_error *error = NULL;
        if (keyfob_client_send(client, request, &response, &error) != KEYFOB_OK)
            fail("keyfob", keyfob_error_message(error));
        if (keyfob_response_status(response) != 200)
            fail("keyfob", "not 200");
        keyfob_response_free(response);
    }
    return (seconds() - begin) / requests * 1e6;
}

static double by_libcurl(CURL *curl, int requests)
{
    double begin = seconds();
    for (int i = 0; i < requests; i++) {
        size_t received = 0;
        long status = 0;
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, &received);
        CURLcode code = curl_easy_perform(curl);
        if (code != CURLE_OK)
            fail("libcurl", curl_easy_strerror(code));
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        if (status != 200)
            fail("libcurl", "not 200");
    }
    return (seconds() - begin) / requests * 1e6;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static CURL *libcurl_for(const char *url, const char *ca_file, struct curl_slist *headers)
{
    CURL *curl = curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CAINFO, ca_file);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 30000L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, count_bytes);
    return curl;
}

int main(int argc, char **argv)
{
    static double figures[2][ROUNDS], ratios[ROUNDS];
    keyfob_config *config = NULL;
    keyfob_request *request = NULL;
    keyfob_error *error = NULL;

    if (argc != 5) {
        fprintf(stderr, "usage: %s CONFIG_JSON PROVIDER URL CA_FILE\n", argv[0]);
        return 2;
    }
    if (keyfob_config_new(argv[2], &config, &error) != KEYFOB_OK ||
        keyfob_config_load_file(config, argv[1], &error) != KEYFOB_OK ||
        keyfob_request_new("GET", argv[3], &request, &error) != KEYFOB_OK)
        fail("keyfob", keyfob_error_message(error));

    /* Each round has connections of its own, since a busy machine can be unkind to one for as long
     * as it lives; they are made, and warm, before the clock starts. */
    for (int round = 0; round < ROUNDS; round++) {
        keyfob_client *client = NULL;
        char *line = NULL;
        if (keyfob_client_new(config, &client, &error) != KEYFOB_OK ||
            keyfob_client_headers(client, &line, &error) != KEYFOB_OK)
            fail("keyfob", keyfob_error_message(error));
        struct curl_slist *headers = curl_slist_append(NULL, line);
        headers = curl_slist_append(headers, "Accept: application/json");
        headers = curl_slist_append(headers, "Content-Type: application/json");
        CURL *curl = libcurl_for(argv[3], argv[4], headers);

        by_keyfob(client, request, 10);
        by_libcurl(curl, 10);
        /* By turns, since who comes first may have to make up for what the preparations took. */
        if (round % 2 == 0)
            figures[0][round] = by_keyfob(client, request, REQUESTS);
        figures[1][round] = by_libcurl(curl, REQUESTS);
        if (round % 2 != 0)
            figures[0][round] = by_keyfob(client, request, REQUESTS);
        ratios[round] = figures[0][round] / figures[1][round];

        curl_easy_cleanup(curl);
        curl_slist_free_all(headers);
        keyfob_string_free(line);
        keyfob_client_free(client);
    }
    /* Neighbours have the machine alike: the ratio is the median of theirs. */
    qsort(ratios, ROUNDS, sizeof(double), ascending);
    qsort(figures[0], ROUNDS, sizeof(double), ascending);
    qsort(figures[1], ROUNDS, sizeof(double), ascending);
    printf("| %.5s | %.0f us | %.0f us | %.2f |\n", argv[3], figures[0][ROUNDS / 2],
           figures[1][ROUNDS / 2], ratios[ROUNDS / 2]);

    keyfob_request_free(request);
    keyfob_config_free(config);
    return 0;
}
