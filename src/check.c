/*
 * check.c
 *		The single checks of a decision; see check.h.
 *
 * Behaviours are taken from the lowest level that sets them, card before agent
 * before customer.  Lists count at every level.  A rule about a fact that the
 * request does not give fails.
 */
#include "postgres.h"

#include "common/int.h"

#include "check.h"
#include "merchant.h"

int
la_effective_level(const LaFacts *facts, LaRuleId id)
{
	for (int level = LA_CARD; level <= LA_CUSTOMER; level++)
		if (la_rule_set(facts->rules[level], id))
			return level;
	return -1;
}

int64
la_effective_number(const LaFacts *facts, LaRuleId id, int64 otherwise)
{
	int			level = la_effective_level(facts, id);

	return level < 0 ? otherwise : facts->rules[level]->settings[id].number;
}

static const char *
effective_text(const LaFacts *facts, LaRuleId id, const char *otherwise)
{
	int			level = la_effective_level(facts, id);

	return level < 0 ? otherwise : la_rule_texts(facts->rules[level], id);
}

/* Kill switches. */

static bool
always(const LaCase *c)
{
	return true;
}

static bool
has_card(const LaCase *c)
{
	return c->facts->card != NULL;
}

static bool
organization_is_active(const LaCase *c, const LaRules *level)
{
	return !c->facts->organization_suspended;
}

static bool
customer_is_active(const LaCase *c, const LaRules *level)
{
	return !c->facts->customer_suspended;
}

static bool
agent_is_registered(const LaCase *c, const LaRules *level)
{
	return !c->facts->agent_deregistered;
}

static bool
agent_is_active(const LaCase *c, const LaRules *level)
{
	return !c->facts->agent_suspended;
}

/* A card that was swept because its life was over is expired, as it was before it was swept. */
static bool
card_is_open(const LaCase *c, const LaRules *level)
{
	return c->facts->card->status != LA_CARD_IS_CLOSED || c->facts->card->ended;
}

static bool
card_is_not_frozen(const LaCase *c, const LaRules *level)
{
	return c->facts->card->status != LA_CARD_IS_FROZEN || c->facts->card->ended;
}

TimestampTz
la_card_end(const LaFacts *facts)
{
	int64		minutes = la_effective_number(facts, LA_RULE_TTL_MINUTES, 0);
	int64		days = la_effective_number(facts, LA_RULE_TTL_DAYS, 0);
	TimestampTz end = DT_NOEND;

	if (facts->card == NULL)
		return DT_NOEND;
	if (minutes > 0)
		end = facts->card->created_at + minutes * USECS_PER_MINUTE;
	if (days > 0)
		end = Min(end, facts->card->created_at + days * USECS_PER_DAY);
	return end;
}

static bool
card_has_ttl(const LaCase *c)
{
	return la_card_end(c->facts) != DT_NOEND || (has_card(c) && c->facts->card->ended);
}

static bool
card_is_not_over(const LaCase *c, const LaRules *level)
{
	return !c->facts->card->ended && c->facts->at < la_card_end(c->facts);
}

static bool
card_is_single(const LaCase *c)
{
	return has_card(c) && c->facts->card->single;
}

static bool
card_is_unused(const LaCase *c, const LaRules *level)
{
	return c->facts->use_count == 0;
}

/* Leaving the card out is no way round its rules. */
static bool
card_may_be_missing(const LaCase *c)
{
	return c->facts->has_cards || la_effective_level(c->facts, LA_RULE_REQUIRE_CARD) >= 0;
}

static bool
card_is_given(const LaCase *c, const LaRules *level)
{
	return has_card(c) ||
		la_effective_number(c->facts, LA_RULE_REQUIRE_CARD, c->facts->has_cards) == 0;
}

/* Time and place. */

