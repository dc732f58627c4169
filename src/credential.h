/*
 * credential.h
 *		Rows of secrets: what agents' tokens and organizations' keys share.
 */
#ifndef LA_CREDENTIAL_H
#define LA_CREDENTIAL_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "principal.h"
#include "query.h"
#include "secret.h"

/* Where the rows of a kind of secrets are. */
typedef struct LaCredential
{
	const char *what;			/* unknown_token, token_id */
	const char *object_type;	/* in the record */
	const char *live;
	const char *test;
	LaQuery		find;
	LaQuery		get;
	LaQuery		expire;
} LaCredential;

/* A row, as the verbs need it. */
typedef struct LaStored
{
	pg_uuid_t	id;
	pg_uuid_t	agent_id;		/* of a token */
	bool		revoked;
	bool		expired;
	char	   *name;
	TimestampTz expires_at;		/* DT_NOEND: never */
} LaStored;

/* A new one: what is stored of it, and the secret. */
typedef struct LaIssued
{
	pg_uuid_t	id;
	const char *name;			/* NULL: none */
	TimestampTz expires_at;		/* DT_NOEND: never */
	TimestampTz created_at;
	LaSecret	secret;
	Datum		detail;
} LaIssued;

/* Arguments name and expires_at of a new one, at first and behind it. */
extern void la_issue_arguments(FunctionCallInfo fcinfo, int first, LaIssued *issued);

/* Makes the id and the secret; the row is the caller's to insert. */
extern void la_make_credential(const LaCredential *kind, bool livemode, LaIssued *issued);

/* Parameters from id to secret; agent_id NULL: the kind has none. */
extern void la_param_issued(LaParams *params, const LaPrincipal *caller,
							const pg_uuid_t *agent_id, const LaIssued *issued);

/* P0002 unknown_<what>. */
extern void la_find_credential(const LaCredential *kind, const LaPrincipal *caller,
							   const pg_uuid_t *id, LaStored *stored);
extern Datum la_credential_detail(const LaCredential *kind, const LaPrincipal *caller,
								  const pg_uuid_t *id);

/* Argument 1 of a rotation: the instant at which the old one ends. */
extern TimestampTz la_end_of_grace(FunctionCallInfo fcinfo);

/* Lets it expire then, or at its own expiry if that is earlier; 55000 if it is no longer valid. */
extern void la_expire_credential(const LaCredential *kind, const LaPrincipal *caller,
								 const LaStored *stored, TimestampTz ends);

/* Into the record: what it is, and until when it is valid, or since when it is not. */
extern void la_record_issued(const LaCredential *kind, const LaPrincipal *caller,
							 const LaIssued *issued, Jsonb *what);
extern void la_record_revoked(const LaCredential *kind, const LaPrincipal *caller,
							  const pg_uuid_t *id, TimestampTz revoked_at, Jsonb *what);

#endif							/* LA_CREDENTIAL_H */
