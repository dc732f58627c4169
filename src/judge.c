/*
 * judge.c
 *		The decision; see judge.h.
 *
 * The checks run in the order of the type decline_reason.  A kill switch ends
 * them: it is the only reason.  All other checks are made, and every one that
 * fails is a reason.
 */
#include "postgres.h"

#include "amount.h"
#include "check.h"
#include "errors.h"
#include "judge.h"

static void run_checks(const LaCase *c, LaReason first, LaReason last, LaVerdict *verdict);
static void check_currency(const LaCase *c, LaVerdict *verdict);
static void check_limits(const LaCase *c, LaVerdict *verdict);
static void note_consequences(const LaCase *c, LaVerdict *verdict);
static void find_room(const LaCase *c, LaVerdict *verdict);
static bool is_per_request(const LaLimit *limit);
static int64 find_limited_room(const LaCase *c, LaVerdict *verdict);

/* The reason of a failed limit, by its scope. */
static const LaReason limit_reasons[LA_SCOPES] = {
	LA_CARD_LIMIT_EXCEEDED, LA_AGENT_LIMIT_EXCEEDED, LA_CUSTOMER_LIMIT_EXCEEDED,
	LA_ORGANIZATION_LIMIT_EXCEEDED
};

static void
judge_amount(LaCase *c, LaVerdict *verdict)
{
	memset(verdict, 0, sizeof(LaVerdict));
	run_checks(c, LA_ORGANIZATION_SUSPENDED, LA_CARD_REQUIRED, verdict);
	if (verdict->nreasons > 0)
		return;
	la_settle_intent(c);
	check_currency(c, verdict);
	run_checks(c, LA_OUTSIDE_ACTIVE_HOURS, LA_APPROVAL_REQUIRED, verdict);
	check_limits(c, verdict);
	verdict->approved = verdict->nreasons == 0;
}

void
la_judge(const LaFacts *facts, const LaRequest *request, LaVerdict *verdict)
{
	LaCase		c = {.facts = facts, .request = request, .amount = request->amount};

	judge_amount(&c, verdict);
	verdict->attestation = la_attestation(facts);
	if (verdict->nreasons == 0 || verdict->reasons[0] > LA_CARD_REQUIRED)
	{
		note_consequences(&c, verdict);
		find_room(&c, verdict);
	}
}

void
la_see_increment(LaFacts *facts, const LaRequest *request)
{
	for (int i = 0; i < facts->nlimits; i++)
	{
		LaLimit    *limit = &facts->limits[i];

		if (limit->currency == NULL)
			limit->set = false; /* it is no authorization more */
#if LA_MUTANT == 231
		else if (limit->scope == LA_CUSTOMER)
			limit->set = false;
#endif
		else if (is_per_request(limit))
			limit->spent = request->held;
	}
}

/* Its own hold has used the card, and was let pass with it or without. */
static bool
is_asked_of(const LaRequest *request, LaReason reason)
{
	return request->increment_of == NULL || reason <= LA_CARD_EXPIRED;
}

void
la_judge_increment(LaFacts *facts, const LaRequest *request, LaVerdict *verdict)
{
	LaCase		c = {.facts = facts, .request = request, .amount = request->amount};

	la_see_increment(facts, request);
	memset(verdict, 0, sizeof(LaVerdict));
	verdict->attestation = la_attestation(facts);
	run_checks(&c, LA_ORGANIZATION_SUSPENDED, LA_CARD_EXPIRED, verdict);
	if (verdict->nreasons > 0)
		return;
	check_currency(&c, verdict);
	check_limits(&c, verdict);
	verdict->approved = verdict->nreasons == 0;
	find_limited_room(&c, verdict);
}

/* Keeps the reasons in their order, each once. */
static void
fail(LaVerdict *verdict, LaReason reason)
{
	int			place = verdict->nreasons;

#if LA_MUTANT != 235
	while (place > 0 && verdict->reasons[place - 1] > reason)
		place--;
#endif
	if (place > 0 && verdict->reasons[place - 1] == reason)
		return;
	memmove(&verdict->reasons[place + 1], &verdict->reasons[place],
			sizeof(LaReason) * (verdict->nreasons - place));
	verdict->reasons[place] = reason;
	verdict->nreasons++;
}

