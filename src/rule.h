/*
 * rule.h
 *		Rules of a policy: the names, the types and what may stand together.
 */
#ifndef LA_RULE_H
#define LA_RULE_H

#include "postgres.h"

#include "utils/jsonb.h"

/* The rules in the published order. */
typedef enum LaRuleId
{
	LA_RULE_REQUIRE_INTENT, LA_RULE_REQUIRE_ATTESTATION, LA_RULE_REQUIRE_APPROVAL,
	LA_RULE_AUTO_APPROVE_BELOW, LA_RULE_REQUIRE_CARD, LA_RULE_ATTESTATION_WINDOW,
	LA_RULE_COOLDOWN, LA_RULE_TTL_MINUTES, LA_RULE_TTL_DAYS, LA_RULE_ON_EXPIRY,
	LA_RULE_LIMITS,				/* the object that holds the next three */
	LA_RULE_PER_AUTH, LA_RULE_PER_DAY, LA_RULE_PER_MONTH, LA_RULE_CUMULATIVE_MAX,
	LA_RULE_MAX_AUTH_COUNT, LA_RULE_ALLOWED_MCCS, LA_RULE_BLOCKED_MCCS,
	LA_RULE_ALLOWED_MERCHANTS, LA_RULE_BLOCKED_MERCHANTS, LA_RULE_ALLOWED_COUNTRIES,
	LA_RULE_BLOCKED_COUNTRIES, LA_RULE_LOCK_TO_FIRST, LA_RULE_MERCHANT_HINT, LA_RULE_ON_DRIFT,
	LA_RULE_INTENT_TOLERANCE, LA_RULE_ON_INTENT_MISMATCH, LA_RULE_HOURS_START,
	LA_RULE_HOURS_END, LA_RULE_TIMEZONE, LA_RULE_DAYS, LA_RULES
} LaRuleId;

/* Its name, without that of the object that holds it. */
extern const char *la_rule_name(LaRuleId id);

/* Its value in a document, or NULL if it is absent. */
extern JsonbValue *la_rule_value(Jsonb *rules, LaRuleId id);

/* Which of the rule's words it is, from 0 on. */
extern int	la_rule_word(LaRuleId id, const JsonbValue *value);
extern const char *la_rule_word_label(LaRuleId id, int place);

/*
 * Refuses (22023, naming "<field>.<rule>") a document that is not an object of
 * known rules with values of the right type and range, or whose rules
 * contradict each other.
 */
extern void la_check_rules(Jsonb *rules, const char *field);	/* "": no path before
																 * the rules */

/* Whether a rule, and not one inside of another, has this name. */
extern bool la_is_rule(const char *name);

#endif							/* LA_RULE_H */
