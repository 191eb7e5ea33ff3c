/* A client in a forked child: it knows what the parent knew, on connections of its own, and touches
 * nothing of the parent's. */
#define _GNU_SOURCE
#include "cloud.h"

#include <pthread.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>
#include <valgrind/valgrind.h>

static const char ACCOUNT[] = "KONTAKT_PASSWORD";

/* A child that hangs is a failure, not a wait. */
enum { PATIENCE_S = 120 };

/* Runs `work` in a child and sees that it went well. What the parent's threads and connections had
 * is lost to the child by intent, so no leak is looked for there: it ends by becoming another
 * program. */
static void in_child(void (*work)(keyfob_client *), keyfob_client *client) {
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        alarm(PATIENCE_S);
        faults_of_this_test = 0;
        work(client);
        fflush(stderr);
        execlp(faults_of_this_test || VALGRIND_COUNT_ERRORS ? "false" : "true", "child", (char *)NULL);
        _exit(1);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void use(keyfob_client *client) {
    int32_t status;
    CHECK(fetch(client, "GET", api_url(ACCOUNT, "/status/200"), &status) == 200);
}

static void use_renew_and_free(keyfob_client *client) {
    use(client);
    CHECK_OK(keyfob_client_renew(client, &err));
    use(client);
    keyfob_client_free(client);
}

static void a_child_uses_the_parents_token(void) {
    keyfob_client *client = client_of(ACCOUNT);
    use(client);
    in_child(use, client);
    CHECK(calls("kontakt", "login") == 1);
    CHECK(calls("kontakt", "api") == 2);
    keyfob_client_free(client);
}

static void use_anew(keyfob_client *client) {
    use(client);
    CHECK(resumed("kontakt") == 0);
}

static void a_child_resumes_no_session_of_the_parents(void) {
    keyfob_client *client = client_of(ACCOUNT);
    use(client);
    in_child(use_anew, client);
    tell("/idle", "");
    use(client);
    CHECK(resumed("kontakt") > 0); /* the parent itself does */
    keyfob_client_free(client);
}

static void a_child_leaves_the_parents_connections_alone(void) {
    keyfob_client *client = client_of(ACCOUNT);
    int before;
    use(client);
    before = connections("kontakt");
    in_child(use, client);
    CHECK(connections("kontakt") > before); /* the child made its own */
    before = connections("kontakt");
    in_child(keyfob_client_free, client);
    use(client);
    CHECK(connections("kontakt") == before); /* the parent's still works */
    keyfob_client_free(client);
}

static keyfob_response *being_read;

static void read_and_free(keyfob_client *client) {
    uint8_t piece[1000];
    size_t length;
    CHECK_STATUS(KEYFOB_INVALID_ARGUMENT, keyfob_response_read_now(being_read, piece, sizeof piece, &length, &err));
    CHECK_STATUS(KEYFOB_INVALID_ARGUMENT, keyfob_response_read(being_read, piece, sizeof piece, &length, &err));
    keyfob_response_free(being_read);
    use(client);
}

static void a_child_reads_nothing_of_an_answer_that_its_parent_reads(void) {
    enum { SIZE = 1000000 };
    keyfob_client *client = client_of(ACCOUNT);
    keyfob_request *request = NULL;
    size_t length = 1, whole = 0;
    CHECK_OK(keyfob_request_new("GET", api_url(ACCOUNT, "/files/1000000"), &request, &err));
    CHECK_OK(keyfob_client_open(client, request, &being_read, &err));
    in_child(read_and_free, client);
    while (length > 0) {
        uint8_t piece[10000];
        CHECK_OK(keyfob_response_read(being_read, piece, sizeof piece, &length, &err));
        whole += length;
    }
    CHECK(whole == SIZE);
    keyfob_response_free(being_read);
    keyfob_request_free(request);
    keyfob_client_free(client);
}

/* A child that is the first of its PID namespace, as its child then is of another. */
static void use_in_namespaces(keyfob_client *client) {
    int before;
    CHECK(getpid() == 1);
    use(client);
    before = connections("kontakt");
    CHECK(unshare(CLONE_NEWPID) == 0);
    in_child(use, client);
    CHECK(connections("kontakt") > before); /* the child, with the same number, made its own */
}

static void a_child_with_its_parents_pid_makes_its_own_connections(void) {
    keyfob_client *client;
    pid_t helper = fork();
    int status = -1;
    if (helper == 0) {
        faults_of_this_test = 0;
        if (unshare(CLONE_NEWPID) != 0) { /* not allowed here: nothing was tried */
            fprintf(stderr, "a_child_with_its_parents_pid...: no PID namespaces for this user\n");
            _exit(0);
        }
        client = client_of(ACCOUNT);
        in_child(use_in_namespaces, client);
        execlp(faults_of_this_test ? "false" : "true", "helper", (char *)NULL);
        _exit(1);
    }
    CHECK(waitpid(helper, &status, 0) == helper);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void a_child_renews_and_frees_on_its_own(void) {
    keyfob_client *client = client_of(ACCOUNT);
    use(client);
    in_child(use_renew_and_free, client);
    keyfob_client_free(client);
}

static void log_in(keyfob_client *client) {
    char *token;
    CHECK_OK(keyfob_client_token(client, &token, &err));
    keyfob_string_free(token);
    keyfob_client_free(client);
}

static void a_child_may_be_the_first_to_log_in(void) {
    keyfob_client *client = client_of(ACCOUNT);
    in_child(log_in, client);
    CHECK(calls("kontakt", "login") == 1);
    keyfob_client_free(client);
}

/* A client of the account with a thread of its own that renews. */
static keyfob_client *renewing_client(void) {
    keyfob_config *config = config_of(ACCOUNT);
    keyfob_client *client = NULL;
    CHECK_OK(keyfob_config_set(config, "background_renewal", "true", &err));
    CHECK_OK(keyfob_client_new(config, &client, &err));
    keyfob_config_free(config);
    return client;
}

/* Each call takes other locks, of the library and of what it stands on. */
static void use_in_every_way(keyfob_client *client) {
    keyfob_client *shared = NULL, *another = renewing_client();
    char *text = NULL;
    int32_t descriptor;
    uint64_t number;
    use(client);
    use(another);
    CHECK_OK(keyfob_client_set(client, "timeout_ms", "20000", &err));
    CHECK_OK(keyfob_client_status_json(client, &text, &err));
    keyfob_string_free(text);
    CHECK_OK(keyfob_client_share(client, 20000, &shared, &err));
    CHECK_OK(keyfob_client_event_fd(shared, &descriptor, &err));
    CHECK_OK(keyfob_client_wait(shared, 0, 0, &number, &err));
    keyfob_client_free(shared);
    CHECK_OK(keyfob_client_renew(client, &err));
    keyfob_client_free(another);
}

static void use_in_every_way_and_free(keyfob_client *client) {
    use_in_every_way(client);
    keyfob_client_free(client);
}

static int begun, stop;

static void *use_until_stopped(void *client) {
    do {
        use_in_every_way(client);
        __atomic_fetch_add(&begun, 1, __ATOMIC_SEQ_CST);
    } while (!__atomic_load_n(&stop, __ATOMIC_SEQ_CST));
    return NULL;
}

static void a_fork_with_calls_in_flight_leaves_the_child_a_good_client(void) {
    enum { THREADS = 8 };
    const int forks = RUNNING_ON_VALGRIND ? 5 : 100;
    keyfob_client *client = renewing_client();
    pthread_t threads[THREADS];
    __atomic_store_n(&stop, 0, __ATOMIC_SEQ_CST);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, use_until_stopped, client);
    for (int i = 0; i < forks; i++) {
        int seen = __atomic_load_n(&begun, __ATOMIC_SEQ_CST);
        while (__atomic_load_n(&begun, __ATOMIC_SEQ_CST) == seen)
            sched_yield();
        in_child(use_in_every_way_and_free, client);
    }
    __atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    keyfob_client_free(client);
}

static void *wait_in_vain(void *client) {
    char *token;
    int32_t status = keyfob_client_token(client, &token, NULL);
    keyfob_string_free(token);
    __atomic_store_n(&stop, status == KEYFOB_CANCELLED ? 1 : -1, __ATOMIC_SEQ_CST);
    return NULL;
}

static void *change_in_vain(void *client) {
    keyfob_client_set(client, "timeout_ms", "20000", NULL);
    return NULL;
}

static void change_and_use(keyfob_client *client) {
    tell("/clear", "{\"what\": \"injections\"}");
    CHECK_OK(keyfob_client_set(client, "timeout_ms", "10000", &err));
    use(client);
    keyfob_client_free(client);
}

static void a_child_waits_for_nobody_of_the_parents(void) {
    keyfob_client *client = client_of(ACCOUNT);
    pthread_t leader, changer;
    __atomic_store_n(&stop, 0, __ATOMIC_SEQ_CST);
    tell("/inject",
         "{\"cloud\": \"kontakt\", \"call\": \"login\", \"fault\": \"stall:before-headers\"}");
    pthread_create(&leader, NULL, wait_in_vain, client);
    while (calls("kontakt", "login") == 0)
        sched_yield(); /* from here on somebody leads */
    pthread_create(&changer, NULL, change_in_vain, client);
    for (int i = 0; i < 1000; i++)
        sched_yield(); /* so that the change waits for the leader, as near as can be known */
    in_child(change_and_use, client);
    while (__atomic_load_n(&stop, __ATOMIC_SEQ_CST) == 0)
        CHECK_OK(keyfob_client_cancel(client, &err));
    CHECK(__atomic_load_n(&stop, __ATOMIC_SEQ_CST) == 1);
    pthread_join(leader, NULL);
    pthread_join(changer, NULL);
    keyfob_client_free(client);
}

static void a_child_ends_a_client_that_renews_in_the_background(void) {
    keyfob_client *client = renewing_client();
    use(client);
    in_child(use_renew_and_free, client);
    keyfob_client_free(client);
}

static void renew(keyfob_client *client) {
    CHECK_OK(keyfob_client_renew(client, &err));
}

static void a_child_and_its_parent_are_one_client_where_there_is_a_store(void) {
    char directory[] = "/tmp/keyfob-test-XXXXXX", store[64], command[64];
    keyfob_config *config = config_of(ACCOUNT);
    keyfob_client *client = NULL;
    CHECK(mkdtemp(directory) != NULL);
    snprintf(store, sizeof store, "file:%s", directory);
    snprintf(command, sizeof command, "rm -r %s", directory);
    CHECK_OK(keyfob_config_set(config, "store", store, &err));
    CHECK_OK(keyfob_client_new(config, &client, &err));
    keyfob_config_free(config);
    use(client);
    in_child(renew, client);
    wind(client, 7200); /* the parent's token is old by now; so is the child's */
    use(client);
    CHECK(calls("kontakt", "login") == 1);
    CHECK(calls("kontakt", "refresh") == 2); /* with the refresh token that the child got */
    keyfob_client_free(client);
    CHECK(system(command) == 0);
}

static void be_on_hold(keyfob_client *client) {
    keyfob_config *config = config_of(ACCOUNT);
    keyfob_client *another = NULL;
    char *token;
    CHECK(keyfob_client_token(client, &token, NULL) == KEYFOB_LOGIN_ON_HOLD);
    CHECK_OK(keyfob_config_set(config, "password", "wrong", &err));
    CHECK_OK(keyfob_client_new(config, &another, &err));
    CHECK(keyfob_client_token(another, &token, NULL) == KEYFOB_LOGIN_ON_HOLD);
    keyfob_client_free(another);
    keyfob_client_free(client);
    keyfob_config_free(config);
}

static void a_child_sends_no_password_that_its_parent_knows_to_be_wrong(void) {
    keyfob_client *client = client_of(ACCOUNT);
    char *token;
    CHECK_OK(keyfob_client_set(client, "password", "wrong", &err));
    CHECK(keyfob_client_token(client, &token, NULL) == KEYFOB_CREDENTIALS_REJECTED);
    in_child(be_on_hold, client);
    CHECK(calls("kontakt", "login") == 1);
    keyfob_client_free(client);
}

int main(void) {
    AT_A_FRESH_CLOUD(a_child_uses_the_parents_token);
    AT_A_FRESH_CLOUD(a_child_resumes_no_session_of_the_parents);
    AT_A_FRESH_CLOUD(a_child_leaves_the_parents_connections_alone);
    AT_A_FRESH_CLOUD(a_child_reads_nothing_of_an_answer_that_its_parent_reads);
    AT_A_FRESH_CLOUD(a_child_with_its_parents_pid_makes_its_own_connections);
    AT_A_FRESH_CLOUD(a_child_renews_and_frees_on_its_own);
    AT_A_FRESH_CLOUD(a_child_may_be_the_first_to_log_in);
    AT_A_FRESH_CLOUD(a_fork_with_calls_in_flight_leaves_the_child_a_good_client);
    AT_A_FRESH_CLOUD(a_child_waits_for_nobody_of_the_parents);
    AT_A_FRESH_CLOUD(a_child_ends_a_client_that_renews_in_the_background);
    AT_A_FRESH_CLOUD(a_child_and_its_parent_are_one_client_where_there_is_a_store);
    AT_A_FRESH_CLOUD(a_child_sends_no_password_that_its_parent_knows_to_be_wrong);
    return failed_tests != 0;
}
