/* What the programs of misuse.py share: one good handle of each kind, and what must hold after every
 * call, right or wrong. */
#ifndef MISUSE_H
#define MISUSE_H

#include "cloud.h"

/* What stands in an out-argument before a call. */
#define STALE(type) ((type)(intptr_t)0x5a5a5a5a)

#define EXPECT_OK(status, err) check_status(__FILE__, __LINE__, "a good call", status, KEYFOB_OK, err)

/* A failure of this status, whose message has these words. */
#define EXPECT_FAILURE(status, expected, err, words)                                               \
    do {                                                                                           \
        if ((status) == (expected))                                                                \
            check_message(__FILE__, __LINE__, err, words);                                         \
        check_status(__FILE__, __LINE__, "a bad call", status, expected, err);                     \
    } while (0)

#define CHECK_WORLD() check_world(__FILE__, __LINE__)

struct world {
    keyfob_config *config;
    keyfob_client *client;
    keyfob_request *request;
    keyfob_response *response;
    keyfob_client *mqtt_client; /* of a cloud that has a broker */
    keyfob_mqtt *mqtt;
    keyfob_client *login_client; /* of a server that asks people */
    keyfob_login *login, *browser_login;
    char *answer; /* of the browser */
    keyfob_error *error;
    keyfob_record *record;
    char options_file[64];
    char download[80];
    char buffer[4096];
    char *megabyte;
};

extern struct world world;

/* Only in a library built with the feature `panic-probe`: the next call into it panics. */
void keyfob_test_arm_panic(void);

void begin_world(void);
void end_world(void);
void check_message(const char *file, int line, const keyfob_error *err, const char *words);

/* No call consumed or broke a handle. */
void check_world(const char *file, int line);

void ignore_line(int32_t level, const char *line, void *user_data);

/* A body of four bytes, and nobody who wants to know how far one has come. */
int64_t read_a_body(uint8_t *buffer, size_t capacity, void *user_data);
int32_t rewind_a_body(void *user_data);
bool ignore_progress(uint64_t done, int64_t total, void *user_data);

/* A store that keeps nothing. */
int32_t load_nothing(const char *name, keyfob_record *record, void *user_data);
int32_t save_nowhere(const char *name, const uint8_t *data, size_t len, void *user_data);
int32_t take_no_lock(const char *name, void *user_data);
void give_no_lock(const char *name, void *user_data);
int32_t save_nowhere2(const char *name, const uint8_t *data, size_t len, uint64_t fence, void *user_data);
int32_t take_no_lock2(const char *name, uint64_t lease_ms, uint64_t *fence, void *user_data);
int32_t prolong_no_lock(const char *name, uint64_t fence, uint64_t lease_ms, void *user_data);
void give_no_lock2(const char *name, uint64_t fence, void *user_data);
int32_t wait_for_nothing(const char *name, uint64_t wait_ms, void *user_data);

/* Runs a test within the load function of a store, where `world.record` is good. */
#define RUN_WITHIN_A_LOAD(test) run_within_a_load(#test, test)
void run_within_a_load(const char *name, void (*test)(void));

/* Something to be freed. */
keyfob_config *another_keyfob_config(void);
keyfob_client *another_keyfob_client(void);
keyfob_request *another_keyfob_request(void);
keyfob_response *another_keyfob_response(void);
keyfob_mqtt *another_keyfob_mqtt(void);
keyfob_login *another_keyfob_login(void);
keyfob_error *another_keyfob_error(void);
char *another_char(void);

#endif