bool
la_active_hours(const LaFacts *facts, LaHours *hours)
{
	hours->start = la_effective_number(facts, LA_RULE_HOURS_START, -1);
	hours->end = la_effective_number(facts, LA_RULE_HOURS_END, -1);
	hours->days = la_effective_number(facts, LA_RULE_DAYS, 0);
	hours->zone = effective_text(facts, LA_RULE_TIMEZONE, facts->zone);
	return hours->start >= 0 || hours->days != 0;
}

static bool
has_active_hours(const LaCase *c)
{
	LaHours		hours;

	return la_active_hours(c->facts, &hours);
}

static bool
is_active(const LaCase *c, const LaRules *level)
{
	LaHours		hours;

	(void) la_active_hours(c->facts, &hours);
	return la_is_active(&hours, c->facts->at);
}

static bool
is_listed(const LaRules *level, LaRuleId id, const char *value)
{
	const char *entry = la_rule_texts(level, id);

	for (int i = 0; i < level->settings[id].count; i++, entry += strlen(entry) + 1)
		if (strcmp(entry, value) == 0)
			return true;
	return false;
}

static bool
is_allowed(const LaRules *level, LaRuleId id, const char *value)
{
	return value != NULL && is_listed(level, id, value);
}

/* Nothing is blocked by an empty list, not even what was not given. */
static bool
is_not_blocked(const LaRules *level, LaRuleId id, const char *value)
{
	return level->settings[id].count == 0 || (value != NULL && !is_listed(level, id, value));
}

static bool
mcc_is_not_blocked(const LaCase *c, const LaRules *level)
{
	return is_not_blocked(level, LA_RULE_BLOCKED_MCCS, c->request->mcc);
}

static bool
mcc_is_allowed(const LaCase *c, const LaRules *level)
{
	return is_allowed(level, LA_RULE_ALLOWED_MCCS, c->request->mcc);
}

static bool
country_is_not_blocked(const LaCase *c, const LaRules *level)
{
	return is_not_blocked(level, LA_RULE_BLOCKED_COUNTRIES, c->request->country);
}

static bool
country_is_allowed(const LaCase *c, const LaRules *level)
{
	return is_allowed(level, LA_RULE_ALLOWED_COUNTRIES, c->request->country);
}

/* Merchants. */

static bool
is_listed_merchant(const LaRules *level, LaRuleId id, const char *merchant,
				   bool (*is_same) (const char *merchant, const char *entry))
{
	const char *entry = la_rule_texts(level, id);

	for (int i = 0; i < level->settings[id].count; i++, entry += strlen(entry) + 1)
		if (is_same(merchant, entry))
			return true;
	return false;
}

static bool
merchant_is_not_blocked(const LaCase *c, const LaRules *level)
{
	const char *merchant = c->request->normal_merchant;

	return level->settings[LA_RULE_BLOCKED_MERCHANTS].count == 0 ||
		(merchant != NULL &&
		 !is_listed_merchant(level, LA_RULE_BLOCKED_MERCHANTS, merchant, la_merchant_overlaps));
}

static bool
merchant_is_allowed(const LaCase *c, const LaRules *level)
{
	const char *merchant = c->request->normal_merchant;

	return merchant != NULL &&
		is_listed_merchant(level, LA_RULE_ALLOWED_MERCHANTS, merchant, la_merchant_begins);
}

static bool
locks_merchant(const LaCase *c)
{
	return la_effective_number(c->facts, LA_RULE_LOCK_TO_FIRST, false) != 0;
}

static bool
merchant_is_the_first(const LaCase *c, const LaRules *level)
{
	const char *merchant = c->request->normal_merchant;
	const char *first = c->facts->first_merchant;

	return merchant != NULL &&
		(first == NULL || la_merchant_begins(merchant, la_normal_merchant(first)));
}

const char *
la_expected_merchant(const LaFacts *facts)
{
	const char *hint = effective_text(facts, LA_RULE_MERCHANT_HINT, NULL);

	if (hint != NULL)
		return hint;
	return facts->first_merchant == NULL ? NULL : la_normal_merchant(facts->first_merchant);
}

