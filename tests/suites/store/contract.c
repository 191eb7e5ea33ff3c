/* What every store promises, tried on each: memory, a directory, Redis, and functions of one's own, which
 * are those of examples/c/keyfob-sqlite-store.c and examples/c/keyfob-postgres-store.c. `own` gives SQLite's
 * as the four functions of the first version, `sqlite` as those of the second.
 *
 * usage: contract memory|file|own|sqlite|redis|postgres DIRECTORY [SERVER] */
#define _POSIX_C_SOURCE 200809L
#define main example_main
#include "../../../examples/c/keyfob-sqlite-store.c"
#undef main
#ifdef WITH_POSTGRES
#define main postgres_main
#include "../../../examples/c/keyfob-postgres-store.c"
#undef main
#endif
#include "cloud.h"

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

static const char ACCOUNT[] = "SIMACAN_PASSWORD";
static const char KEY[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

static enum { MEMORY, DIRECTORY, OWN, SQLITE, REDIS, POSTGRES } kind;
static const char *scratch, *server = "";
static char path[512];
static struct sqlite_store database;
static int saves_fail;
#ifdef WITH_POSTGRES
static struct postgres_store postgres = {.mutex = PTHREAD_MUTEX_INITIALIZER};
#endif

/* Of its own for each test. */
static void open_store(void) {
    static unsigned tests;
    snprintf(path, sizeof path, "%s/%u", scratch, tests++);
    database.path = path;
    saves_fail = 0;
#ifdef WITH_POSTGRES
    postgres.database = server;
    if (kind == POSTGRES && tests > 1) {
        PGconn *connection = PQconnectdb(server);
        PQclear(PQexec(connection, "DELETE FROM keyfob"));
        PQfinish(connection);
    }
#endif
}

/* SQLite's functions as a store of the first version: whose locks last until they are given back. One
 * lock for all names, as such a store may have. */
static uint64_t own_fence;

static int32_t own_lock(const char *name, void *user_data) {
    uint64_t fence;
    int32_t status = sqlite_store_lock("all", 15000, &fence, user_data);
    (void)name;
    if (status == KEYFOB_OK)
        own_fence = fence;
    return status;
}

static void own_unlock(const char *name, void *user_data) {
    (void)name;
    sqlite_store_unlock("all", own_fence, user_data);
}

static int32_t own_save(const char *name, const uint8_t *data, size_t len, void *user_data) {
    uint64_t fence;
    if (saves_fail)
        return 77;
    if (sqlite_store_lock(name, 1000, &fence, user_data) != KEYFOB_OK)
        return KEYFOB_STORE;
    int32_t status = sqlite_store_save(name, data, len, fence, user_data);
    sqlite_store_unlock(name, fence, user_data);
    return status;
}

/* Whether the store is functions of the caller's, whose saves can be made to fail. */
static int is_own(void) {
    return kind == OWN || kind == SQLITE || kind == POSTGRES;
}

static int32_t save(const char *name, const uint8_t *data, size_t len, uint64_t fence, void *user_data) {
    if (saves_fail)
        return 77;
#ifdef WITH_POSTGRES
    if (kind == POSTGRES)
        return postgres_store_save(name, data, len, fence, user_data);
#endif
    return sqlite_store_save(name, data, len, fence, user_data);
}

static void use_store(keyfob_config *config) {
    char option[2 * sizeof path];
    switch (kind) {
    case MEMORY:
        break;
    case DIRECTORY:
        snprintf(option, sizeof option, "file:%s", path);
        CHECK_OK(keyfob_config_set(config, "store", option, &err));
        break;
    case REDIS:
        snprintf(option, sizeof option, "%s?prefix=%s:", server, path);
        CHECK_OK(keyfob_config_set(config, "store", option, &err));
        break;
    case OWN:
        CHECK_OK(keyfob_config_set_store(config, sqlite_store_load, own_save, own_lock, own_unlock,
                                         &database, &err));
        break;
    case SQLITE:
        CHECK_OK(keyfob_config_set_store2(config, sqlite_store_load, save, sqlite_store_lock,
                                          sqlite_store_prolong, sqlite_store_unlock, sqlite_store_wait,
                                          &database, &err));
        break;
    case POSTGRES:
#ifdef WITH_POSTGRES
        CHECK_OK(keyfob_config_set_store2(config, postgres_store_load, save, postgres_store_lock,
                                          postgres_store_prolong, postgres_store_unlock,
                                          postgres_store_wait, &postgres, &err));
#endif
        break;
    }
}

static keyfob_client *client_with(const char *option, const char *value) {
    keyfob_config *config = config_of(ACCOUNT);
    keyfob_client *client = NULL;
    use_store(config);
    if (option != NULL)
        CHECK_OK(keyfob_config_set(config, option, value, &err));
    CHECK_OK(keyfob_client_new(config, &client, &err));
    keyfob_config_free(config);
    return client;
}

static keyfob_client *client(void) {
    return client_with(NULL, NULL);
}

static char *token_of(const keyfob_client *of) {
    char *token = NULL;
    CHECK_OK(keyfob_client_token(of, &token, &err));
    return token;
}

static void expect_token(const keyfob_client *of, const char *expected) {
    char *token = token_of(of);
    CHECK_TEXT(token, expected);
    keyfob_string_free(token);
}

static void expect_calls(int logins, int refreshes) {
    CHECK(calls("simacan", "login") == logins);
    CHECK(calls("simacan", "refresh") == refreshes);
}

/* How many logins two clients make that could share one: memory is each client's own. */
static int for_two(void) {
    return kind == MEMORY ? 2 : 1;
}

static void the_next_client_has_the_token_of_the_last(void) {
    keyfob_client *first = client(), *next;
    char *token = token_of(first);
    keyfob_client_free(first);
    next = client();
    if (kind == MEMORY)
        keyfob_string_free(token_of(next));
    else
        expect_token(next, token);
    expect_calls(for_two(), 0);
    keyfob_string_free(token);
    keyfob_client_free(next);
}

static void a_stored_token_is_at_hand_without_waiting(void) {
    keyfob_client *first = client(), *next;
    char *token = token_of(first), *at_hand;
    next = client();
    if (kind == MEMORY) {
        CHECK_STATUS(KEYFOB_WOULD_BLOCK, keyfob_client_try_token(next, &at_hand, &err));
    } else {
        CHECK_OK(keyfob_client_try_token(next, &at_hand, &err));
        CHECK_TEXT(at_hand, token);
        keyfob_string_free(at_hand);
    }
    keyfob_string_free(token);
    keyfob_client_free(next);
    keyfob_client_free(first);
}

static void what_one_client_renews_another_takes_over(void) {
    keyfob_client *one = client(), *other = client();
    char *old = token_of(one), *renewed;
    keyfob_string_free(token_of(other));
    CHECK_OK(keyfob_client_renew(one, &err));
    renewed = token_of(one);
    CHECK_OK(keyfob_client_refused(other, kind == MEMORY ? "another" : old, &err));
    if (kind != MEMORY)
        expect_token(other, renewed);
    expect_calls(for_two(), 1);
    keyfob_string_free(renewed);
    keyfob_string_free(old);
    keyfob_client_free(other);
    keyfob_client_free(one);
}

static void *ask(void *of) {
    return token_of(of);
}

static void many_threads_of_many_clients_renew_once(void) {
    enum { CLIENTS = 4, THREADS = 32 };
    keyfob_client *clients[CLIENTS];
    pthread_t threads[THREADS];
    void *first = NULL;
    tell("/rotation", "{\"cloud\":\"simacan\",\"rotation\":\"revoke-family-on-reuse\"}");
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = client();
        keyfob_string_free(token_of(clients[i]));
        wind(clients[i], 3600);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, ask, clients[i % CLIENTS]);
    for (int i = 0; i < THREADS; i++) {
        void *token;
        pthread_join(threads[i], &token);
        if (first == NULL)
            first = token;
        else {
            if (kind != MEMORY)
                CHECK_TEXT(token, first);
            keyfob_string_free(token);
        }
    }
    expect_calls(kind == MEMORY ? CLIENTS : 1, kind == MEMORY ? CLIENTS : 1);
    keyfob_string_free(first);
    for (int i = 0; i < CLIENTS; i++)
        keyfob_client_free(clients[i]);
}

