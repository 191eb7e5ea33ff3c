/* keyfob-sqlite-store: keeps tokens in an SQLite database, shared by all processes that name it.
 *
 *     cc -o keyfob-sqlite-store keyfob-sqlite-store.c -lsqlite3 $(pkg-config --cflags --libs keyfob)
 *     KEYFOB_USERNAME=... KEYFOB_PASSWORD_FILE=... ./keyfob-sqlite-store tokens.db simacan
 *
 * The six functions below are the store; a TPM or a secure element takes the same. A lock is a row that
 * says until when it is held: that of a process that died or was stopped goes by itself.
 */
#define _POSIX_C_SOURCE 200809L
#include <keyfob.h>
#include <sqlite3.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

struct sqlite_store {
    const char *path;
};

/* Opens the database, and that of the locks beside it, which need not survive a power cut: who held them
 * does not either. Each call opens its own: SQLite's connections must not cross a fork. */
static int open_database(const struct sqlite_store *store, sqlite3 **database) {
    char attach[4200];
    int rc = sqlite3_open(store->path, database);
    sqlite3_snprintf(sizeof attach, attach, "ATTACH '%q.lock' AS beside; PRAGMA beside.synchronous = OFF;"
                     "CREATE TABLE IF NOT EXISTS beside.locks (name TEXT PRIMARY KEY, fence INTEGER, until INTEGER)",
                     store->path);
    if (rc == SQLITE_OK)
        sqlite3_busy_timeout(*database, 2000);
    if (rc == SQLITE_OK) /* EXTRA: a record must survive a power cut once it is saved */
        rc = sqlite3_exec(*database,
                          "PRAGMA synchronous = EXTRA; PRAGMA secure_delete = ON;"
                          "CREATE TABLE IF NOT EXISTS records (name TEXT PRIMARY KEY, data BLOB)",
                          NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(*database, attach, NULL, NULL, NULL);
    return rc;
}

/* Prepares a statement whose parameter `:name` is the record's name. */
static int prepare(sqlite3 *database, const char *sql, const char *name, sqlite3_stmt **statement) {
    int rc = sqlite3_prepare_v2(database, sql, -1, statement, NULL);
    if (rc != SQLITE_OK)
        return rc;
    return sqlite3_bind_text(*statement, sqlite3_bind_parameter_index(*statement, ":name"), name, -1, SQLITE_STATIC);
}

/* Binds a number to a parameter of this name, where the statement has one. */
static int bind(sqlite3_stmt *statement, const char *name, sqlite3_int64 number) {
    int index = sqlite3_bind_parameter_index(statement, name);
    return index == 0 ? SQLITE_OK : sqlite3_bind_int64(statement, index, number);
}

/* Milliseconds of a clock that all processes of the machine share and nobody sets. */
static sqlite3_int64 now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (sqlite3_int64)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int32_t sqlite_store_load(const char *name, keyfob_record *record, void *user_data) {
    sqlite3 *database = NULL;
    sqlite3_stmt *statement = NULL;
    int32_t status = KEYFOB_STORE;
    int rc = open_database(user_data, &database);
    if (rc == SQLITE_OK)
        rc = prepare(database, "SELECT data FROM records WHERE name = :name", name, &statement);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW) { /* the length is asked for after the data: the other way round converts */
        const void *data = sqlite3_column_blob(statement, 0);
        status = keyfob_record_set(record, data, (size_t)sqlite3_column_bytes(statement, 0), NULL);
    } else if (rc == SQLITE_DONE) {
        status = KEYFOB_OK; /* no such record */
    }
    sqlite3_finalize(statement);
    sqlite3_close(database);
    return status;
}

/* Writes for whoever has the lock of this fence. One statement is one transaction: wholly or not at all. */
int32_t sqlite_store_save(const char *name, const uint8_t *data, size_t len, uint64_t fence, void *user_data) {
    sqlite3 *database = NULL;
    sqlite3_stmt *statement = NULL;
    int32_t status = KEYFOB_STORE;
    int rc = open_database(user_data, &database);
    if (rc == SQLITE_OK)
        rc = prepare(database,
                     "INSERT OR REPLACE INTO records SELECT :name, :data WHERE EXISTS"
                     " (SELECT 1 FROM locks WHERE name = :name AND fence = :fence)",
                     name, &statement);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_blob64(statement, sqlite3_bind_parameter_index(statement, ":data"), data, len, SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = bind(statement, ":fence", (sqlite3_int64)fence);
    if (rc == SQLITE_OK && sqlite3_step(statement) == SQLITE_DONE)
        status = sqlite3_changes(database) > 0 ? KEYFOB_OK : KEYFOB_WOULD_BLOCK;
    sqlite3_finalize(statement);
    sqlite3_close(database);
    return status;
}

/* Runs a statement on the lock of this name, with the time, when the lease ends, and the fence; KEYFOB_OK
 * where it gives a row, whose number becomes the fence, and KEYFOB_WOULD_BLOCK where none. */
static int32_t change_lock(const struct sqlite_store *store, const char *sql, const char *name,
                           uint64_t lease_ms, uint64_t *fence) {
    sqlite3 *database = NULL;
    sqlite3_stmt *statement = NULL;
    sqlite3_int64 now = now_ms();
    int32_t status = KEYFOB_STORE;
    int rc = open_database(store, &database);
    if (rc == SQLITE_OK)
        rc = prepare(database, sql, name, &statement);
    if (rc == SQLITE_OK)
        rc = bind(statement, ":now", now);
    if (rc == SQLITE_OK)
        rc = bind(statement, ":until", now + (sqlite3_int64)lease_ms);
    if (rc == SQLITE_OK)
        rc = bind(statement, ":fence", (sqlite3_int64)*fence);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW) {
        *fence = (uint64_t)sqlite3_column_int64(statement, 0);
        rc = sqlite3_step(statement); /* the change is made when it ends */
        status = rc == SQLITE_DONE ? KEYFOB_OK : KEYFOB_STORE;
    } else if (rc == SQLITE_DONE || rc == SQLITE_BUSY) {
        status = KEYFOB_WOULD_BLOCK;
    }
    sqlite3_finalize(statement);
    sqlite3_close(database);
    return status;
}

