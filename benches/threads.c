/* Twenty threads with one client beside twenty libcurl handles, against the same nginx in one run:
 * requests a second, and processor time a request.
 *
 * usage: threads CONFIG_JSON PROVIDER URL CA_FILE ROUNDS
 */
#define _GNU_SOURCE
#include <curl/curl.h>
#include <keyfob.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

enum { THREADS = 20, REQUESTS = 150, MOST_ROUNDS = 64 };

static keyfob_client *client;
static keyfob_request *request;
static CURL *handles[THREADS];

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

static size_t count(char *data, size_t size, size_t number, void *total)
{
    (void)data;
    *(size_t *)total += size * number;
    return size * number;
}

static void *by_keyfob(void *unused)
{
    for (int i = 0; i < REQUESTS; i++) {
        keyfob_response *response = NULL;
        keyfob_error *error = NULL;
        if (keyfob_client_send(client, request, &response, &error) != KEYFOB_OK)
            fail("keyfob", keyfob_error_message(error));
        keyfob_response_free(response);
    }
    return unused;
}

static void *by_libcurl(void *handle)
{
    for (int i = 0; i < REQUESTS; i++) {
        size_t total = 0;
        curl_easy_setopt(handle, CURLOPT_WRITEDATA, &total);
        CURLcode code = curl_easy_perform(handle);
        if (code != CURLE_OK)
            fail("libcurl", curl_easy_strerror(code));
    }
    return NULL;
}

static double clocked(int processor)
{
    struct timespec wall;
    struct rusage used;
    clock_gettime(CLOCK_MONOTONIC, &wall);
    getrusage(RUSAGE_SELF, &used);
    return processor ? (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6
                     : (double)wall.tv_sec + (double)wall.tv_nsec / 1e9;
}

/* One round of all threads: seconds, and seconds of processor time. */
static void round_of(int who, double *wall, double *processor)
{
    pthread_t threads[THREADS];
    double began = clocked(0), used = clocked(1);
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, who == 0 ? by_keyfob : by_libcurl, handles[i]) != 0)
            fail("threads", "none to be had");
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    *wall = clocked(0) - began;
    *processor = clocked(1) - used;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    keyfob_config *config = NULL;
    keyfob_error *error = NULL;
    char *line = NULL;
    double wall[2][MOST_ROUNDS], processor[2][MOST_ROUNDS], rate[MOST_ROUNDS], cost[MOST_ROUNDS];

    if (argc != 6 || atoi(argv[5]) > MOST_ROUNDS) {
        fprintf(stderr, "usage: %s CONFIG_JSON PROVIDER URL CA_FILE ROUNDS\n", argv[0]);
        return 2;
    }
    int rounds = atoi(argv[5]);
    curl_global_init(CURL_GLOBAL_ALL);
    if (keyfob_config_new(argv[2], &config, &error) != KEYFOB_OK ||
        keyfob_config_load_file(config, argv[1], &error) != KEYFOB_OK ||
        keyfob_client_new(config, &client, &error) != KEYFOB_OK ||
        keyfob_client_headers(client, &line, &error) != KEYFOB_OK ||
        keyfob_request_new("GET", argv[3], &request, &error) != KEYFOB_OK)
        fail("keyfob", keyfob_error_message(error));
    struct curl_slist *headers = curl_slist_append(NULL, line);
    for (int i = 0; i < THREADS; i++) {
        handles[i] = curl_easy_init();
        curl_easy_setopt(handles[i], CURLOPT_URL, argv[3]);
        curl_easy_setopt(handles[i], CURLOPT_CAINFO, argv[4]);
        curl_easy_setopt(handles[i], CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(handles[i], CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(handles[i], CURLOPT_WRITEFUNCTION, count);
    }
    for (int round = -1; round < rounds; round++) {
        double spent[2][2];
        for (int turn = 0; turn < 2; turn++) {
            int who = (turn + round + 2) % 2;
            round_of(who, &spent[who][0], &spent[who][1]);
        }
        if (round < 0)
            continue; /* connections are made */
        for (int who = 0; who < 2; who++)
            wall[who][round] = spent[who][0], processor[who][round] = spent[who][1];
        rate[round] = spent[1][0] / spent[0][0];
        cost[round] = spent[0][1] / spent[1][1];
    }
    for (int who = 0; who < 2; who++) {
        qsort(wall[who], (size_t)rounds, sizeof(double), ascending);
        qsort(processor[who], (size_t)rounds, sizeof(double), ascending);
    }
    qsort(rate, (size_t)rounds, sizeof(double), ascending);
    qsort(cost, (size_t)rounds, sizeof(double), ascending);
    double all = THREADS * REQUESTS;
    int middle = rounds / 2;
    printf("| %.5s, 20 threads | %.0f/s, %.0f us each | %.0f/s, %.0f us each | %.2f | %.2f |\n", argv[3],
           all / wall[0][middle], processor[0][middle] / all * 1e6, all / wall[1][middle],
           processor[1][middle] / all * 1e6, rate[middle], cost[middle]);
    keyfob_request_free(request);
    keyfob_string_free(line);
    keyfob_client_free(client);
    keyfob_config_free(config);
    for (int i = 0; i < THREADS; i++)
        curl_easy_cleanup(handles[i]);
    curl_slist_free_all(headers);
    return 0;
}
