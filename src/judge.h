/*
 * judge.h
 *		The decision: facts and a request in, a verdict with all reasons out.
 *
 * Pure: no SQL, no clock, no globals.  authorize(), evaluate() and the
 * explanations gather the facts in different ways and share this judge, so that
 * they cannot drift apart.
 */
#ifndef LA_JUDGE_H
#define LA_JUDGE_H

#include "postgres.h"

#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "counter.h"
#include "ruleset.h"
#include "window.h"

/* In the order of the type decline_reason, which is the order of the checks. */
typedef enum LaReason
{
	LA_ORGANIZATION_SUSPENDED,
	LA_CUSTOMER_SUSPENDED,
	LA_AGENT_DEREGISTERED,
	LA_AGENT_SUSPENDED,
	LA_CARD_CLOSED,
	LA_CARD_FROZEN,
	LA_CARD_EXPIRED,
	LA_CARD_CONSUMED,
	LA_CARD_REQUIRED,
	LA_CURRENCY_MISMATCH,
	LA_OUTSIDE_ACTIVE_HOURS,
	LA_MCC_BLOCKED,
	LA_MCC_NOT_ALLOWED,
	LA_COUNTRY_BLOCKED,
	LA_COUNTRY_NOT_ALLOWED,
	LA_MERCHANT_BLOCKED,
	LA_MERCHANT_NOT_ALLOWED,
	LA_MERCHANT_LOCKED,
	LA_MERCHANT_DRIFT,
	LA_COOLDOWN_ACTIVE,
	LA_AUTH_COUNT_EXCEEDED,
	LA_ATTESTATION_REQUIRED,
	LA_INTENT_REQUIRED,
	LA_INTENT_NOT_USABLE,
	LA_INTENT_MISMATCH,
	LA_APPROVAL_REQUIRED,
	LA_CARD_LIMIT_EXCEEDED,
	LA_AGENT_LIMIT_EXCEEDED,
	LA_CUSTOMER_LIMIT_EXCEEDED,
	LA_ORGANIZATION_LIMIT_EXCEEDED,
} LaReason;

#define LA_MAX_REASONS (LA_ORGANIZATION_LIMIT_EXCEEDED + 1)

extern const char *la_reason_label(LaReason reason);

/* In the order of the type limit_exceeded_action. */
typedef enum LaAction
{
	LA_ACTION_DECLINE,
	LA_ACTION_SUSPEND,
	LA_ACTION_NOTIFY,
	LA_ACTION_NONE,
} LaAction;

extern LaAction la_action(const char *label);
extern const char *la_action_label(LaAction action);

/* A limit and what stands against it. */
typedef struct LaLimit
{
	LaScope		scope;
	const char *rule;			/* spendingLimit, perAuth ... */
	bool		set;			/* there is a limit */
	int64		limit;
	LaFrequency frequency;
	LaWindowMode mode;			/* never LA_MODE_DEFAULT */
	const char *currency;		/* that it is in; NULL: it counts
								 * authorizations */
	const char *counter_currency;	/* that its scope is counted in */
	LaAction	action;			/* LA_ACTION_DECLINE but for agents'
								 * spendingLimit */
	bool		from_template;
	Datum		stored_frequency;	/* the enums as they are stored; the judge
									 * does not look at them */
	Datum		stored_action;
	int64		spent;			/* what counts in the window */
	LaWindow	window;			/* infinite bounds where there is none */
	int64		total;			/* what counts at all; for the range of sums */
} LaLimit;

/*
 * The first four are the scopes' own spendingLimit, by scope; then come those of
 * rules, five for each level, and a card's maxAmount.
 */
#define LA_MAX_LIMITS (LA_SCOPES + 3 * 5 + 1)

typedef enum LaCardStatus
{
	LA_CARD_IS_ACTIVE, LA_CARD_IS_FROZEN, LA_CARD_IS_CLOSED
} LaCardStatus;

typedef struct LaCardFacts
{
	pg_uuid_t	agent_id;
	LaCardStatus status;
	bool		ended;			/* it has its status because its life was over */
	bool		single;
	TimestampTz created_at;
	bool		has_max_amount;
	int64		max_amount;
	LaLimit		limit;
	LaRules    *rules;
	bool		has_template;
	pg_uuid_t	template_id;
} LaCardFacts;

typedef enum LaIntentState
{
	LA_INTENT_PENDING_APPROVAL, LA_INTENT_PENDING, LA_INTENT_OVER
} LaIntentState;

/* What an agent said it would buy. */
typedef struct LaIntent
{
	pg_uuid_t	id;
	LaIntentState state;
	bool		fits_card;		/* declared for this card, or for none */
	bool		approved;		/* by a human */
	bool		parked;
	bool		card_given;		/* declared for this very card, or, without
								 * one, for none */
	bool		has_amount;
	int64		amount;
	const char *currency;
	const char *merchant;		/* normal, or NULL: any */
	int			nmccs;			/* 0: any */
	const char **mccs;
	bool		has_tolerance;
	int64		tolerance;
	bool		has_percent;
	int32		percent;
	TimestampTz expires_at;
} LaIntent;

