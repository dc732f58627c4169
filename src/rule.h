/*
 * rule.h
 *		Rules of a policy: the names, the types and what may stand together.
 */
#ifndef LA_RULE_H
#define LA_RULE_H

#include "postgres.h"

#include "utils/jsonb.h"

/*
 * Refuses (22023, naming "<field>.<rule>") a document that is not an object of
 * known rules with values of the right type and range, or whose rules
 * contradict each other.
 */
extern void la_check_rules(Jsonb *rules, const char *field);

/* The name of the first rule in the order of the published list, or NULL if there is none. */
extern const char *la_first_rule(Jsonb *rules);

#endif							/* LA_RULE_H */