static void a_rejected_login_holds_for_every_client(void) {
    keyfob_client *one = client_with("password", "wrong"), *other = client_with("password", "wrong");
    char *token;
    CHECK_STATUS(KEYFOB_CREDENTIALS_REJECTED, keyfob_client_token(one, &token, &err));
    CHECK_STATUS(KEYFOB_LOGIN_ON_HOLD, keyfob_client_token(other, &token, &err));
    expect_calls(1, 0);
    keyfob_client_free(other);
    keyfob_client_free(one);
}

static void a_pause_that_the_cloud_asked_for_holds_for_every_client(void) {
    keyfob_client *one = client_with("retries", "0"), *other = client_with("retries", "0");
    char *token;
    tell("/inject", "{\"cloud\":\"simacan\",\"call\":\"login\",\"fault\":\"status:429\",\"headers\":"
                    "{\"Retry-After\":\"120\"}}");
    CHECK_STATUS(KEYFOB_RATE_LIMITED, keyfob_client_token(one, &token, &err));
    CHECK_STATUS(KEYFOB_RATE_LIMITED, keyfob_client_token(other, &token, &err));
    expect_calls(1, 0);
    /* What was asked for outlives the clients, and the next test is not to heed it. */
    CHECK_OK(keyfob_client_forget(one, &err));
    keyfob_client_free(other);
    keyfob_client_free(one);
}

