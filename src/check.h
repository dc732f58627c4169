/*
 * check.h
 *		The single checks of a decision, in the order of their reasons.
 */
#ifndef LA_CHECK_H
#define LA_CHECK_H

#include "postgres.h"

#include "hours.h"
#include "judge.h"

/* A request as it is being judged; the amount may be another one than it asks for. */
typedef struct LaCase
{
	const LaFacts *facts;
	const LaRequest *request;
	int64		amount;
	const LaIntent *intent;		/* that would be used up, or NULL */
	bool		intent_matches;
} LaCase;

typedef struct LaCheck LaCheck;

struct LaCheck
{
	LaReason	reason;
	const char *name;			/* of the rule, as it is explained */
	LaRuleId	rule;			/* of a policy; LA_RULES: none */
	bool		every_level;	/* each level's own rule counts; else the one
								 * in force */
	LaScope		scope;			/* of what is no rule of a policy */
	bool		(*in_force) (const LaCase *case_);	/* NULL: where the rule is
													 * set */
	bool		(*passes) (const LaCase *case_, const LaRules *level);
};

/* Checks up to LA_MERCHANT_DRIFT and so on; those of limits are the judge's own. */
extern const LaCheck la_checks[];
extern const int la_check_count;

/* The intent that the request, with that amount, would use up. */
extern void la_settle_intent(LaCase *case_);

/* Of two normal names; NULL is the same as none only. */
extern bool la_same_merchant(const char *a, const char *b);

/* The amounts that fit an intent. */
extern void la_intent_range(const LaFacts *facts, const LaIntent *intent, int64 *least, int64 *most);

/* The number that is in force of a behaviour, or otherwise where none is set. */
extern int64 la_effective_number(const LaFacts *facts, LaRuleId id, int64 otherwise);

extern LaAttestation la_attestation(const LaFacts *facts);

/* The merchant that was to be expected, normal; NULL: nothing to compare with. */
extern const char *la_expected_merchant(const LaFacts *facts);

extern bool la_has_drifted(const LaCase *case_);
extern bool la_active_hours(const LaFacts *facts, LaHours *hours);	/* false: no rule */
extern TimestampTz la_card_end(const LaFacts *facts);	/* DT_NOEND: none */
extern TimestampTz la_cooled_down_at(const LaFacts *facts);

#endif							/* LA_CHECK_H */
