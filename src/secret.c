/*
 * secret.c
 *		Secrets: made, hashed and compared; see secret.h.
 */
#include "postgres.h"

#include "common/cryptohash.h"
#include "common/sha2.h"
#include "lib/stringinfo.h"

#include "compat.h"
#include "errors.h"
#include "secret.h"

#define KIND_LENGTH 8			/* at_live_ */
#define SHOWN_BYTES 6
#define SECRET_BYTES 32
#define PREFIX_LENGTH (KIND_LENGTH + 2 * SHOWN_BYTES)
StaticAssertDecl(PREFIX_LENGTH == LA_TOKEN_PREFIX, "messages would show a part of the secret");
#define SECRET_LENGTH (PREFIX_LENGTH + 2 * SECRET_BYTES)

static void put_hex(StringInfo to, int bytes);

void
la_make_secret(const char *kind, LaSecret *secret)
{
	StringInfoData text;

	Assert(strlen(kind) == KIND_LENGTH);
	initStringInfo(&text);
	appendStringInfoString(&text, kind);
	put_hex(&text, SHOWN_BYTES);
	put_hex(&text, SECRET_BYTES);
	(void) la_read_secret(text.data, secret);
}

static void
put_hex(StringInfo to, int bytes)
{
	uint8		random[SECRET_BYTES];

	if (!pg_strong_random(random, bytes))
		ereport(ERROR,
				errcode(ERRCODE_INTERNAL_ERROR),
				errmsg("could not generate random bytes"));
	for (int i = 0; i < bytes; i++)
		appendStringInfo(to, "%02x", random[i]);
}

bool
la_read_secret(const char *text, LaSecret *secret)
{
	if (strlen(text) != SECRET_LENGTH)
		return false;
	secret->text = pstrdup(text);
	secret->prefix = pnstrdup(text, PREFIX_LENGTH);
	secret->hash = la_sha256(text);
	return true;
}

bool
la_same_hash(const bytea *one, const bytea *other)
{
	const uint8 *a = (const uint8 *) VARDATA_ANY(one);
	const uint8 *b = (const uint8 *) VARDATA_ANY(other);
	int			difference = 0;

	if (VARSIZE_ANY_EXHDR(one) != VARSIZE_ANY_EXHDR(other))
		return false;
	for (int i = 0; i < VARSIZE_ANY_EXHDR(one); i++)
		difference |= a[i] ^ b[i];
	return difference == 0;
}

bytea *
la_sha256(const char *text)
{
	bytea	   *hash = palloc(VARHDRSZ + PG_SHA256_DIGEST_LENGTH);
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);

	SET_VARSIZE(hash, VARHDRSZ + PG_SHA256_DIGEST_LENGTH);
	if (pg_cryptohash_init(context) < 0 ||
		pg_cryptohash_update(context, (const uint8 *) text, strlen(text)) < 0 ||
		pg_cryptohash_final(context, (uint8 *) VARDATA(hash), PG_SHA256_DIGEST_LENGTH) < 0)
		ereport(ERROR,
				errcode(ERRCODE_INTERNAL_ERROR),
				errmsg("could not compute a SHA-256 hash"));
	pg_cryptohash_free(context);
	return hash;
}
