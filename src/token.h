/*
 * token.h
 *		Secrets of agents.
 */
#ifndef LA_TOKEN_H
#define LA_TOKEN_H

#include "postgres.h"

#include "utils/uuid.h"

#include "credential.h"
#include "principal.h"

/* Issues a token with the name and the expiry given: row, event, record. */
extern void la_issue_token(const LaPrincipal *caller, const pg_uuid_t *agent_id, bool livemode,
						   LaIssued *token);

/* Revokes all tokens of an agent, under its configuration lock. */
extern void la_revoke_tokens(const LaPrincipal *caller, const pg_uuid_t *agent_id);

#endif							/* LA_TOKEN_H */
