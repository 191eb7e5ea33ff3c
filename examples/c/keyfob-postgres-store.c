/* keyfob-postgres-store: keeps tokens in PostgreSQL, shared by all machines that name the database.
 *
 *     cc -o keyfob-postgres-store keyfob-postgres-store.c -lpq $(pkg-config --cflags --libs keyfob)
 *     KEYFOB_USERNAME=... KEYFOB_PASSWORD_FILE=... ./keyfob-postgres-store 'host=db dbname=fleet' simacan
 *
 * The six functions below are the store. A lock is an advisory lock of a session, which the server ends
 * when it is idle for as long as the lease (idle_session_timeout, PostgreSQL 14): so the lock of a machine
 * that was switched off goes by itself. Pools that share sessions, such as pgbouncer, are no place for it.
 */
#define _POSIX_C_SOURCE 200809L
#include <keyfob.h>
#include <libpq-fe.h>

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MOST_NAMES = 64 };

struct postgres_store {
    const char *database;      /* how to connect */
    pthread_mutex_t mutex;     /* guards all below: clients call from any thread */
    pid_t process;             /* whose connections these are: a child makes its own */
    PGconn *records;           /* also holds the locks; the server ends it when it is idle */
    PGconn *news;              /* listens */
    unsigned heard;            /* counts what was heard, and what may have been missed */
    struct entry {
        char name[81];
        unsigned heard; /* what a wait for this name has told */
        int held;       /* its lock is this process's: the server would give it to a session twice */
    } entries[MOST_NAMES];
    int names;
};

static const char MAKE[] = "CREATE TABLE IF NOT EXISTS keyfob (name text PRIMARY KEY, data bytea,"
                           " fence bigint NOT NULL DEFAULT 0, pid int)";
static const char LOAD[] = "SELECT data FROM keyfob WHERE name = $1 AND data IS NOT NULL";
static const char SAVE[] = "WITH saved AS (UPDATE keyfob SET data = $2 WHERE name = $1 AND fence = $3"
                           " AND pid = pg_backend_pid() RETURNING name)"
                           " SELECT pg_notify('keyfob', name) FROM saved";
static const char TRY[] = "SELECT set_config('idle_session_timeout', $2, false)"
                          " WHERE pg_try_advisory_lock(hashtextextended($1, 7))";
static const char TAKEN[] = "INSERT INTO keyfob (name, fence, pid) VALUES ($1, 1, pg_backend_pid())"
                            " ON CONFLICT (name) DO UPDATE SET fence = keyfob.fence + 1,"
                            " pid = pg_backend_pid() RETURNING fence";
static const char PROLONG[] = "SELECT set_config('idle_session_timeout', $3, false) FROM keyfob"
                              " WHERE name = $1 AND fence = $2 AND pid = pg_backend_pid()";
static const char UNLOCK[] = "SELECT pg_advisory_unlock(hashtextextended($1, 7)), pg_notify('keyfob', $1)"
                             " FROM keyfob WHERE name = $1 AND fence = $2 AND pid = pg_backend_pid()";

/* No function here may hang: two seconds to connect, which is libpq's least, and one a statement. Two
 * that make the table at once may fail, so it is tried again. Under the mutex. */
static PGconn *connect_to(struct postgres_store *store, const char *first) {
    static const char *const names[] = {"dbname", "connect_timeout", "options", "tcp_user_timeout", NULL};
    const char *values[] = {store->database, "2",
                            "-c statement_timeout=1000 -c client_min_messages=error", "2000", NULL};
    PGconn *connection = PQconnectdbParams(names, values, 1);
    int good = 0;
    for (int tries = 0; tries < 2 && !good; tries++) {
        PGresult *result = PQexec(connection, first);
        good = PQresultStatus(result) == PGRES_COMMAND_OK;
        PQclear(result);
    }
    if (!good) {
        PQfinish(connection);
        connection = NULL;
    }
    return connection;
}

/* Takes the mutex. A child of a fork leaves its parent's connections alone. */
static void enter(struct postgres_store *store) {
    pthread_mutex_lock(&store->mutex);
    if (store->process != getpid()) {
        store->process = getpid();
        store->records = store->news = NULL;
        store->names = 0;
    }
}

static void leave(struct postgres_store *store) {
    pthread_mutex_unlock(&store->mutex);
}