bool
la_has_drifted(const LaCase *c)
{
	const char *merchant = c->request->normal_merchant;
	const char *expected;

	if (la_effective_number(c->facts, LA_RULE_ON_DRIFT, LA_DRIFT_ALLOW) == LA_DRIFT_ALLOW)
		return false;
	expected = la_expected_merchant(c->facts);
	return expected != NULL && (merchant == NULL || !la_merchant_overlaps(merchant, expected));
}

static bool
watches_drift(const LaCase *c)
{
	return la_effective_number(c->facts, LA_RULE_ON_DRIFT, LA_DRIFT_ALLOW) >= LA_DRIFT_DECLINE;
}

static bool
merchant_has_not_drifted(const LaCase *c, const LaRules *level)
{
	return !la_has_drifted(c);
}

/* Memory. */

TimestampTz
la_cooled_down_at(const LaFacts *facts)
{
	if (facts->last_approved_at == DT_NOBEGIN)
		return DT_NOBEGIN;
	return facts->last_approved_at +
		la_effective_number(facts, LA_RULE_COOLDOWN, 0) * USECS_PER_MINUTE;
}

static bool
has_cooled_down(const LaCase *c, const LaRules *level)
{
	return la_cooled_down_at(c->facts) <= c->facts->at;
}

/* As the API has it. */
#define DEFAULT_ATTESTATION_MINUTES 10

LaAttestation
la_attestation(const LaFacts *facts)
{
	int64		minutes = la_effective_number(facts, LA_RULE_ATTESTATION_WINDOW,
											  DEFAULT_ATTESTATION_MINUTES);

	if (facts->attested_at == DT_NOBEGIN)
		return LA_UNATTESTED;
	return facts->attested_at >= facts->at - minutes * USECS_PER_MINUTE ? LA_ATTESTED : LA_STALE;
}

static bool
requires_attestation(const LaCase *c)
{
	return la_effective_number(c->facts, LA_RULE_REQUIRE_ATTESTATION, false) != 0;
}

static bool
is_attested(const LaCase *c, const LaRules *level)
{
	return la_attestation(c->facts) == LA_ATTESTED;
}

/* Intents and approvals. */

/* The currency that an amount of that level's rules is in. */
static const char *
currency_of(const LaFacts *facts, int level, LaRuleId id)
{
	return level == LA_CUSTOMER || facts->rules[level]->settings[id].from_template
		? facts->currency : facts->agent_currency;
}

bool
la_approval_is_needed(const LaFacts *facts, const char *currency, int64 amount)
{
	int			level = la_effective_level(facts, LA_RULE_AUTO_APPROVE_BELOW);

	if (la_effective_number(facts, LA_RULE_REQUIRE_APPROVAL, false) == 0)
		return false;
	return level < 0 || strcmp(currency_of(facts, level, LA_RULE_AUTO_APPROVE_BELOW), currency) != 0 ||
		amount >= facts->rules[level]->settings[LA_RULE_AUTO_APPROVE_BELOW].number;
}

static bool
requires_intent(const LaCase *c)
{
	return la_effective_number(c->facts, LA_RULE_REQUIRE_INTENT, false) != 0;
}

static bool
requires_approval(const LaCase *c)
{
	return la_approval_is_needed(c->facts, c->request->currency, c->amount);
}

/* How far an amount may be off where neither the intent nor a rule says so: a tenth. */
#define DEFAULT_TOLERANCE (LA_MILLION / 10)

/* A part of an amount in millionths, rounded down, without overflow. */
static int64
part_of(int64 amount, int64 millionths)
{
	return amount / LA_MILLION * millionths + amount % LA_MILLION * millionths / LA_MILLION;
}