static void what_is_forgotten_is_forgotten_for_the_next_client(void) {
    keyfob_client *one = client(), *next;
    char *token = token_of(one), *later;
    CHECK_OK(keyfob_client_forget(one, &err));
    next = client();
    later = token_of(next);
    CHECK(strcmp(later, token) != 0);
    expect_calls(2, 0);
    keyfob_string_free(later);
    keyfob_string_free(token);
    keyfob_client_free(next);
    keyfob_client_free(one);
}

static void a_token_that_cannot_be_stored_is_served_and_the_fault_told(void) {
    keyfob_client *one = client();
    char *token, *status;
    if (kind == DIRECTORY)
        CHECK(rmdir(path) == 0);
    saves_fail = 1;
    token = token_of(one);
    expect_token(one, token);
    CHECK_OK(keyfob_client_status_json(one, &status, &err));
    CHECK((strstr(status, "\"fault\":null") != NULL) == (kind == MEMORY));
    if (is_own())
        CHECK(strstr(status, "its save function returned 77") != NULL);
    expect_calls(1, 0);
    keyfob_string_free(status);
    keyfob_string_free(token);
    keyfob_client_free(one);
}

static void no_refresh_token_is_spent_that_could_not_be_replaced(void) {
    keyfob_client *one = client(), *next;
    char command[sizeof path + 16];
    keyfob_string_free(token_of(one));
    keyfob_client_free(one);
    next = client();
    saves_fail = 1;
    if (kind == DIRECTORY) {
        snprintf(command, sizeof command, "rm -r %s", path);
        CHECK(system(command) == 0);
    }
    if (kind == MEMORY)
        keyfob_string_free(token_of(next));
    wind(next, 3600);
    keyfob_string_free(token_of(next));
    expect_calls(2, kind == MEMORY);
    keyfob_client_free(next);
}

/* Whether the bytes of the stored record, wherever they are, show the token. */
static int shows(const char *token) {
    char command[4 * sizeof path];
    const char *read = kind == DIRECTORY ? "cat %s/*.json" : "cat %s";
    char record[2 * sizeof path];
    if (kind == REDIS)
        read = "redis-cli -s ${STORE_SERVER#redis+unix://} --scan --pattern '%s:*}' |"
               " xargs -n 1 redis-cli -s ${STORE_SERVER#redis+unix://} HGETALL";
    else if (kind == POSTGRES)
        read = "psql -qtA \"$STORE_SERVER\" -c \"SELECT encode(data, 'escape') FROM keyfob WHERE '%s' <> ''\"";
    snprintf(record, sizeof record, read, path);
    snprintf(command, sizeof command, "%s | grep -aqF -- '%.40s'", record, token);
    return system(command) == 0;
}

