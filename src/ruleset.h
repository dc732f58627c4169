/*
 * ruleset.h
 *		The rules of one level, ready to be judged.
 *
 * One block of memory without pointers, so that it can be remembered and copied
 * as a whole.
 */
#ifndef LA_RULESET_H
#define LA_RULESET_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "document.h"
#include "rule.h"

typedef struct LaRuleSetting
{
	bool		set;
	bool		from_template;
	int64		number;			/* a number; 0 or 1; the place of a word; a
								 * fraction in millionths; days as bits,
								 * Sunday the lowest */
	int			count;			/* texts: entries of a list, or 1 */
	int			first;			/* where they begin in LaRules.texts */
} LaRuleSetting;

typedef struct LaRules
{
	Size		size;			/* of the whole block */
	LaRuleSetting settings[LA_RULES];
	char		texts[FLEXIBLE_ARRAY_MEMBER];	/* each ends with 0; merchants
												 * are normal */
} LaRules;

/* A fraction of 1. */
#define LA_MILLION 1000000

/* Words of onDrift, onIntentMismatch and onExpiry, by their place. */
enum
{
	LA_DRIFT_ALLOW, LA_DRIFT_ALERT, LA_DRIFT_DECLINE, LA_DRIFT_FREEZE
};
enum
{
	LA_EXPIRY_FREEZE, LA_EXPIRY_CLOSE
};
enum
{
	LA_MISMATCH_ALLOW, LA_MISMATCH_ALERT, LA_MISMATCH_DECLINE
};

/*
 * The rules of one level, those of the inline document before those of the
 * template; both may be NULL.  NULL if there is no rule.  They have passed
 * la_check_rules().
 */
extern LaRules *la_parse_rules(Jsonb *inline_rules, Jsonb *template);

/* A copy in the current memory context; NULL: NULL. */
extern LaRules *la_copy_rules(const LaRules *rules);

/* Puts a rule that is set into an object that is open; lists and merchants as they are compared. */
extern void la_put_rule(LaDocument *document, const char *key, const LaRules *rules, LaRuleId id);

/* Whether there is a rule that needs a counter of its scope. */
extern bool la_rules_count(const LaRules *rules);

/* The first of the rule's texts; the next begins behind its end. */
static inline const char *
la_rule_texts(const LaRules *rules, LaRuleId id)
{
	return rules->texts + rules->settings[id].first;
}

/* Whether a rule is set; no rules: it is not. */
static inline bool
la_rule_set(const LaRules *rules, LaRuleId id)
{
	return rules != NULL && rules->settings[id].set;
}

#endif							/* LA_RULESET_H */