int32_t sqlite_store_lock(const char *name, uint64_t lease_ms, uint64_t *fence, void *user_data) {
    sqlite3 *database = NULL;
    sqlite3_stmt *statement = NULL;
    int taken = 0;
    *fence = 0;
    /* Whoever waits asks again and again, and must not keep the holder from writing. */
    if (open_database(user_data, &database) == SQLITE_OK &&
        prepare(database, "SELECT 1 FROM locks WHERE name = :name AND until > :now AND until <= :now + 60000", name,
                &statement) == SQLITE_OK &&
        bind(statement, ":now", now_ms()) == SQLITE_OK)
        taken = sqlite3_step(statement) == SQLITE_ROW;
    sqlite3_finalize(statement);
    sqlite3_close(database);
    if (taken)
        return KEYFOB_WOULD_BLOCK;
    /* No lease is longer than a minute: what is held for longer was written in another boot. */
    return change_lock(user_data,
                       "INSERT INTO locks VALUES (:name, 1, :until) ON CONFLICT (name) DO UPDATE"
                       " SET fence = fence + 1, until = :until WHERE until <= :now OR until > :now + 60000"
                       " RETURNING fence",
                       name, lease_ms, fence);
}

/* A lease that is over is prolonged as well, while nobody has taken the lock. */
int32_t sqlite_store_prolong(const char *name, uint64_t fence, uint64_t lease_ms, void *user_data) {
    return change_lock(user_data,
                       "UPDATE locks SET until = :until WHERE name = :name AND fence = :fence"
                       " RETURNING fence",
                       name, lease_ms, &fence);
}

void sqlite_store_unlock(const char *name, uint64_t fence, void *user_data) {
    change_lock(user_data,
                "UPDATE locks SET until = 0 WHERE name = :name AND fence = :fence RETURNING fence",
                name, 0, &fence);
}

/* SQLite tells nobody of a change, so there may be one whenever this is asked. */
int32_t sqlite_store_wait(const char *name, uint64_t wait_ms, void *user_data) {
    struct timespec time = {0, 0};
    (void)name, (void)user_data;
    time.tv_nsec = (long)wait_ms * 1000000; /* 20 ms at most */
    nanosleep(&time, NULL);
    return KEYFOB_OK;
}

int main(int argc, char **argv) {
    struct sqlite_store store = {NULL};
    keyfob_config *config = NULL;
    keyfob_client *client = NULL;
    keyfob_error *err = NULL;
    char *token = NULL;
    if (argc != 3) {
        fprintf(stderr, "usage: keyfob-sqlite-store DATABASE PROVIDER; KEYFOB_* are its options\n");
        return 2;
    }
    umask(077); /* what SQLite creates is nobody else's to read; store_key seals it besides */
    store.path = argv[1];
    if (keyfob_config_new(argv[2], &config, &err) == KEYFOB_OK &&
        keyfob_config_load_env(config, "KEYFOB", &err) == KEYFOB_OK &&
        keyfob_config_set_store2(config, sqlite_store_load, sqlite_store_save, sqlite_store_lock,
                                 sqlite_store_prolong, sqlite_store_unlock, sqlite_store_wait,
                                 &store, &err) == KEYFOB_OK &&
        keyfob_client_new(config, &client, &err) == KEYFOB_OK &&
        keyfob_client_token(client, &token, &err) == KEYFOB_OK)
        puts(token);
    else
        fprintf(stderr, "keyfob-sqlite-store: %s\n", keyfob_error_message(err));
    keyfob_string_free(token);
    keyfob_client_free(client);
    keyfob_config_free(config);
    return err == NULL ? 0 : (keyfob_error_free(err), 1);
}