/* What is known of this name; the last one's where there are too many. Under the mutex. */
static struct entry *entry_of(struct postgres_store *store, const char *name) {
    int at = 0;
    while (at < store->names && strcmp(store->entries[at].name, name) != 0)
        at++;
    if (at == MOST_NAMES)
        return &store->entries[MOST_NAMES - 1];
    if (at == store->names) {
        snprintf(store->entries[at].name, sizeof store->entries[at].name, "%s", name);
        store->entries[at].heard = store->heard;
        store->names++;
    }
    return &store->entries[at];
}

/* The session of the records is gone, and its locks with it. Under the mutex. */
static void lose_session(struct postgres_store *store) {
    PQfinish(store->records);
    store->records = NULL;
    for (int at = 0; at < store->names; at++)
        store->entries[at].held = 0;
}

/* Runs a statement; NULL where that fails. On a new session where the server has ended the old one: all
 * locks are lost then, as the statements find out by the session's number. Only what follows upon a lock
 * just taken is not run again. */
static PGresult *run(struct postgres_store *store, const char *sql, int count, const char *const *values,
                     const int *lengths, const int *formats) {
    for (int tries = sql == TAKEN; tries < 2; tries++) {
        PGresult *result;
        if (store->records == NULL)
            store->records = connect_to(store, MAKE);
        if (store->records == NULL)
            return NULL;
        result = PQexecParams(store->records, sql, count, NULL, values, lengths, formats, 1);
        if (PQresultStatus(result) == PGRES_TUPLES_OK)
            return result;
        PQclear(result);
        lose_session(store);
    }
    return NULL;
}

/* Runs a statement with these texts. KEYFOB_OK where it gives a row, KEYFOB_WOULD_BLOCK where none. */
static int32_t row_of(struct postgres_store *store, const char *sql, int count, const char *one,
                   const char *two, const char *three) {
    const char *values[3];
    PGresult *result;
    int32_t status = KEYFOB_STORE;
    values[0] = one;
    values[1] = two;
    values[2] = three;
    result = run(store, sql, count, values, NULL, NULL);
    if (result != NULL)
        status = PQntuples(result) > 0 ? KEYFOB_OK : KEYFOB_WOULD_BLOCK;
    PQclear(result);
    return status;
}

int32_t postgres_store_load(const char *name, keyfob_record *record, void *user_data) {
    struct postgres_store *store = user_data;
    int32_t status = KEYFOB_STORE;
    PGresult *result;
    enter(store);
    result = run(store, LOAD, 1, &name, NULL, NULL);
    if (result != NULL && PQntuples(result) == 0)
        status = KEYFOB_OK; /* no such record */
    else if (result != NULL)
        status = keyfob_record_set(record, (const uint8_t *)PQgetvalue(result, 0, 0),
                                   (size_t)PQgetlength(result, 0, 0), NULL);
    PQclear(result);
    leave(store);
    return status;
}

int32_t postgres_store_save(const char *name, const uint8_t *data, size_t len, uint64_t fence,
                            void *user_data) {
    struct postgres_store *store = user_data;
    char number[24];
    const char *values[3];
    int lengths[3] = {0, 0, 0};
    static const int formats[3] = {0, 1, 0};
    int32_t status = KEYFOB_STORE;
    PGresult *result;
    snprintf(number, sizeof number, "%llu", (unsigned long long)fence);
    values[0] = name;
    values[1] = (const char *)data;
    values[2] = number;
    lengths[1] = (int)len;
    enter(store);
    result = run(store, SAVE, 3, values, lengths, formats);
    if (result != NULL) /* no row: the lock is not held any more */
        status = PQntuples(result) > 0 ? KEYFOB_OK : KEYFOB_WOULD_BLOCK;
    PQclear(result);
    leave(store);
    return status;
}