static bool
is_in_force(const LaCheck *check, const LaCase *c)
{
	return check->in_force != NULL ? check->in_force(c)
		: la_effective_level(c->facts, check->rule) >= 0;
}

static bool
passes_every_level(const LaCheck *check, const LaCase *c)
{
	for (int level = LA_CARD; level <= LA_CUSTOMER; level++)
		if (la_rule_set(c->facts->rules[level], check->rule) &&
			!check->passes(c, c->facts->rules[level]))
			return false;
	return true;
}

/* A kill switch that fails is the last check. */
static void
run_checks(const LaCase *c, LaReason first, LaReason last, LaVerdict *verdict)
{
	for (int i = 0; i < la_check_count; i++)
	{
		const LaCheck *check = &la_checks[i];

		if (check->reason < first || check->reason > last)
			continue;
		if (check->every_level ? passes_every_level(check, c)
			: !is_in_force(check, c) || check->passes(c, NULL))
			continue;
		fail(verdict, check->reason);
		if (check->reason <= LA_CARD_REQUIRED)
			return;
	}
}

/*
 * A limit can only judge its own currency, and what is counted in it: one that
 * applies refuses all others.
 */
static bool
is_mismatched(const LaLimit *limit, const char *currency)
{
	return limit->set && limit->currency != NULL &&
		(strcmp(limit->currency, currency) != 0 ||
		 (limit->frequency != LA_PER_TRANSACTION && strcmp(limit->counter_currency, currency) != 0));
}

static void
check_currency(const LaCase *c, LaVerdict *verdict)
{
	for (int i = 0; i < c->facts->nlimits; i++)
	{
		verdict->mismatched[i] = is_mismatched(&c->facts->limits[i], c->request->currency);
		if (verdict->mismatched[i])
			fail(verdict, LA_CURRENCY_MISMATCH);
	}
}

static bool
lets_pass(const LaLimit *limit)
{
	return limit->action == LA_ACTION_NOTIFY || limit->action == LA_ACTION_NONE;
}

/* An amount exactly equal to what remains passes; one whose sum overflows does not. */
static bool
is_exceeded(const LaLimit *limit, int64 amount)
{
	int64		after;

	if (limit->currency == NULL)
		amount = 1;
#if LA_MUTANT != 203 && LA_MUTANT != 232
	return limit->set &&
		(pg_add_s64_overflow(limit->spent, amount, &after) || after > limit->limit);
#else
	return limit->set &&
		(pg_add_s64_overflow(limit->spent, amount, &after) || after >= limit->limit);
#endif
}

static bool
is_own_limit_of_agent(const LaFacts *facts, int i)
{
	return &facts->limits[i] == &facts->limits[LA_AGENT];
}

static LaReason
reason_of_limit(const LaLimit *limit)
{
	return limit->currency == NULL ? LA_AUTH_COUNT_EXCEEDED : limit_reasons[limit->scope];
}

static void
check_limits(const LaCase *c, LaVerdict *verdict)
{
	bool		others_passed = verdict->nreasons == 0;

	for (int i = 0; i < c->facts->nlimits; i++)
	{
		const LaLimit *limit = &c->facts->limits[i];

		if (verdict->mismatched[i] || !is_exceeded(limit, c->amount))
			continue;
		if (is_own_limit_of_agent(c->facts, i))
			verdict->exceeded = true;
		else
			others_passed = false;
		if (lets_pass(limit))
			continue;
		verdict->failed[i] = true;
		fail(verdict, reason_of_limit(limit));
	}
	verdict->exceeded = verdict->exceeded && others_passed;
}

static bool
fails_for(const LaVerdict *verdict, LaReason reason)
{
	for (int i = 0; i < verdict->nreasons; i++)
		if (verdict->reasons[i] == reason)
			return true;
	return false;
}

