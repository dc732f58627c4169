/*
 * principal.h
 *		Who is calling, and in which organization.
 */
#ifndef LA_PRINCIPAL_H
#define LA_PRINCIPAL_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/uuid.h"

#include "compat.h"

#define LA_MAX_ORGANIZATION_ID 64

/* Most bytes of the subject of a JWT's claims. */
#define LA_MAX_SUBJECT 255

typedef enum LaPrincipalKind
{
	LA_OPERATOR,				/* a role of that level; in any organization */
	LA_KEY,						/* an organization's key: all rights in it */
	LA_TOKEN,					/* an agent's token */
	LA_CLAIMS,					/* a JWT's: an agent's, or an organization's */
} LaPrincipalKind;

typedef struct LaPrincipal
{
	LaPrincipalKind kind;
	bool		is_agent;		/* acts as the agent, whatever its kind */
	char		organization_id[LA_MAX_ORGANIZATION_ID * 4 + 1];
	pg_uuid_t	agent_id;		/* where it is an agent */
	pg_uuid_t	secret_id;		/* of the key or the token */
	char		subject[LA_MAX_SUBJECT + 1];	/* of claims */
} LaPrincipal;

/* Given as organization_arg where the function has none; fcinfo may then be NULL. */
#define LA_NO_ARGUMENT (-1)

/*
 * The caller, acting in the organization of argument organization_arg of the
 * call (null: that of the setting).  42501 for a role that is no operator and
 * has not authenticated, and for everybody while tables are maintained.
 */
extern LaPrincipal la_caller(FunctionCallInfo fcinfo, int organization_arg);

/* As la_caller; 42501 for agents, too, and for a key that is no longer valid. */
extern LaPrincipal la_operator(FunctionCallInfo fcinfo, int organization_arg);

/* As la_operator, and auditors, who read every organization. */
extern LaPrincipal la_auditor(FunctionCallInfo fcinfo, int organization_arg);

/* P0002 as for an unknown agent, unless the caller may see this one. */
extern void la_require_own_agent(const LaPrincipal *caller, const pg_uuid_t *agent_id);

/* 42501 for all but operators, of whom only organizations know nothing yet. */
extern void la_require_operator(const LaPrincipal *caller);

/* Whether the role that called from outside may execute a function of that name without arguments. */
extern bool la_outer_role_may(const char *schema, const char *function);

/* Whether there is a principal that was fixed. */
extern bool la_principal_is_set(void);

/* Fixes the principal for the rest of the transaction. */
extern void la_set_principal(const LaPrincipal *principal);

/* "operator", "key:<id>", "agent:<id>" or "claims:<subject>", for the record. */
extern char *la_principal_name(const LaPrincipal *principal);

/* The role that called from outside, by name. */
extern char *la_outer_role(void);

/* P0002 unknown_<what>, the same for another tenant's and for none. */
pg_noreturn extern void la_unknown_field(const char *what, const char *field, const char *id);
pg_noreturn extern void la_unknown(const char *what, const char *id);
pg_noreturn extern void la_unknown_uuid(const char *what, const pg_uuid_t *id);

#endif							/* LA_PRINCIPAL_H */
