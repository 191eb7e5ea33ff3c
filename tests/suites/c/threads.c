/* One handle, many threads; many handles, one client. */
#define _POSIX_C_SOURCE 200809L
#include "cloud.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

enum { THREADS = 32, ROUNDS = 4 };

/* Runs `work` on 32 threads, each with its own place in `arguments` of this size. */
static void on_threads(void *(*work)(void *), void *arguments, size_t size) {
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, work, (char *)arguments + (size_t)i * size);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

/* Counts what went wrong; CHECK counts without a lock. */
static int wrong;

#define HOLDS(condition)                                                                           \
    do {                                                                                           \
        if (!(condition) && __atomic_fetch_add(&wrong, 1, __ATOMIC_SEQ_CST) < 5)                   \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
    } while (0)

static void none_wrong(void) {
    CHECK(__atomic_exchange_n(&wrong, 0, __ATOMIC_SEQ_CST) == 0);
}

/* What all threads fetch: set before they begin. */
static char url[512];

static keyfob_client *client_at(const char *account) {
    snprintf(url, sizeof url, "%s", api_url(account, "/status/200"));
    return client_of(account);
}

static void use(const keyfob_client *client) {
    char *text, buffer[4096];
    size_t len;
    int64_t ms;
    int32_t status;
    HOLDS(keyfob_client_token(client, &text, NULL) == KEYFOB_OK);
    keyfob_string_free(text);
    HOLDS(keyfob_client_token_copy(client, buffer, sizeof buffer, &len, NULL) == KEYFOB_OK);
    HOLDS(strlen(buffer) == len);
    HOLDS(keyfob_client_headers(client, &text, NULL) == KEYFOB_OK);
    keyfob_string_free(text);
    HOLDS(keyfob_client_status_json(client, &text, NULL) == KEYFOB_OK);
    keyfob_string_free(text);
    HOLDS(keyfob_client_expires_in_ms(client, &ms, NULL) == KEYFOB_OK && ms > 0);
    HOLDS(fetch(client, "GET", url, &status) == 200);
}

static void *use_often(void *client) {
    for (int i = 0; i < ROUNDS; i++)
        use(*(keyfob_client **)client);
    return NULL;
}

static void one_client_serves_32_threads_with_one_login(void) {
    keyfob_client *client = client_at("KII_USER");
    on_threads(use_often, &client, 0);
    none_wrong();
    CHECK(calls("kii", "login") == 1);
    CHECK(calls("kii", "refresh") == 0);
    keyfob_client_free(client);
}

static void a_token_that_dies_under_32_threads_is_renewed_once(void) {
    keyfob_client *client = client_at("KII_USER");
    use(client);
    tell("/revoke", "{\"cloud\": \"kii\", \"what\": \"access\"}");
    on_threads(use_often, &client, 0);
    none_wrong();
    CHECK(calls("kii", "login") == 1);
    CHECK(calls("kii", "refresh") == 1);
    keyfob_client_free(client);
}

static void *use_and_free(void *client) {
    use_often(client);
    keyfob_client_free(*(keyfob_client **)client);
    return NULL;
}

static void freeing_a_handle_leaves_the_other_handles(void) {
    keyfob_client *shared[THREADS], *client = client_at("KII_USER");
    for (int i = 0; i < THREADS; i++)
        CHECK_OK(keyfob_client_share(client, 0, &shared[i], &err));
    keyfob_client_free(client);
    on_threads(use_and_free, shared, sizeof *shared);
    none_wrong();
    CHECK(calls("kii", "login") == 1);
}

struct plain_data {
    keyfob_config *config;
    keyfob_client *client;
    keyfob_request *request;
    keyfob_response *response;
    keyfob_error *error;
};

static void *read_all(void *everything) {
    const struct plain_data *data = everything;
    keyfob_client *client;
    keyfob_response *response;
    const char *value;
    char *text;
    size_t len;
    HOLDS(keyfob_config_get(data->config, "username", &text, NULL) == KEYFOB_OK);
    keyfob_string_free(text);
    HOLDS(keyfob_client_new(data->config, &client, NULL) == KEYFOB_OK);
    keyfob_client_free(client);
    HOLDS(keyfob_client_send(data->client, data->request, &response, NULL) == KEYFOB_OK);
    keyfob_response_free(response);
    HOLDS(keyfob_response_status(data->response) == 200);
    HOLDS(keyfob_response_header(data->response, "content-type") != NULL);
    HOLDS(keyfob_response_header_at(data->response, 0, &value) != NULL);
    HOLDS(keyfob_response_body(data->response, &len) != NULL && len > 0);
    HOLDS(keyfob_response_link(data->response, "next", &text, NULL) == KEYFOB_OK);
    HOLDS(keyfob_error_status(data->error) == KEYFOB_UNKNOWN_PROVIDER);
    HOLDS(strlen(keyfob_error_message(data->error)) > 0);
    return NULL;
}

static void what_is_not_being_changed_may_be_read_by_32_threads(void) {
    struct plain_data data = {0};
    keyfob_config *none;
    data.config = config_of("KII_USER");
    data.client = client_at("KII_USER");
    CHECK(keyfob_config_new("nobody", &none, &data.error) == KEYFOB_UNKNOWN_PROVIDER);
    CHECK_OK(keyfob_request_new("GET", url, &data.request, &err));
    CHECK_OK(keyfob_client_send(data.client, data.request, &data.response, &err));
    on_threads(read_all, &data, 0);
    none_wrong();
    keyfob_error_free(data.error);
    keyfob_response_free(data.response);
    keyfob_request_free(data.request);
    keyfob_client_free(data.client);
    keyfob_config_free(data.config);
}

