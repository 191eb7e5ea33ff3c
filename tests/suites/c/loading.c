/* Loading, using and unloading the library, over and over, leaves nothing behind.
 *
 * usage: loading LIBRARY TIMES */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include <dirent.h>
#include <dlfcn.h>
#include <unistd.h>
#include <valgrind/valgrind.h>

static const char *library_path;
static int times;

/* Looks a function up; the detour by memory is how C99 turns an object pointer into a function. */
static void find(void *library, const char *name, void *function) {
    void *found = dlsym(library, name);
    CHECK(found != NULL);
    memcpy(function, &found, sizeof found);
}

#define FIND(name) find(library, #name, &name##_)

/* A login and a request over TLS by a client made for it, as a plugin would that is loaded for one
 * job. */
static void use(void *library) {
    keyfob_status (*keyfob_config_new_)(const char *, keyfob_config **, keyfob_error **);
    keyfob_status (*keyfob_config_load_env_)(keyfob_config *, const char *, keyfob_error **);
    keyfob_status (*keyfob_client_new_)(const keyfob_config *, keyfob_client **, keyfob_error **);
    keyfob_status (*keyfob_request_new_)(const char *, const char *, keyfob_request **,
                                         keyfob_error **);
    keyfob_status (*keyfob_client_send_)(const keyfob_client *, const keyfob_request *,
                                         keyfob_response **, keyfob_error **);
    uint16_t (*keyfob_response_status_)(const keyfob_response *);
    void (*keyfob_response_free_)(keyfob_response *);
    void (*keyfob_request_free_)(keyfob_request *);
    void (*keyfob_client_free_)(keyfob_client *);
    void (*keyfob_config_free_)(keyfob_config *);
    keyfob_config *config = NULL;
    keyfob_client *client = NULL;
    keyfob_request *request = NULL;
    keyfob_response *response = NULL;
    FIND(keyfob_config_new), FIND(keyfob_config_load_env), FIND(keyfob_client_new);
    FIND(keyfob_request_new), FIND(keyfob_client_send), FIND(keyfob_response_status);
    FIND(keyfob_response_free), FIND(keyfob_request_free);
    FIND(keyfob_client_free), FIND(keyfob_config_free);
    CHECK(keyfob_config_new_("kontakt", &config, NULL) == KEYFOB_OK);
    CHECK(keyfob_config_load_env_(config, "KONTAKT_PASSWORD", NULL) == KEYFOB_OK);
    CHECK(keyfob_client_new_(config, &client, NULL) == KEYFOB_OK);
    CHECK(keyfob_request_new_("GET", "/status/200", &request, NULL) == KEYFOB_OK);
    CHECK(keyfob_client_send_(client, request, &response, NULL) == KEYFOB_OK);
    CHECK(keyfob_response_status_(response) == 200);
    keyfob_response_free_(response);
    keyfob_request_free_(request);
    keyfob_client_free_(client);
    keyfob_config_free_(config);
}

static void load_use_unload(void) {
    void *library = dlopen(library_path, RTLD_NOW | RTLD_LOCAL);
    CHECK(library != NULL);
    if (library != NULL) {
        use(library);
        CHECK(dlclose(library) == 0);
    }
}

/* Memory of this process that is in RAM, in KiB. */
static long resident(void) {
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK(file != NULL && fscanf(file, "%*d %ld", &pages) == 1);
    fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static int entries_of(const char *path) {
    DIR *directory = opendir(path);
    int count = 0;
    CHECK(directory != NULL);
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count;
}

static void loading_using_and_unloading_leaves_nothing_behind(void) {
    long memory;
    int files, threads;
    for (int i = 0; i < times / 10; i++) /* what is kept once is kept by now */
        load_use_unload();
    memory = resident();
    files = entries_of("/proc/self/fd");
    threads = entries_of("/proc/self/task");
    for (int i = 0; i < times && faults_of_this_test == 0; i++)
        load_use_unload();
    fprintf(stderr, "%d times: %ld KiB resident before, %ld after\n", times, memory, resident());
    /* memcheck holds freed memory back, and finds leaks better than this does */
    CHECK(RUNNING_ON_VALGRIND || resident() - memory < 4096);
    CHECK(entries_of("/proc/self/fd") <= files);
    CHECK(entries_of("/proc/self/task") <= threads + 2); /* a name look-up may be ending */
}

int main(int argc, char **argv) {
    if (argc != 3)
        return 2;
    library_path = argv[1];
    times = atoi(argv[2]);
    RUN(loading_using_and_unloading_leaves_nothing_behind);
    return failed_tests != 0;
}
