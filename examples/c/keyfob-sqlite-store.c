/* keyfob-sqlite-store: keeps tokens in an SQLite database, shared by all processes that name it.
 *
 *     cc -o keyfob-sqlite-store keyfob-sqlite-store.c -lsqlite3 $(pkg-config --cflags --libs keyfob)
 *     KEYFOB_USERNAME=... KEYFOB_PASSWORD_FILE=... ./keyfob-sqlite-store tokens.db simacan
 *
 * The four functions below are the store; a TPM or a secure element takes the same four.
 */
#include <keyfob.h>
#include <sqlite3.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct sqlite_store {
    const char *path;
    const char *lock_path; /* a database of its own, with nothing in it */
    sqlite3 *held;         /* open while this process has the lock */
    sqlite3_mutex *mutex;  /* guards `held`: clients call from any thread */
};

/* Opens the database. Each call opens its own: SQLite's connections must not cross a fork. */
static int open_database(const char *path, sqlite3 **database) {
    int rc = sqlite3_open(path, database);
    if (rc == SQLITE_OK)
        sqlite3_busy_timeout(*database, 1000);
    if (rc == SQLITE_OK) /* EXTRA: a record must survive a power cut once it is saved */
        rc = sqlite3_exec(*database,
                          "PRAGMA synchronous = EXTRA; PRAGMA secure_delete = ON;"
                          "CREATE TABLE IF NOT EXISTS records (name TEXT PRIMARY KEY, data BLOB)",
                          NULL, NULL, NULL);
    return rc;
}

/* Prepares a statement whose first parameter is the record's name. */
static int prepare(sqlite3 *database, const char *sql, const char *name, sqlite3_stmt **statement) {
    int rc = sqlite3_prepare_v2(database, sql, -1, statement, NULL);
    return rc == SQLITE_OK ? sqlite3_bind_text(*statement, 1, name, -1, SQLITE_STATIC) : rc;
}

int32_t sqlite_store_load(const char *name, keyfob_record *record, void *user_data) {
    struct sqlite_store *store = user_data;
    sqlite3 *database = NULL;
    sqlite3_stmt *statement = NULL;
    int32_t status = KEYFOB_STORE;
    int rc = open_database(store->path, &database);
    if (rc == SQLITE_OK)
        rc = prepare(database, "SELECT data FROM records WHERE name = ?", name, &statement);
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

int32_t sqlite_store_save(const char *name, const uint8_t *data, size_t len, void *user_data) {
    struct sqlite_store *store = user_data;
    sqlite3 *database = NULL;
    sqlite3_stmt *statement = NULL;
    int rc = open_database(store->path, &database);
    if (rc == SQLITE_OK)
        rc = prepare(database, "INSERT OR REPLACE INTO records VALUES (?, ?)", name, &statement);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_blob64(statement, 2, data, len, SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(statement); /* one statement is one transaction: wholly or not at all */
    sqlite3_finalize(statement);
    sqlite3_close(database);
    return rc == SQLITE_DONE ? KEYFOB_OK : KEYFOB_STORE;
}

/* A write transaction on the lock's database, which goes when the process does. There is one for all
 * names: a program with many accounts would have one for each. */
int32_t sqlite_store_lock(const char *name, void *user_data) {
    struct sqlite_store *store = user_data;
    int32_t status = KEYFOB_WOULD_BLOCK;
    (void)name;
    sqlite3_mutex_enter(store->mutex);
    if (store->held == NULL) {
        int rc = sqlite3_open(store->lock_path, &store->held);
        if (rc == SQLITE_OK)
            rc = sqlite3_exec(store->held, "BEGIN IMMEDIATE", NULL, NULL, NULL);
        if (rc != SQLITE_OK) {
            sqlite3_close(store->held);
            store->held = NULL;
        }
        status = rc == SQLITE_OK ? KEYFOB_OK : rc == SQLITE_BUSY ? KEYFOB_WOULD_BLOCK : KEYFOB_STORE;
    }
    sqlite3_mutex_leave(store->mutex);
    return status;
}

void sqlite_store_unlock(const char *name, void *user_data) {
    struct sqlite_store *store = user_data;
    (void)name;
    sqlite3_mutex_enter(store->mutex);
    sqlite3_close(store->held); /* rolls back: nothing was written */
    store->held = NULL;
    sqlite3_mutex_leave(store->mutex);
}

int main(int argc, char **argv) {
    struct sqlite_store store = {NULL, NULL, NULL, NULL};
    keyfob_config *config = NULL;
    keyfob_client *client = NULL;
    keyfob_error *err = NULL;
    char *token = NULL;
    char lock_path[4096];
    if (argc != 3 || strlen(argv[1]) + sizeof ".lock" > sizeof lock_path) {
        fprintf(stderr, "usage: keyfob-sqlite-store DATABASE PROVIDER; KEYFOB_* are its options\n");
        return 2;
    }
    umask(077); /* what SQLite creates is nobody else's to read; store_key seals it besides */
    sprintf(lock_path, "%s.lock", argv[1]);
    store.path = argv[1];
    store.lock_path = lock_path;
    store.mutex = sqlite3_mutex_alloc(SQLITE_MUTEX_FAST);
    if (keyfob_config_new(argv[2], &config, &err) == KEYFOB_OK &&
        keyfob_config_load_env(config, "KEYFOB", &err) == KEYFOB_OK &&
        keyfob_config_set_store(config, sqlite_store_load, sqlite_store_save, sqlite_store_lock,
                                sqlite_store_unlock, &store, &err) == KEYFOB_OK &&
        keyfob_client_new(config, &client, &err) == KEYFOB_OK &&
        keyfob_client_token(client, &token, &err) == KEYFOB_OK)
        puts(token);
    else
        fprintf(stderr, "keyfob-sqlite-store: %s\n", keyfob_error_message(err));
    keyfob_string_free(token);
    keyfob_client_free(client);
    keyfob_config_free(config);
    sqlite3_mutex_free(store.mutex);
    return err == NULL ? 0 : (keyfob_error_free(err), 1);
}