static void what_is_kept_is_sealed_with_the_key_and_opens_with_no_other(void) {
    keyfob_client *one = client_with("store_key", KEY), *none = NULL, *next;
    keyfob_config *config = config_of(ACCOUNT);
    char *token = token_of(one);
    if (kind != MEMORY) {
        CHECK(!shows(token));
        use_store(config);
        CHECK_STATUS(KEYFOB_STORE, keyfob_client_new(config, &none, &err));
        CHECK_OK(keyfob_config_set(config, "store_key",
                                   "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", &err));
        CHECK_STATUS(KEYFOB_STORE, keyfob_client_new(config, &none, &err));
        next = client_with("store_key", KEY);
        expect_token(next, token);
        keyfob_client_free(next);
    }
    keyfob_config_free(config);
    keyfob_string_free(token);
    keyfob_client_free(one);
}

static void what_is_kept_without_a_key_is_in_the_clear(void) {
    keyfob_client *one = client();
    char *token = token_of(one);
    if (kind != MEMORY)
        CHECK(shows(token));
    keyfob_string_free(token);
    keyfob_client_free(one);
}

static void a_lock_that_stays_taken_costs_no_more_than_the_calls_time(void) {
    keyfob_client *one = client_with("timeout_ms", "100");
    char *token;
    if (kind == OWN) {
        CHECK(own_lock("", &database) == KEYFOB_OK);
        CHECK_STATUS(KEYFOB_TIMEOUT, keyfob_client_token(one, &token, &err));
        own_unlock("", &database);
        expect_calls(0, 0);
    }
    keyfob_client_free(one);
    one = client();
    keyfob_string_free(token_of(one));
    keyfob_client_free(one);
}

static void a_store_of_ones_own_and_the_option_exclude_each_other(void) {
    keyfob_config *config = config_of(ACCOUNT);
    keyfob_client *none = NULL;
    use_store(config);
    CHECK_OK(keyfob_config_set(config, "store", "memory", &err));
    CHECK_STATUS(is_own() ? KEYFOB_INVALID_OPTION : KEYFOB_OK,
                 keyfob_client_new(config, &none, &err));
    keyfob_client_free(none);
    CHECK_OK(keyfob_config_set_store(config, NULL, NULL, NULL, NULL, NULL, &err));
    CHECK_OK(keyfob_client_new(config, &none, &err));
    keyfob_client_free(none);
    keyfob_config_free(config);
}

/* The six functions of a store that machines share, as one machine has them, and another. */
struct functions {
    int32_t (*load)(const char *, keyfob_record *, void *);
    int32_t (*save)(const char *, const uint8_t *, size_t, uint64_t, void *);
    int32_t (*lock)(const char *, uint64_t, uint64_t *, void *);
    int32_t (*prolong)(const char *, uint64_t, uint64_t, void *);
    void (*unlock)(const char *, uint64_t, void *);
    int32_t (*wait)(const char *, uint64_t, void *);
    void *here, *there;
};

static const uint8_t RECORD[] = "a record";

static void a_lease_that_is_over_is_anothers_and_saves_nothing(struct functions of) {
    uint64_t first = 0, second = 0;
    CHECK(of.lock("name", 200, &first, of.here) == KEYFOB_OK);
    CHECK(of.lock("name", 15000, &second, of.there) == KEYFOB_WOULD_BLOCK);
    CHECK(of.lock("another", 15000, &second, of.there) == KEYFOB_OK);
    of.unlock("another", second, of.there);
    CHECK(of.save("name", RECORD, sizeof RECORD, first, of.here) == KEYFOB_OK);
    CHECK(of.prolong("name", first, 200, of.here) == KEYFOB_OK);
    while (of.lock("name", 15000, &second, of.there) == KEYFOB_WOULD_BLOCK)
        sched_yield();
    CHECK(second > first);
    CHECK(of.save("name", RECORD, sizeof RECORD, first, of.here) == KEYFOB_WOULD_BLOCK);
    CHECK(of.prolong("name", first, 15000, of.here) == KEYFOB_WOULD_BLOCK);
    of.unlock("name", first, of.here);
    CHECK(of.lock("name", 15000, &first, of.here) == KEYFOB_WOULD_BLOCK);
    CHECK(of.save("name", RECORD, sizeof RECORD, second, of.there) == KEYFOB_OK);
    of.unlock("name", second, of.there);
    CHECK(of.lock("name", 15000, &first, of.here) == KEYFOB_OK);
    CHECK(first > second);
    of.unlock("name", first, of.here);
}

