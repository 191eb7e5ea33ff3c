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

enum { REQUESTS = 200, ROUNDS = 25 };

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

static double by_keyfob(const keyfob_client *client, const keyfob_request *request)
{
    double begin = seconds();
    for (int i = 0; i < REQUESTS; i++) {
        keyfob_response *response = NULL;
        keyfob_error *error = NULL;
        if (keyfob_client_send(client, request, &response, &error) != KEYFOB_OK)
            fail("keyfob", keyfob_error_message(error));
        if (keyfob_response_status(response) != 200)
            fail("keyfob", "not 200");
        keyfob_response_free(response);
    }
    return (seconds() - begin) / REQUESTS * 1e6;
}

static double by_libcurl(CURL *curl)
{
    double begin = seconds();
    for (int i = 0; i < REQUESTS; i++) {
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
    return (seconds() - begin) / REQUESTS * 1e6;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    static double figures[2][ROUNDS];
    keyfob_config *config = NULL;
    keyfob_client *client = NULL;
    keyfob_request *request = NULL;
    keyfob_error *error = NULL;
    char *line = NULL;

    if (argc != 5) {
        fprintf(stderr, "usage: %s CONFIG_JSON PROVIDER URL CA_FILE\n", argv[0]);
        return 2;
    }
    if (keyfob_config_new(argv[2], &config, &error) != KEYFOB_OK ||
        keyfob_config_load_file(config, argv[1], &error) != KEYFOB_OK ||
        keyfob_client_new(config, &client, &error) != KEYFOB_OK ||
        keyfob_request_new("GET", argv[3], &request, &error) != KEYFOB_OK ||
        keyfob_client_headers(client, &line, &error) != KEYFOB_OK)
        fail("keyfob", keyfob_error_message(error));

    CURL *curl = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, line);
    headers = curl_slist_append(headers, "Accept: application/json");
    headers = curl_slist_append(headers, "Content-Type: application/json");
    curl_easy_setopt(curl, CURLOPT_URL, argv[3]);
    curl_easy_setopt(curl, CURLOPT_CAINFO, argv[4]);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 30000L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, count_bytes);

    for (int round = 0; round < ROUNDS; round++) {
        figures[0][round] = by_keyfob(client, request);
        figures[1][round] = by_libcurl(curl);
    }
    qsort(figures[0], ROUNDS, sizeof(double), ascending);
    qsort(figures[1], ROUNDS, sizeof(double), ascending);
    printf("| %.5s | %.0f us | %.0f us | %.2f |\n", argv[3], figures[0][ROUNDS / 2],
           figures[1][ROUNDS / 2], figures[0][ROUNDS / 2] / figures[1][ROUNDS / 2]);

    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    keyfob_string_free(line);
    keyfob_request_free(request);
    keyfob_client_free(client);
    keyfob_config_free(config);
    return 0;
}
