/* What the host process does with its threads, descriptors and limits, and the library bears. */
#define _GNU_SOURCE
#include "cloud.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include <valgrind/valgrind.h>

/* Runs `work` in a child, which ends by becoming another program: what it had is no leak. */
static void in_child(void (*work)(void)) {
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        alarm(120);
        faults_of_this_test = 0;
        work();
        execlp(faults_of_this_test ? "false" : "true", "child", (char *)NULL);
        _exit(1);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static int returned;

static void *ask_then_be_cancelled(void *client) {
    char *token;
    keyfob_client_token(client, &token, NULL);
    keyfob_string_free(token);
    __atomic_store_n(&returned, 1, __ATOMIC_SEQ_CST);
    while (returned) /* for ever: the thread ends within */
        pthread_testcancel();
    return NULL;
}

static void a_thread_that_is_cancelled_ends_after_its_call(void) {
    keyfob_client *client = client_of("KII_USER");
    pthread_t thread;
    void *result = NULL;
    tell("/inject", "{\"cloud\": \"kii\", \"call\": \"login\", \"fault\": \"stall:before-headers\"}");
    __atomic_store_n(&returned, 0, __ATOMIC_SEQ_CST);
    pthread_create(&thread, NULL, ask_then_be_cancelled, client);
    while (calls("kii", "login") == 0)
        sched_yield();
    pthread_cancel(thread); /* which alone does not end the call */
    while (__atomic_load_n(&returned, __ATOMIC_SEQ_CST) == 0)
        CHECK_OK(keyfob_client_cancel(client, &err));
    pthread_join(thread, &result);
    CHECK(result == PTHREAD_CANCELED);
    keyfob_client_free(client);
}

static char directory[] = "/tmp/keyfob-test-XXXXXX";

static keyfob_client *client_with_a_store(void) {
    keyfob_config *config = config_of("KII_USER");
    keyfob_client *client = NULL;
    char store[64];
    snprintf(store, sizeof store, "file:%s", directory);
    CHECK_OK(keyfob_config_set(config, "store", store, &err));
    CHECK_OK(keyfob_client_new(config, &client, &err));
    keyfob_config_free(config);
    return client;
}

static void without_standard_streams(void) {
    keyfob_client *client;
    int32_t status;
    for (int fd = 0; fd < 3; fd++)
        close(fd);
    client = client_with_a_store();
    CHECK(fetch(client, "GET", api_url("KII_USER", "/status/200"), &status) == 200);
    for (int fd = 0; fd < 3; fd++) /* with a connection that is kept for the next request */
        CHECK(fcntl(fd, F_GETFD) == -1);
}

static void no_descriptor_below_3_is_held(void) {
    in_child(without_standard_streams);
}

static void with_small_files_only(void) {
    struct rlimit small = {100, 100};
    keyfob_client *client = client_with_a_store();
    char *token = NULL, *report = NULL;
    CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
    CHECK_OK(keyfob_client_token(client, &token, &err));
    CHECK_OK(keyfob_client_status_json(client, &report, &err));
    CHECK(report != NULL && strstr(report, "RLIMIT_FSIZE") != NULL);
}

static void a_limit_on_files_is_told_and_ends_nobody(void) {
    in_child(with_small_files_only);
}

static int ticks;

static void tick(int signal) {
    (void)signal;
    __atomic_add_fetch(&ticks, 1, __ATOMIC_RELAXED);
}

static void while_signals_come(void) {
    struct itimerval often = {{0, 300}, {0, 300}}, never = {{0, 0}, {0, 0}};
    struct sigaction action;
    keyfob_client *client = client_with_a_store();
    char *report = NULL;
    memset(&action, 0, sizeof action);
    action.sa_handler = tick; /* without SA_RESTART: each ends the system call that waits */
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
    for (int i = 0; i < 30; i++) {
        CHECK_OK(keyfob_client_renew(client, &err));
        CHECK_OK(keyfob_client_status_json(client, &report, &err));
        CHECK(report != NULL && strstr(report, "\"fault\":null") != NULL);
        keyfob_string_free(report);
    }
    CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
    CHECK(__atomic_load_n(&ticks, __ATOMIC_RELAXED) > 0);
}

static void signals_of_the_host_are_no_fault(void) {
    in_child(while_signals_come);
    CHECK(calls("kii", "login") == 1);
    CHECK(calls("kii", "refresh") <= 30); /* one where a store of another cloud's is found */
}

/* docs/ABI.md states what a call needs of its thread's stack. */
enum { STACK = 1 << 20, STATED = 160 << 10, PAINT = 0xa5 };

static void *ask(void *client) {
    char *token;
    keyfob_client_token(client, &token, NULL);
    keyfob_string_free(token);
    return NULL;
}

static void a_call_over_tls_needs_the_stack_that_is_stated(void) {
    keyfob_client *client = client_of("KII_USER");
    pthread_attr_t attributes;
    pthread_t thread;
    size_t untouched = 0;
    if (RUNNING_ON_VALGRIND) { /* which takes a look at a stack that has ended for an error */
        keyfob_client_free(client);
        return;
    }
    static unsigned char stack[STACK] __attribute__((aligned(4096)));
    memset(stack, PAINT, STACK);
    pthread_attr_init(&attributes);
    CHECK(pthread_attr_setstack(&attributes, stack, STACK) == 0);
    CHECK(pthread_create(&thread, &attributes, ask, client) == 0);
    pthread_join(thread, NULL);
    while (untouched < STACK && stack[untouched] == PAINT)
        untouched++;
    if (getenv("STACK") != NULL)
        fprintf(stderr, "%zu bytes of stack\n", STACK - untouched);
    CHECK(STACK - untouched <= STATED);
    CHECK(calls("kii", "login") == 1);
    pthread_attr_destroy(&attributes);
    keyfob_client_free(client);
}

int main(void) {
    int failed;
    char command[64];
    if (mkdtemp(directory) == NULL)
        return 1;
    AT_A_FRESH_CLOUD(a_thread_that_is_cancelled_ends_after_its_call);
    AT_A_FRESH_CLOUD(a_call_over_tls_needs_the_stack_that_is_stated);
    AT_A_FRESH_CLOUD(a_limit_on_files_is_told_and_ends_nobody);
    AT_A_FRESH_CLOUD(no_descriptor_below_3_is_held);
    AT_A_FRESH_CLOUD(signals_of_the_host_are_no_fault);
    failed = failed_tests;
    snprintf(command, sizeof command, "rm -r %s", directory);
    return system(command) != 0 || failed != 0;
}
