/* A large body beside libcurl's, from the same nginx in one run: time and processor time.
 *
 * usage: bodies CONFIG_JSON PROVIDER URL CA_FILE DIRECTORY ROUNDS
 *
 * Into memory (keyfob_client_send), to a function piece by piece (keyfob_client_open), and into a file
 * (keyfob_client_download, which hashes, syncs and renames; libcurl's writes and syncs).
 */
#define _GNU_SOURCE
#include <curl/curl.h>
#include <keyfob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { MOST_ROUNDS = 64, PIECE = 65536 };

struct cost {
    double wall, processor;
};

struct memory {
    char *bytes;
    size_t length, room;
};

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

static struct cost now(void)
{
    struct timespec wall;
    struct rusage used;
    clock_gettime(CLOCK_MONOTONIC, &wall);
    getrusage(RUSAGE_SELF, &used);
    return (struct cost){(double)wall.tv_sec + (double)wall.tv_nsec / 1e9,
                         (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                             (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6};
}

static size_t grow(char *data, size_t size, size_t number, void *user_data)
{
    struct memory *memory = user_data;
    size_t more = size * number;
    if (memory->length + more > memory->room) {
        memory->room = (memory->length + more) * 2;
        memory->bytes = realloc(memory->bytes, memory->room);
        if (memory->bytes == NULL)
            return 0;
    }
    memcpy(memory->bytes + memory->length, data, more);
    memory->length += more;
    return more;
}

static size_t count(char *data, size_t size, size_t number, void *total)
{
    (void)data;
    *(size_t *)total += size * number;
    return size * number;
}

static void by_keyfob(const char *how, const keyfob_client *client, const keyfob_request *request,
                      const char *path)
{
    static uint8_t piece[PIECE];
    keyfob_response *response = NULL;
    keyfob_error *error = NULL;
    size_t length = 1;
    keyfob_status status = strcmp(how, "memory") == 0   ? keyfob_client_send(client, request, &response, &error)
                           : strcmp(how, "function") == 0 ? keyfob_client_open(client, request, &response, &error)
                                                        : keyfob_client_download(client, request, path, NULL, &response, &error);
    while (status == KEYFOB_OK && strcmp(how, "function") == 0 && length > 0)
        status = keyfob_response_read(response, piece, sizeof piece, &length, &error);
    if (status != KEYFOB_OK)
        fail("keyfob", keyfob_error_message(error));
    if (keyfob_response_status(response) != 200)
        fail("keyfob", "not 200");
    keyfob_response_free(response);
}

static void by_libcurl(const char *how, CURL *curl, const char *path)
{
    struct memory memory = {NULL, 0, 0};
    size_t total = 0;
    FILE *file = NULL;
    if (strcmp(how, "memory") == 0) {
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, grow);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, &memory);
    } else if (strcmp(how, "function") == 0) {
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, count);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, &total);
    } else {
        file = fopen(path, "wb");
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, NULL);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, file);
    }
    CURLcode code = curl_easy_perform(curl);
    if (code != CURLE_OK)
        fail("libcurl", curl_easy_strerror(code));
    if (file != NULL) {
        fflush(file);
        fsync(fileno(file));
        fclose(file);
    }
    free(memory.bytes);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    static const char *const how[] = {"memory", "function", "file"};
    keyfob_config *config = NULL;
    keyfob_client *client = NULL;
    keyfob_request *request = NULL;
    keyfob_error *error = NULL;
    char *line = NULL, path[4096];

    if (argc != 7 || atoi(argv[6]) > MOST_ROUNDS) {
        fprintf(stderr, "usage: %s CONFIG_JSON PROVIDER URL CA_FILE DIRECTORY ROUNDS\n", argv[0]);
        return 2;
    }
    int rounds = atoi(argv[6]);
    snprintf(path, sizeof path, "%s/body", argv[5]);
    if (keyfob_config_new(argv[2], &config, &error) != KEYFOB_OK ||
        keyfob_config_load_file(config, argv[1], &error) != KEYFOB_OK ||
        keyfob_client_new(config, &client, &error) != KEYFOB_OK ||
        keyfob_client_headers(client, &line, &error) != KEYFOB_OK ||
        keyfob_request_new("GET", argv[3], &request, &error) != KEYFOB_OK)
        fail("keyfob", keyfob_error_message(error));
    struct curl_slist *headers = curl_slist_append(NULL, line);
    CURL *curl = curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_URL, argv[3]);
    curl_easy_setopt(curl, CURLOPT_CAINFO, argv[4]);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, (long)PIECE);

    for (size_t i = 0; i < sizeof how / sizeof *how; i++) {
        double wall[MOST_ROUNDS], processor[MOST_ROUNDS], times[2][MOST_ROUNDS];
        by_keyfob(how[i], client, request, path);
        by_libcurl(how[i], curl, path);
        for (int round = 0; round < rounds; round++) {
            struct cost spent[2];
            for (int turn = 0; turn < 2; turn++) {
                int who = (turn + round) % 2;
                struct cost began = now();
                if (who == 0)
                    by_keyfob(how[i], client, request, path);
                else
                    by_libcurl(how[i], curl, path);
                struct cost ended = now();
                spent[who] = (struct cost){ended.wall - began.wall, ended.processor - began.processor};
            }
            times[0][round] = spent[0].wall, times[1][round] = spent[1].wall;
            wall[round] = spent[0].wall / spent[1].wall;
            processor[round] = spent[0].processor / spent[1].processor;
        }
        qsort(wall, (size_t)rounds, sizeof(double), ascending);
        qsort(processor, (size_t)rounds, sizeof(double), ascending);
        qsort(times[0], (size_t)rounds, sizeof(double), ascending);
        qsort(times[1], (size_t)rounds, sizeof(double), ascending);
        printf("| %.5s, %s | %.0f ms | %.0f ms | %.2f | %.2f |\n", argv[3], how[i],
               times[0][rounds / 2] * 1e3, times[1][rounds / 2] * 1e3, wall[rounds / 2],
               processor[rounds / 2]);
    }
    unlink(path);
    keyfob_request_free(request);
    keyfob_string_free(line);
    keyfob_client_free(client);
    keyfob_config_free(config);
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    return 0;
}