static void what_another_saves_and_gives_back_is_told_once(struct functions of) {
    uint64_t fence = 0;
    while (of.wait("name", 20, of.here) == KEYFOB_OK)
        ;
    CHECK(of.wait("name", 0, of.here) == KEYFOB_TIMEOUT);
    CHECK(of.lock("name", 15000, &fence, of.there) == KEYFOB_OK);
    CHECK(of.save("name", RECORD, sizeof RECORD, fence, of.there) == KEYFOB_OK);
    while (of.wait("name", 20, of.here) == KEYFOB_TIMEOUT)
        ;
    of.unlock("name", fence, of.there);
    while (of.wait("name", 20, of.here) == KEYFOB_TIMEOUT)
        ;
    CHECK(of.wait("name", 0, of.here) == KEYFOB_TIMEOUT);
}

static void functions_of_ones_own_keep_to_the_lease(void) {
    struct functions of = {sqlite_store_load,    sqlite_store_save,   sqlite_store_lock,
                           sqlite_store_prolong, sqlite_store_unlock, NULL,
                           &database,            &database};
#ifdef WITH_POSTGRES
    static struct postgres_store there = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    there.database = server;
    struct functions of_postgres = {postgres_store_load,    postgres_store_save,   postgres_store_lock,
                                    postgres_store_prolong, postgres_store_unlock, postgres_store_wait,
                                    &postgres,              &there};
    if (kind == POSTGRES)
        of = of_postgres;
#endif
    if (kind == SQLITE || kind == POSTGRES)
        a_lease_that_is_over_is_anothers_and_saves_nothing(of);
    if (of.wait != NULL)
        what_another_saves_and_gives_back_is_told_once(of);
}

#define ON_A_NEW_STORE(test)                                                                       \
    do {                                                                                           \
        open_store();                                                                              \
        AT_A_FRESH_CLOUD(test);                                                                    \
    } while (0)

int main(int argc, char **argv) {
    static const char *const kinds[] = {"memory", "file", "own", "sqlite", "redis", "postgres"};
    if (argc < 3)
        return 2;
    while (strcmp(argv[1], kinds[kind]) != 0)
        kind++;
    scratch = argv[2];
    server = argc > 3 ? argv[3] : "";
    ON_A_NEW_STORE(the_next_client_has_the_token_of_the_last);
    ON_A_NEW_STORE(a_stored_token_is_at_hand_without_waiting);
    ON_A_NEW_STORE(what_one_client_renews_another_takes_over);
    ON_A_NEW_STORE(many_threads_of_many_clients_renew_once);
    ON_A_NEW_STORE(a_rejected_login_holds_for_every_client);
    ON_A_NEW_STORE(a_pause_that_the_cloud_asked_for_holds_for_every_client);
    ON_A_NEW_STORE(what_is_forgotten_is_forgotten_for_the_next_client);
    if (kind != REDIS) { /* whose faults are those of tests/redis.rs */
        ON_A_NEW_STORE(a_token_that_cannot_be_stored_is_served_and_the_fault_told);
        ON_A_NEW_STORE(no_refresh_token_is_spent_that_could_not_be_replaced);
    }
    ON_A_NEW_STORE(what_is_kept_is_sealed_with_the_key_and_opens_with_no_other);
    ON_A_NEW_STORE(what_is_kept_without_a_key_is_in_the_clear);
    ON_A_NEW_STORE(a_lock_that_stays_taken_costs_no_more_than_the_calls_time);
    ON_A_NEW_STORE(a_store_of_ones_own_and_the_option_exclude_each_other);
    ON_A_NEW_STORE(functions_of_ones_own_keep_to_the_lease);
    return failed_tests != 0;
}
