/* The simulated clouds, as the tests see them: an account by name, and the control port.
 *
 * tests/suites/c/environment turns what the simulator tells of itself into variables: the options of the
 * login `user` at kii stand in KII_USER_*, and keyfob_config_load_env reads them. */
#ifndef CLOUD_H
#define CLOUD_H

#include "check.h"

/* An environment variable that tests/suites/c/environment must have set. */
const char *setting(const char *name);

/* A config for an account, such as KONTAKT_PASSWORD; never NULL. */
keyfob_config *config_of(const char *account);

/* A client for an account; never NULL. */
keyfob_client *client_of(const char *account);

/* Where the account's cloud has its API; `path` behind it. A buffer of its own for each of 4 calls. */
const char *api_url(const char *account, const char *path);

/* Gives an order at the simulator's control port. */
void tell(const char *path, const char *json);

/* The same, and the text under this member of what it answers; to be freed. */
char *told(const char *path, const char *json, const char *member);

/* How often a call was made at a cloud since the last reset, whatever came of it. */
int calls(const char *cloud, const char *call);

/* How many calls of a cloud came over a TLS session that was resumed. */
int resumed(const char *cloud);

/* How many connections came to the host of a cloud's token calls since the last reset. */
int connections(const char *cloud);

/* Puts everything at the clouds back to how it started. */
void reset(void);

/* Lets time pass at the clouds and for this client. */
void wind(keyfob_client *client, int seconds);

/* Sends a request without a body and gives the status of the answer; 0 after an error, which is
 * left in *status. */
int fetch(const keyfob_client *client, const char *method, const char *url, int32_t *status);

/* Runs a test with everything at the clouds as it started. */
#define AT_A_FRESH_CLOUD(test)                                                                     \
    do {                                                                                           \
        reset();                                                                                   \
        RUN(test);                                                                                 \
    } while (0)

#endif