typedef struct LaFacts
{
	TimestampTz at;
	const char *zone;			/* the organization's */
	const char *currency;		/* the organization's, of templates, too */
	const char *agent_currency;
	bool		organization_suspended;
	bool		customer_suspended;
	bool		agent_deregistered;
	bool		agent_suspended;
	bool		has_cards;		/* the agent has or ever had one */
	const LaCardFacts *card;	/* NULL: none was named */
	const LaRules *rules[LA_SCOPES];	/* by level; NULL: none */

	/* Memory of the card, or of the agent without a card. */
	int64		use_count;		/* of a card */
	TimestampTz last_approved_at;	/* DT_NOBEGIN: never; so with the next */
	TimestampTz attested_at;
	const char *first_merchant; /* as it was given; NULL: none */

	const LaIntent *named_intent;
	int			nintents;		/* open ones, oldest first */
	const LaIntent *intents;
	int			nlimits;
	LaLimit		limits[LA_MAX_LIMITS];
} LaFacts;

typedef struct LaRequest
{
	pg_uuid_t	agent_id;
	const pg_uuid_t *card_id;	/* NULL: none; so with the next */
	const pg_uuid_t *intent_id;
	int64		amount;
	const char *currency;		/* upper case, never null when judged */
	const char *merchant;
	const char *normal_merchant;	/* NULL also if merchant has no words:
									 * rules take such a name as not given */
	const char *mcc;
	const char *country;
	const char *key;
	const Interval *hold_for;
	Jsonb	   *metadata;
	const pg_uuid_t *increment_of;	/* that it is to add to; NULL: it stands
									 * alone */
	int64		held;			/* of an increment: what its hold has already */
	TimestampTz hold_until;		/* and when that expires, or DT_NOEND */
	bool		recorded;		/* it has happened: nobody is asked */
} LaRequest;

/* In the order of the type attestation_status. */
typedef enum LaAttestation
{
	LA_ATTESTED, LA_STALE, LA_UNATTESTED
} LaAttestation;

extern const char *la_attestation_label(LaAttestation attestation);

typedef struct LaVerdict
{
	bool		approved;
	int			nreasons;
	LaReason	reasons[LA_MAX_REASONS];
	bool		failed[LA_MAX_LIMITS];	/* limits that were exceeded and
										 * decline */
	bool		mismatched[LA_MAX_LIMITS];	/* limits in another currency */
	bool		exceeded;		/* the agent's spendingLimit is exceeded,
								 * whatever its action, and every other check
								 * passed */
	bool		limited;		/* remaining is set */
	int64		remaining;		/* of the tightest limit, after an approval */
	int64		max_approvable; /* 0: none */
	LaAttestation attestation;
	bool		tell_unattested;	/* approved, and the rules speak of
									 * attestations */
	const LaIntent *intent;		/* that an approval uses up */
	bool		intent_matches;
	bool		tell_mismatch;
	bool		parks;			/* declined for approval_required alone, and
								 * no intent waits that the request names */
	bool		drifted;		/* onDrift has something to say */
	bool		freezes_card;
} LaVerdict;

extern void la_judge(const LaFacts *facts, const LaRequest *request, LaVerdict *verdict);

/* What stands against an increment: of limits of single authorizations all of its hold, of counts nothing. */
extern void la_see_increment(LaFacts *facts, const LaRequest *request);

/*
 * Of an increment only kill switches and limits are asked; what its hold has
 * already stands against limits of single authorizations.
 */
extern void la_judge_increment(LaFacts *facts, const LaRequest *request, LaVerdict *verdict);

/*
 * The earliest instant from earliest on at which the rules about time let the
 * request pass, if nothing is spent, released or changed; false: never.  A rule
 * that failed for anything else never lets it pass.
 */
extern bool la_passes_in_time(const LaFacts *facts, const LaRequest *request,
							  const LaVerdict *verdict, TimestampTz earliest, TimestampTz *instant);

/* Whether the rules ask for a human's approval of that amount. */
extern bool la_approval_is_needed(const LaFacts *facts, const char *currency, int64 amount);

/* The level whose setting of a behaviour is in force, or -1. */
extern int	la_effective_level(const LaFacts *facts, LaRuleId id);

/* One check as it was made, for the explanations. */
typedef struct LaFinding
{
	LaReason	reason;
	int			scope;			/* where the rule comes from */
	LaRuleId	rule;			/* LA_RULES: none of a policy */
	const char *name;
	bool		by_rule;		/* a policy sets it there */
	bool		from_template;
	const LaLimit *limit;		/* of checks on limits */
	bool		passed;
} LaFinding;

typedef void (*LaHear) (const LaFinding *finding, void *arg);

/* Every check that is in force, in the order of the reasons, whether it passes or not; kill switches do not end it. */
extern void la_explain(const LaFacts *facts, const LaRequest *request, LaHear hear, void *arg);

#endif							/* LA_JUDGE_H */
