/*
 * secret.h
 *		Secrets: made, hashed and compared.  No tables here; those are in
 *		credential.c.
 *
 * A secret is a kind of eight characters ("at_live_"), 12 hexadecimal digits
 * that may be shown, and 64 that are the secret: 256 bits from the server's
 * strong random source.  Stored are what may be shown and the SHA-256 of the
 * whole.
 */
#ifndef LA_SECRET_H
#define LA_SECRET_H

#include "postgres.h"

/* Beginnings of secrets: of agents' tokens and of organizations' keys, by livemode. */
#define LA_TOKEN_LIVE "at_live_"
#define LA_TOKEN_TEST "at_test_"
#define LA_KEY_LIVE "lk_live_"
#define LA_KEY_TEST "lk_test_"

typedef struct LaSecret
{
	char	   *text;			/* to be shown once */
	char	   *prefix;			/* what may be shown */
	bytea	   *hash;			/* what is stored */
} LaSecret;

extern void la_make_secret(const char *kind, LaSecret *secret);

/* Takes a text apart; false if it has not the length of a secret. */
extern bool la_read_secret(const char *text, LaSecret *secret);

/* Of two hashes, in constant time. */
extern bool la_same_hash(const bytea *one, const bytea *other);

extern bytea *la_sha256(const char *text);

#endif							/* LA_SECRET_H */
