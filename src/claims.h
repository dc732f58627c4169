/*
 * claims.h
 *		Principals from the claims of a JWT, as PostgREST hands them on.
 */
#ifndef LA_CLAIMS_H
#define LA_CLAIMS_H

#include "postgres.h"

/*
 * Fixes the principal by the claims, where none is fixed yet and the claims
 * count: for functions of ledger_agents_api, and those that its views use.
 * 42501 invalid_claims.
 */
extern void la_use_claims(void);

#endif							/* LA_CLAIMS_H */