void
la_intent_range(const LaFacts *facts, const LaIntent *intent, int64 *least, int64 *most)
{
	int64		tolerance;

	*least = 1;
	*most = PG_INT64_MAX;
	if (!intent->has_amount)
		return;
	if (intent->has_tolerance)
		tolerance = intent->tolerance;
	else if (intent->has_percent)
		tolerance = part_of(intent->amount, (int64) intent->percent * (LA_MILLION / 100));
	else
		tolerance = part_of(intent->amount,
							la_effective_number(facts, LA_RULE_INTENT_TOLERANCE, DEFAULT_TOLERANCE));
	*least = intent->amount > tolerance ? intent->amount - tolerance : 1;
	if (pg_add_s64_overflow(intent->amount, tolerance, most))
		*most = PG_INT64_MAX;
}

bool
la_same_merchant(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* What a human approved of a request that was parked is that request, and no other. */
static bool
parked_for_another(const LaRequest *request, const LaIntent *intent)
{
	return intent->parked &&
		!(intent->card_given && la_same_merchant(request->normal_merchant, intent->merchant));
}

static bool
intent_fits(const LaCase *c, const LaIntent *intent)
{
	const LaRequest *request = c->request;
	int64		least;
	int64		most;
	bool		mcc_fits = intent->nmccs == 0;

	la_intent_range(c->facts, intent, &least, &most);
	for (int i = 0; i < intent->nmccs; i++)
		mcc_fits = mcc_fits || (request->mcc != NULL && strcmp(request->mcc, intent->mccs[i]) == 0);
	return intent->fits_card && !parked_for_another(request, intent) && mcc_fits && c->amount >= least && c->amount <= most &&
		strcmp(intent->currency, request->currency) == 0 &&
		(intent->merchant == NULL ||
		 (request->normal_merchant != NULL &&
		  la_merchant_overlaps(request->normal_merchant, intent->merchant)));
}

/* Of several that match the oldest that is enough, else the oldest; else the oldest that could have. */
void
la_settle_intent(LaCase *c)
{
	const LaIntent *enough = NULL;
	const LaIntent *matching = NULL;
	const LaIntent *oldest = NULL;
	bool		needs_approval = requires_approval(c);

	c->intent = c->facts->named_intent;
	if (c->intent != NULL)
	{
		c->intent_matches = c->intent->state == LA_INTENT_PENDING && intent_fits(c, c->intent);
		return;
	}
	for (int i = c->facts->nintents - 1; i >= 0; i--)
	{
		const LaIntent *intent = &c->facts->intents[i];

		if (intent->state != LA_INTENT_PENDING || !intent->fits_card)
			continue;
		oldest = intent;
		if (!intent_fits(c, intent))
			continue;
		matching = intent;
		if (intent->approved || !needs_approval)
			enough = intent;
	}
	c->intent_matches = matching != NULL;
	c->intent = enough != NULL ? enough : matching != NULL ? matching : oldest;
}

static bool
has_intent(const LaCase *c, const LaRules *level)
{
	return c->intent != NULL;
}

static bool
names_intent(const LaCase *c)
{
	return c->facts->named_intent != NULL;
}

static bool
intent_is_usable(const LaCase *c, const LaRules *level)
{
	return c->facts->named_intent->state != LA_INTENT_OVER;
}

static bool
intent_is_open(const LaCase *c)
{
	return c->intent != NULL && c->intent->state == LA_INTENT_PENDING;
}

/* One that does not match is never what the rules ask for. */
static bool
mismatch_is_allowed(const LaCase *c, const LaRules *level)
{
	return c->intent_matches ||
		(la_effective_number(c->facts, LA_RULE_ON_INTENT_MISMATCH, LA_MISMATCH_ALERT) != LA_MISMATCH_DECLINE &&
		 !requires_intent(c) && !requires_approval(c));
}

static bool
waits_for_approval(const LaCase *c)
{
	return names_intent(c) && c->intent->state == LA_INTENT_PENDING_APPROVAL;
}

static bool
asks_for_approval(const LaCase *c)
{
	return waits_for_approval(c) || requires_approval(c);
}

static bool
is_approved(const LaCase *c, const LaRules *level)
{
	return !waits_for_approval(c) &&
		(!requires_approval(c) || (c->intent_matches && c->intent->approved));
}

const LaCheck la_checks[] = {
	{LA_ORGANIZATION_SUSPENDED, "status", LA_RULES, false, LA_ORGANIZATION, always, organization_is_active},
	{LA_CUSTOMER_SUSPENDED, "status", LA_RULES, false, LA_CUSTOMER, always, customer_is_active},
	{LA_AGENT_DEREGISTERED, "registered", LA_RULES, false, LA_AGENT, always, agent_is_registered},
	{LA_AGENT_SUSPENDED, "status", LA_RULES, false, LA_AGENT, always, agent_is_active},
	{LA_CARD_CLOSED, "open", LA_RULES, false, LA_CARD, has_card, card_is_open},
	{LA_CARD_FROZEN, "status", LA_RULES, false, LA_CARD, has_card, card_is_not_frozen},
	{LA_CARD_EXPIRED, "ttl", LA_RULE_TTL_MINUTES, false, LA_CARD, card_has_ttl, card_is_not_over},
	{LA_CARD_CONSUMED, "type", LA_RULES, false, LA_CARD, card_is_single, card_is_unused},
	{LA_CARD_REQUIRED, "requireCard", LA_RULE_REQUIRE_CARD, false, LA_AGENT, card_may_be_missing, card_is_given},
	{LA_OUTSIDE_ACTIVE_HOURS, "activeHours", LA_RULE_HOURS_START, false, LA_AGENT, has_active_hours, is_active},
	{LA_MCC_BLOCKED, "blockedMccs", LA_RULE_BLOCKED_MCCS, true, 0, NULL, mcc_is_not_blocked},
	{LA_MCC_NOT_ALLOWED, "allowedMccs", LA_RULE_ALLOWED_MCCS, true, 0, NULL, mcc_is_allowed},
	{LA_COUNTRY_BLOCKED, "blockedCountries", LA_RULE_BLOCKED_COUNTRIES, true, 0, NULL, country_is_not_blocked},
	{LA_COUNTRY_NOT_ALLOWED, "allowedCountries", LA_RULE_ALLOWED_COUNTRIES, true, 0, NULL, country_is_allowed},
	{LA_MERCHANT_BLOCKED, "blockedMerchants", LA_RULE_BLOCKED_MERCHANTS, true, 0, NULL, merchant_is_not_blocked},
	{LA_MERCHANT_NOT_ALLOWED, "allowedMerchants", LA_RULE_ALLOWED_MERCHANTS, true, 0, NULL, merchant_is_allowed},
	{LA_MERCHANT_LOCKED, "lockToFirstMerchant", LA_RULE_LOCK_TO_FIRST, false, 0, locks_merchant, merchant_is_the_first},
	{LA_MERCHANT_DRIFT, "onDrift", LA_RULE_ON_DRIFT, false, 0, watches_drift, merchant_has_not_drifted},
	{LA_COOLDOWN_ACTIVE, "cooldownMinutes", LA_RULE_COOLDOWN, false, 0, NULL, has_cooled_down},
	{LA_ATTESTATION_REQUIRED, "requireAttestation", LA_RULE_REQUIRE_ATTESTATION, false, 0, requires_attestation, is_attested},
	{LA_INTENT_REQUIRED, "requireIntent", LA_RULE_REQUIRE_INTENT, false, 0, requires_intent, has_intent},
	{LA_INTENT_NOT_USABLE, "intent", LA_RULES, false, LA_AGENT, names_intent, intent_is_usable},
	{LA_INTENT_MISMATCH, "onIntentMismatch", LA_RULE_ON_INTENT_MISMATCH, false, LA_AGENT, intent_is_open, mismatch_is_allowed},
	{LA_APPROVAL_REQUIRED, "requireApproval", LA_RULE_REQUIRE_APPROVAL, false, LA_AGENT, asks_for_approval, is_approved},
};

const int	la_check_count = lengthof(la_checks);