static void *change(void *client) {
    HOLDS(keyfob_client_set(*(keyfob_client **)client, "timeout_ms", "29000", NULL) == KEYFOB_OK);
    use(*(keyfob_client **)client);
    HOLDS(keyfob_client_renew(*(keyfob_client **)client, NULL) == KEYFOB_OK);
    return NULL;
}

static void options_change_while_31_others_use_the_client(void) {
    keyfob_client *client = client_at("SIMACAN_PASSWORD"), *handles[THREADS];
    for (int i = 0; i < THREADS; i++)
        CHECK_OK(keyfob_client_share(client, 0, &handles[i], &err));
    on_threads(change, handles, sizeof *handles);
    none_wrong();
    for (int i = 0; i < THREADS; i++)
        keyfob_client_free(handles[i]);
    keyfob_client_free(client);
}

static int ended;

static void *wait_for_a_token(void *handle) {
    char *token;
    int32_t status = keyfob_client_token(*(keyfob_client **)handle, &token, NULL);
    keyfob_string_free(token);
    __atomic_store_n(&ended, status == KEYFOB_CANCELLED ? 1 : -1, __ATOMIC_SEQ_CST);
    return NULL;
}

static void cancelling_ends_the_calls_of_this_handle_only(void) {
    keyfob_client *client = client_at("KII_USER"), *patient = NULL;
    pthread_t waiting;
    char *token;
    tell("/inject", "{\"cloud\": \"kii\", \"call\": \"login\", \"fault\": \"stall:before-headers\"}");
    CHECK_OK(keyfob_client_share(client, 500, &patient, &err));
    __atomic_store_n(&ended, 0, __ATOMIC_SEQ_CST);
    pthread_create(&waiting, NULL, wait_for_a_token, &client);
    while (__atomic_load_n(&ended, __ATOMIC_SEQ_CST) == 0)
        CHECK_OK(keyfob_client_cancel(client, &err));
    CHECK(__atomic_load_n(&ended, __ATOMIC_SEQ_CST) == 1);
    pthread_join(waiting, NULL);
    CHECK_STATUS(KEYFOB_TIMEOUT, keyfob_client_token(patient, &token, &err));
    keyfob_client_free(patient);
    keyfob_client_free(client);
}

static keyfob_client *interrupted;

static void cancel_it(int signal) {
    (void)signal;
    keyfob_client_cancel(interrupted, NULL);
}

static void a_signal_handler_may_cancel(void) {
    struct sigaction action = {0};
    pthread_t waiting;
    interrupted = client_at("KII_USER");
    action.sa_handler = cancel_it;
    sigaction(SIGUSR1, &action, NULL);
    tell("/inject", "{\"cloud\": \"kii\", \"call\": \"login\", \"fault\": \"stall:before-headers\"}");
    __atomic_store_n(&ended, 0, __ATOMIC_SEQ_CST);
    pthread_create(&waiting, NULL, wait_for_a_token, &interrupted);
    while (calls("kii", "login") == 0)
        sched_yield();
    pthread_kill(waiting, SIGUSR1); /* on the thread that waits: its own call is the one to end */
    pthread_join(waiting, NULL);
    CHECK(__atomic_load_n(&ended, __ATOMIC_SEQ_CST) == 1);
    keyfob_client_free(interrupted);
}

static void *change_in_vain(void *handle) {
    keyfob_client_set(*(keyfob_client **)handle, "timeout_ms", "20000", NULL);
    return NULL;
}

static void a_change_waits_no_longer_than_its_own_handle_allows(void) {
    keyfob_client *client = client_at("KII_USER"), *quick = NULL;
    pthread_t leader, changer;
    tell("/inject", "{\"cloud\": \"kii\", \"call\": \"login\", \"fault\": \"stall:before-headers\"}");
    CHECK_OK(keyfob_client_share(client, 50, &quick, &err));
    __atomic_store_n(&ended, 0, __ATOMIC_SEQ_CST);
    pthread_create(&leader, NULL, wait_for_a_token, &client);
    while (calls("kii", "login") == 0)
        sched_yield();
    pthread_create(&changer, NULL, change_in_vain, &client);
    for (int i = 0; i < 1000; i++)
        sched_yield(); /* so that the other change waits, as near as can be known */
    CHECK_STATUS(KEYFOB_TIMEOUT, keyfob_client_set(quick, "timeout_ms", "10000", &err));
    CHECK(__atomic_load_n(&ended, __ATOMIC_SEQ_CST) == 0); /* the others still wait */
    while (__atomic_load_n(&ended, __ATOMIC_SEQ_CST) == 0)
        CHECK_OK(keyfob_client_cancel(client, &err));
    pthread_join(leader, NULL);
    pthread_join(changer, NULL);
    keyfob_client_free(quick);
    keyfob_client_free(client);
}

int main(void) {
    AT_A_FRESH_CLOUD(one_client_serves_32_threads_with_one_login);
    AT_A_FRESH_CLOUD(a_token_that_dies_under_32_threads_is_renewed_once);
    AT_A_FRESH_CLOUD(freeing_a_handle_leaves_the_other_handles);
    AT_A_FRESH_CLOUD(what_is_not_being_changed_may_be_read_by_32_threads);
    AT_A_FRESH_CLOUD(options_change_while_31_others_use_the_client);
    AT_A_FRESH_CLOUD(cancelling_ends_the_calls_of_this_handle_only);
    AT_A_FRESH_CLOUD(a_signal_handler_may_cancel);
    AT_A_FRESH_CLOUD(a_change_waits_no_longer_than_its_own_handle_allows);
    return failed_tests != 0;
}
