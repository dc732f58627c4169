/*
 * token.h
 *		Secrets of agents.
 */
#ifndef LA_TOKEN_H
#define LA_TOKEN_H

#include "postgres.h"

#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "principal.h"
#include "query.h"

typedef struct LaToken
{
	pg_uuid_t	id;
	char	   *secret;
	Datum		detail;			/* agent_token_detail */
} LaToken;

/* Issues a token: row, event, record.  expires_at DT_NOEND: never. */
extern void la_issue_token(const LaPrincipal *caller, const pg_uuid_t *agent_id,
						   const char *name, TimestampTz expires_at, bool livemode,
						   LaToken *token);

/* Revokes all tokens of an agent, under its configuration lock. */
extern void la_revoke_tokens(const LaPrincipal *caller, const pg_uuid_t *agent_id);

/* A revocation is in force from its commit on, whenever the caller authenticated: 42501. */
extern void la_require_valid_token(const LaPrincipal *caller, LaView view);

#endif							/* LA_TOKEN_H */
