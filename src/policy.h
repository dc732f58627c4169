/*
 * policy.h
 *		Policies: named templates of rules.
 */
#ifndef LA_POLICY_H
#define LA_POLICY_H

#include "postgres.h"

#include "field.h"
#include "principal.h"

/* In the order of LA_Q_POLICY_LOCK and LA_Q_POLICY_WRITE. */
typedef enum LaPolicyField
{
	LA_POLICY_NAME,
	LA_POLICY_RULES,
	LA_POLICY_FIELDS
} LaPolicyField;

extern const LaField la_policy_fields[LA_POLICY_FIELDS];

/* Takes the rules of a document that changes those of old: a given rule replaces, null removes. */
extern void la_give_rules(Datum old, Jsonb *changes, LaValues *given);

/*
 * What the functions of policy.c do, after their arguments were read; the answer
 * is a policy_detail.  rules, where not NULL, changes the stored ones.
 */
extern Datum la_make_policy(const LaPrincipal *caller, const LaValues *given);
extern Datum la_change_policy(const LaPrincipal *caller, const pg_uuid_t *id, LaValues *given,
							  Jsonb *rules);

/* Keeps the policy from being deleted while the transaction is open; false if there is none. */
extern bool la_keep_policy(const LaPrincipal *caller, const pg_uuid_t *id);

#endif							/* LA_POLICY_H */