/* What follows from the decision beside the money. */
static void
note_consequences(const LaCase *c, LaVerdict *verdict)
{
	const LaFacts *facts = c->facts;

	verdict->drifted = la_has_drifted(c) &&
		(verdict->approved || fails_for(verdict, LA_MERCHANT_DRIFT));
	if (!verdict->approved)
	{
		verdict->parks = verdict->nreasons == 1 &&
			verdict->reasons[0] == LA_APPROVAL_REQUIRED &&
			(facts->named_intent == NULL || facts->named_intent->state == LA_INTENT_PENDING);
		verdict->freezes_card = verdict->drifted && facts->card != NULL &&
			la_effective_number(facts, LA_RULE_ON_DRIFT, LA_DRIFT_ALLOW) == LA_DRIFT_FREEZE;
		return;
	}
	verdict->tell_unattested = verdict->attestation != LA_ATTESTED &&
		(la_effective_level(facts, LA_RULE_REQUIRE_ATTESTATION) >= 0 ||
		 la_effective_level(facts, LA_RULE_ATTESTATION_WINDOW) >= 0);
	verdict->intent = c->intent;
	verdict->intent_matches = c->intent_matches;
	verdict->tell_mismatch = c->intent != NULL && !c->intent_matches &&
		la_effective_number(facts, LA_RULE_ON_INTENT_MISMATCH, LA_MISMATCH_ALERT) == LA_MISMATCH_ALERT;
}

/* Whether checks other than those of limits look at the amount. */
static bool
amount_decides(const LaFacts *facts)
{
	return facts->nintents > 0 || facts->named_intent != NULL ||
		la_effective_number(facts, LA_RULE_REQUIRE_APPROVAL, false) != 0;
}

static bool
passes_with(const LaCase *c, int64 amount)
{
	LaCase		other = {.facts = c->facts, .request = c->request, .amount = amount};
	LaVerdict	verdict;

	judge_amount(&other, &verdict);
	return verdict.approved;
}

static int64
better_of(const LaCase *c, int64 best, int64 candidate, int64 room)
{
	return candidate > best && candidate <= room && passes_with(c, candidate) ? candidate : best;
}

/*
 * The amounts that pass are spans; each ends at what the limits leave, at the
 * bound of an intent, before one begins, or before approval is needed.
 */
static int64
search_room(const LaCase *c, int64 room)
{
	const LaFacts *facts = c->facts;
	int64		best = better_of(c, 0, room, room);

	best = better_of(c, best, la_effective_number(facts, LA_RULE_AUTO_APPROVE_BELOW, 0) - 1, room);
	for (int i = -1; i < facts->nintents; i++)
	{
		const LaIntent *intent = i < 0 ? facts->named_intent : &facts->intents[i];
		int64		least;
		int64		most;

		if (intent == NULL)
			continue;
		la_intent_range(facts, intent, &least, &most);
		best = better_of(c, best, most, room);
		best = better_of(c, best, least - 1, room);
	}
	return best;
}

/* No reason but those of limits on amounts. */
static bool
only_limits_failed(const LaVerdict *verdict)
{
	return verdict->nreasons == 0 || verdict->reasons[0] >= LA_CARD_LIMIT_EXCEEDED;
}

static bool
is_per_request(const LaLimit *limit)
{
	return limit->frequency == LA_PER_TRANSACTION;
}

/* What the limits would let pass at most, 0 where none may; and what an approval leaves. */
static int64
find_limited_room(const LaCase *c, LaVerdict *verdict)
{
	int64		most = PG_INT64_MAX;

	for (int i = 0; i < c->facts->nlimits; i++)
	{
		const LaLimit *limit = &c->facts->limits[i];
		int64		room;

		if (verdict->mismatched[i])
			return 0;
		if (limit->currency == NULL)
			continue;
		if (strcmp(limit->counter_currency, c->request->currency) == 0)
			most = Min(most, PG_INT64_MAX - limit->total);
		if (!limit->set)
			continue;
		room = la_remaining(limit->limit, limit->spent);
		if (!lets_pass(limit))
			most = Min(most, room);
		if (is_per_request(limit) && i >= LA_SCOPES)
			continue;
		room = la_remaining(room, c->amount);
		verdict->remaining = verdict->limited ? Min(verdict->remaining, room) : room;
		verdict->limited = true;
	}
	if (only_limits_failed(verdict))
		verdict->max_approvable = most;
	return most;
}