int32_t postgres_store_lock(const char *name, uint64_t lease_ms, uint64_t *fence, void *user_data) {
    struct postgres_store *store = user_data;
    struct entry *entry;
    char lease[24];
    int32_t status;
    snprintf(lease, sizeof lease, "%llu", (unsigned long long)lease_ms);
    enter(store);
    entry = entry_of(store, name);
    status = entry->held ? KEYFOB_WOULD_BLOCK : row_of(store, TRY, 2, name, lease, NULL);
    if (status == KEYFOB_OK) {
        PGresult *result = run(store, TAKEN, 1, &name, NULL, NULL);
        status = KEYFOB_STORE;
        if (result != NULL) { /* eight bytes, the highest first */
            const unsigned char *bytes = (const unsigned char *)PQgetvalue(result, 0, 0);
            *fence = 0;
            for (int i = 0; i < 8; i++)
                *fence = *fence << 8 | bytes[i];
            entry->held = 1;
            status = KEYFOB_OK;
        } /* else the session is gone, and the lock with it */
        PQclear(result);
    }
    leave(store);
    return status;
}

int32_t postgres_store_prolong(const char *name, uint64_t fence, uint64_t lease_ms, void *user_data) {
    struct postgres_store *store = user_data;
    char number[24], lease[24];
    int32_t status;
    snprintf(number, sizeof number, "%llu", (unsigned long long)fence);
    snprintf(lease, sizeof lease, "%llu", (unsigned long long)lease_ms);
    enter(store);
    status = row_of(store, PROLONG, 3, name, number, lease);
    leave(store);
    return status;
}

void postgres_store_unlock(const char *name, uint64_t fence, void *user_data) {
    struct postgres_store *store = user_data;
    char number[24];
    snprintf(number, sizeof number, "%llu", (unsigned long long)fence);
    enter(store);
    if (row_of(store, UNLOCK, 2, name, number, NULL) == KEYFOB_OK)
        entry_of(store, name)->held = 0;
    leave(store);
}

/* Hears what has come on the listening connection, waiting at most so long. Under the mutex. */
static void hear(struct postgres_store *store, int wait_ms) {
    PGnotify *notify;
    if (store->news == NULL) {
        store->news = connect_to(store, "LISTEN keyfob");
        store->heard++; /* what was told before was missed */
        if (store->news == NULL)
            return;
    }
    for (int again = 0;; again = 1) {
        int came = 0;
        if (PQconsumeInput(store->news) == 0) {
            PQfinish(store->news);
            store->news = NULL;
            store->heard++;
            return;
        }
        for (; (notify = PQnotifies(store->news)) != NULL; came = 1)
            PQfreemem(notify);
        store->heard += (unsigned)came;
        if (came || again)
            return;
        struct pollfd ready = {PQsocket(store->news), POLLIN, 0};
        poll(&ready, 1, wait_ms);
    }
}

/* Tells of changes of other names as well, which does no harm. */
int32_t postgres_store_wait(const char *name, uint64_t wait_ms, void *user_data) {
    struct postgres_store *store = user_data;
    struct entry *entry;
    int told;
    enter(store);
    entry = entry_of(store, name);
    if (entry->heard == store->heard)
        hear(store, (int)wait_ms);
    told = entry->heard != store->heard;
    entry->heard = store->heard;
    leave(store);
    return told ? KEYFOB_OK : KEYFOB_TIMEOUT;
}

int main(int argc, char **argv) {
    static struct postgres_store store;
    keyfob_config *config = NULL;
    keyfob_client *client = NULL;
    keyfob_error *err = NULL;
    char *token = NULL;
    if (argc != 3) {
        fprintf(stderr, "usage: keyfob-postgres-store DATABASE PROVIDER; KEYFOB_* are its options\n");
        return 2;
    }
    store.database = argv[1];
    pthread_mutex_init(&store.mutex, NULL);
    if (keyfob_config_new(argv[2], &config, &err) == KEYFOB_OK &&
        keyfob_config_load_env(config, "KEYFOB", &err) == KEYFOB_OK &&
        keyfob_config_set_store2(config, postgres_store_load, postgres_store_save, postgres_store_lock,
                                 postgres_store_prolong, postgres_store_unlock, postgres_store_wait,
                                 &store, &err) == KEYFOB_OK &&
        keyfob_client_new(config, &client, &err) == KEYFOB_OK &&
        keyfob_client_token(client, &token, &err) == KEYFOB_OK)
        puts(token);
    else
        fprintf(stderr, "keyfob-postgres-store: %s\n", keyfob_error_message(err));
    keyfob_string_free(token);
    keyfob_client_free(client);
    keyfob_config_free(config);
    PQfinish(store.records);
    PQfinish(store.news);
    pthread_mutex_destroy(&store.mutex);
    return err == NULL ? 0 : (keyfob_error_free(err), 1);
}