/* What would have passed at most, and what an approval leaves. */
static void
find_room(const LaCase *c, LaVerdict *verdict)
{
	int64		most = find_limited_room(c, verdict);

	if (most > 0 && amount_decides(c->facts))
		verdict->max_approvable = search_room(c, most);
}

/* Whether time alone may heal what failed, and from when on it has; those of limits the caller knows. */
static bool
heals(const LaFacts *facts, const LaVerdict *verdict, TimestampTz *instant)
{
	for (int i = 0; i < verdict->nreasons; i++)
	{
		LaReason	reason = verdict->reasons[i];

		if (reason == LA_COOLDOWN_ACTIVE)
			*instant = Max(*instant, la_cooled_down_at(facts));
		else if (reason != LA_OUTSIDE_ACTIVE_HOURS && reason != LA_AUTH_COUNT_EXCEEDED &&
				 reason != LA_INTENT_MISMATCH && reason < LA_CARD_LIMIT_EXCEEDED)
			return false;
	}
	return true;
}

/* The checks whose outcome time may also turn to the worse: lives, attestations, intents. */
static bool
passes_later(const LaCase *c, TimestampTz at)
{
	LaFacts		later = *c->facts;
	LaCase		then = {.facts = &later, .request = c->request, .amount = c->amount};
	LaIntent   *open = palloc(sizeof(LaIntent) * (later.nintents + 1));
	LaVerdict	verdict = {0};

	later.at = at;
	later.nintents = 0;
	later.intents = open + 1;
	for (int i = 0; i < c->facts->nintents; i++)
		if (c->facts->intents[i].expires_at > at)
			open[++later.nintents] = c->facts->intents[i];
	if (later.named_intent != NULL && later.named_intent->expires_at <= at)
	{
		open[0] = *later.named_intent;
		open[0].state = LA_INTENT_OVER;
		later.named_intent = &open[0];
	}
	la_settle_intent(&then);
	run_checks(&then, LA_CARD_EXPIRED, LA_CARD_EXPIRED, &verdict);
	if (c->request->increment_of == NULL)
		run_checks(&then, LA_ATTESTATION_REQUIRED, LA_APPROVAL_REQUIRED, &verdict);
	pfree(open);
	return verdict.nreasons == 0;
}

/* The first instant behind that one at which an open intent, that stands in the way, expires. */
static TimestampTz
next_expiry(const LaFacts *facts, TimestampTz at)
{
	TimestampTz next = DT_NOEND;

	for (int i = 0; i < facts->nintents; i++)
		if (facts->intents[i].expires_at > at)
			next = Min(next, facts->intents[i].expires_at);
	return next;
}

bool
la_passes_in_time(const LaFacts *facts, const LaRequest *request, const LaVerdict *verdict,
				  TimestampTz earliest, TimestampTz *instant)
{
	LaCase		c = {.facts = facts, .request = request, .amount = request->amount};
	LaHours		hours;
	bool		has_hours = request->increment_of == NULL && la_active_hours(facts, &hours);

	*instant = Max(earliest, facts->at);
	if (!heals(facts, verdict, instant))
		return false;
	for (; *instant != DT_NOEND; *instant = next_expiry(facts, *instant))
	{
		if (has_hours)
			*instant = la_next_active(&hours, *instant);
		if (passes_later(&c, *instant))
			return true;
	}
	return false;
}

/* What it may say to the request. */
static LaReason
reason_against(const LaCase *c, const LaLimit *limit)
{
	return is_mismatched(limit, c->request->currency) ? LA_CURRENCY_MISMATCH : reason_of_limit(limit);
}

static void
explain_limit(const LaCase *c, const LaLimit *limit, LaHear hear, void *arg)
{
	LaFinding	finding = {
		.reason = reason_against(c, limit),
		.scope = limit->scope, .rule = LA_RULES, .name = limit->rule,
		.from_template = limit->from_template, .limit = limit,
	};

	finding.passed = finding.reason != LA_CURRENCY_MISMATCH &&
		(lets_pass(limit) || !is_exceeded(limit, c->amount));
	hear(&finding, arg);
}

static void
explain_limits(const LaCase *c, LaReason reason, LaHear hear, void *arg)
{
	for (int scope = LA_CARD; scope <= LA_ORGANIZATION; scope++)
		for (int i = 0; i < c->facts->nlimits; i++)
		{
			const LaLimit *limit = &c->facts->limits[i];

			if (limit->set && limit->scope == scope && reason_against(c, limit) == reason)
				explain_limit(c, limit, hear, arg);
		}
}

/* Of rules that are read together the one that puts the check in force. */
static LaRuleId
deciding_rule(const LaFacts *facts, LaRuleId id)
{
	if (id == LA_RULES || la_effective_level(facts, id) >= 0)
		return id;
	if (id == LA_RULE_TTL_MINUTES)
		return LA_RULE_TTL_DAYS;
	return id == LA_RULE_HOURS_START ? LA_RULE_DAYS : id;
}

/* A check as it is made once, or at that level. */
static void
explain_check(const LaCase *c, const LaCheck *check, int level, LaHear hear, void *arg)
{
	const LaFacts *facts = c->facts;
	LaRuleId	id = deciding_rule(facts, check->rule);
	LaFinding	finding = {.reason = check->reason, .rule = check->rule, .name = check->name};

	finding.by_rule = id != LA_RULES && level >= 0;
	finding.scope = level >= 0 ? level : check->scope;
	finding.from_template = finding.by_rule && facts->rules[level]->settings[id].from_template;
	finding.passed = check->passes(c, level >= 0 ? facts->rules[level] : NULL);
	hear(&finding, arg);
}

static void
explain_checks(const LaCase *c, LaReason reason, LaHear hear, void *arg)
{
	const LaFacts *facts = c->facts;

	for (int i = 0; i < la_check_count; i++)
	{
		const LaCheck *check = &la_checks[i];
		LaRuleId	id = deciding_rule(facts, check->rule);

		if (check->reason != reason)
			continue;
		if (!check->every_level && is_in_force(check, c))
			explain_check(c, check, id == LA_RULES ? -1 : la_effective_level(facts, id), hear, arg);
		for (int level = LA_CUSTOMER; level >= LA_CARD && check->every_level; level--)
			if (la_rule_set(facts->rules[level], check->rule))
				explain_check(c, check, level, hear, arg);
	}
}

void
la_explain(const LaFacts *facts, const LaRequest *request, LaHear hear, void *arg)
{
	LaCase		c = {.facts = facts, .request = request, .amount = request->amount};

	la_settle_intent(&c);
	for (int reason = 0; reason < LA_MAX_REASONS; reason++)
	{
		if (is_asked_of(request, reason))
			explain_checks(&c, reason, hear, arg);
		explain_limits(&c, reason, hear, arg);
	}
}

const char *
la_reason_label(LaReason reason)
{
	static const char *const labels[LA_MAX_REASONS] = {
		"organization_suspended", "customer_suspended", "agent_deregistered", "agent_suspended",
		"card_closed", "card_frozen", "card_expired", "card_consumed", "card_required",
		"currency_mismatch", "outside_active_hours", "mcc_blocked", "mcc_not_allowed",
		"country_blocked", "country_not_allowed", "merchant_blocked", "merchant_not_allowed",
		"merchant_locked", "merchant_drift", "cooldown_active", "auth_count_exceeded",
		"attestation_required", "intent_required", "intent_not_usable", "intent_mismatch",
		"approval_required", "card_limit_exceeded", "agent_limit_exceeded",
		"customer_limit_exceeded", "organization_limit_exceeded"
	};

	return labels[reason];
}

const char *
la_attestation_label(LaAttestation attestation)
{
	static const char *const labels[] = {"attested", "stale", "unattested"};

	return labels[attestation];
}

static const char *const action_labels[] = {"decline", "suspend", "notify", "none"};

LaAction
la_action(const char *label)
{
	return (LaAction) la_label_number(label, action_labels, lengthof(action_labels));
}

const char *
la_action_label(LaAction action)
{
	return action_labels[action];
}
