/*
 * measure.c
 *		What stands against each limit at one instant; see books.h.
 *
 * Calendar windows are in the counter.  A rolling window is a sum in the
 * counter from which what has left since is taken off; ids begin with the
 * instant of their decision, so that this is one range of an index.  Holds that
 * have expired are taken off by their expires_at, swept or not.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "amount.h"
#include "books.h"
#include "module.h"

/* Holds among which the next to expire of a scope is looked for; beyond them the last one's instant is a bound for it. */
#define HOLDS_LOOKED_AT 500

static bool
is_wide(int scope)
{
	return scope >= LA_CUSTOMER;
}

/* Parameters that say whose authorizations: the organization, and the agent, the customer or null. */
static void
param_whose(LaParams *params, LaBooks *books, int scope)
{
	la_param_text(params, books->organization_id);
	if (is_wide(scope))
		la_param_text(params, scope == LA_CUSTOMER ? books->customer_id : NULL);
	else
		la_param_uuid(params, &books->agent_id);
}

/* The last parameter of the statements about one agent: of its cards only this one, or null. */
static void
param_card(LaParams *params, LaBooks *books, int scope)
{
	if (!is_wide(scope))
		la_param_uuid(params, scope == LA_CARD ? books->card_id : NULL);
}

/* The smallest id behind that instant. */
static void
param_id_after(LaParams *params, TimestampTz at)
{
	pg_uuid_t  *id = palloc(sizeof(pg_uuid_t));

#if LA_MUTANT != 237
	la_first_id(id, at + 1);
#else
	la_first_id(id, at);
#endif
	la_param_uuid(params, id);
}

/* What still counts of what was decided after since, up to until (DT_NOEND: to now). */
static int64
spent_between(LaBooks *books, int i, TimestampTz since, TimestampTz until)
{
	LaParams	params = {0};
	pg_uuid_t	end;

	param_whose(&params, books, i);
	param_id_after(&params, since);
	if (until == DT_NOEND)
	{
		memset(&end, 0xff, sizeof(end));
		la_param_uuid(&params, &end);
	}
	else
		param_id_after(&params, until);
	la_param_text(&params, books->facts.limits[i].currency);
	param_card(&params, books, i);
	la_run(is_wide(i) ? LA_Q_SPENT_BETWEEN_WIDE : LA_Q_SPENT_BETWEEN, &params, books->view);
	return DatumGetInt64(la_row(0).values[0]);
}

static bool
is_rolling(const LaLimit *limit)
{
	return limit->mode == LA_ROLLING &&
		limit->frequency != LA_PER_TRANSACTION && limit->frequency != LA_ALL_TIME;
}

/* Whether the counter keeps the rolling window of that limit. */
static bool
keeps_rolling(const LaCounter *counter, const LaLimit *limit)
{
	return counter->rolling && counter->rolling_frequency == limit->stored_frequency;
}

/* Moves the counter's rolling window to end at books->at; makes it where it is not kept. */
static int64
roll_on(LaBooks *books, int i)
{
	LaCounter  *counter = &books->counters[i];
	LaLimit    *limit = &books->facts.limits[i];
	TimestampTz since = books->at - la_rolling_length(limit->frequency);

	if (!keeps_rolling(counter, limit))
		counter->rolling_spent = spent_between(books, i, since, DT_NOEND);
	else if (since > counter->rolling_since)
		counter->rolling_spent =
			la_subtract(counter->rolling_spent,
						spent_between(books, i, counter->rolling_since, since));
	else
		since = counter->rolling_since; /* the clock stands still */
	counter->rolling = true;
	counter->rolling_frequency = limit->stored_frequency;
	counter->rolling_since = since;
	return counter->rolling_spent;
}

/* Holds decided from then on that have expired but are still in the counter: their sum, or their number. */
static int64
expired(LaBooks *books, int scope, TimestampTz from, bool number)
{
	LaParams	params = {0};

	la_param_text(&params, books->organization_id);
	la_param_uuid(&params, is_wide(scope) ? NULL : &books->agent_id);
	la_param_text(&params, scope == LA_CUSTOMER ? books->customer_id : NULL);
	la_param(&params, TimestampTzGetDatum(books->at), false);
	la_param_text(&params, books->facts.limits[scope].currency);
	la_param(&params, TimestampTzGetDatum(from), false);
	la_param_uuid(&params, scope == LA_CARD ? books->card_id : NULL);
	la_run(LA_Q_EXPIRED, &params, books->view);
	return DatumGetInt64(la_row(0).values[number ? 1 : 0]);
}

static bool
has_expired(const LaBooks *books, int scope, TimestampTz at)
{
	const LaCounter *counter = &books->counters[scope];

#if LA_MUTANT != 85
	return counter->expires && counter->next_expiry <= at;
#else
	return false;
#endif
}

/* Columns of LA_Q_NEXT_EXPIRY are the scopes, in their order. */
void
la_renew_next_expiry(LaBooks *books)
{
	LaParams	params = {0};
	LaRow		row;

	la_param_text(&params, books->organization_id);
	la_param_uuid(&params, &books->agent_id);
	la_param_uuid(&params, books->card_id);
	la_param_text(&params, books->customer_id);
	la_param(&params, Int32GetDatum(HOLDS_LOOKED_AT), false);
	la_run(LA_Q_NEXT_EXPIRY, &params, LA_LATEST);
	row = la_row(0);
	for (int i = 0; i < LA_SCOPES; i++)
	{
		books->counters[i].expires = !row.nulls[i];
		books->counters[i].next_expiry = row.nulls[i] ? 0 : DatumGetTimestampTz(row.values[i]);
	}
}

int64
la_live(LaBooks *books, LaScope scope, bool number)
{
	const LaCounter *counter = &books->counters[scope];
	int64		live = number ? counter->auth_count : counter->total;

	return has_expired(books, scope, books->at) && live > 0
		? la_subtract(live, expired(books, scope, DT_NOBEGIN, number)) : live;
}

/* What stands against the scope's own limit. */
static void
measure_scope(LaBooks *books, int scope)
{
	LaCounter  *counter = &books->counters[scope];
	LaLimit    *limit = &books->facts.limits[scope];

	la_counter_roll(counter, books->at, books->tenant->zone);
	counter->decided_at = books->at;
	limit->total = counter->total;
	if (is_rolling(limit))
	{
		limit->spent = roll_on(books, scope);
		limit->window.start = counter->rolling_since + 1;
		limit->window.end = DT_NOEND;
	}
	else
	{
		counter->rolling = false;
		limit->window = la_counter_window(counter, limit->frequency, &limit->spent);
	}
	if (has_expired(books, scope, books->at) && limit->spent > 0)
		limit->spent = la_subtract(limit->spent, expired(books, scope, limit->window.start, false));
}

/* What stands against a limit that is a rule, in a counter that has rolled on. */
static void
measure_rule(LaBooks *books, LaLimit *limit)
{
	LaCounter  *counter = &books->counters[limit->scope];
	bool		number = limit->currency == NULL;

	if (limit->frequency == LA_PER_TRANSACTION)
		return;
	limit->total = counter->total;
	limit->window = la_counter_window(counter, limit->frequency, &limit->spent);
	if (number)
		limit->spent = counter->auth_count;
	if (has_expired(books, limit->scope, books->at) && limit->spent > 0)
		limit->spent = la_subtract(limit->spent,
								   expired(books, limit->scope, limit->window.start, number));
}

/* A card remembers for itself; an agent what it does without one. */
static void
take_memory(LaBooks *books)
{
	const LaCounter *memory = &books->counters[books->card != NULL ? LA_CARD : LA_AGENT];
	LaFacts    *facts = &books->facts;

	facts->use_count = memory->use_count;
	facts->last_approved_at = memory->last_approved_at;
	facts->attested_at = memory->attested_at;
	facts->first_merchant = memory->first_merchant;
}

/* An intent ends by the instant of the decision, which may be later than that of reading it. */
static void
end_intents(LaBooks *books)
{
	for (int i = 0; i < books->nintents; i++)
		if (books->intents[i].expires_at <= books->at)
			books->intents[i].state = LA_INTENT_OVER;
	if (books->facts.named_intent != NULL && books->intents[0].expires_at <= books->at)
		books->intents[0].state = LA_INTENT_OVER;
}

/* Never before what was decided there already. */
static TimestampTz
instant_of(const LaBooks *books, TimestampTz now)
{
#if LA_MUTANT != 261
	for (int i = 0; i < LA_SCOPES; i++)
		if (books->counted[i])
			now = Max(now, books->counters[i].decided_at);
#endif
	return now;
}

void
la_measure(LaBooks *books, TimestampTz now)
{
	LaFacts    *facts = &books->facts;

	facts->at = books->at = instant_of(books, now);
	for (int i = 0; i < LA_SCOPES; i++)
		if (books->counted[i])
			measure_scope(books, i);
	for (int i = LA_SCOPES; i < facts->nlimits; i++)
		measure_rule(books, &facts->limits[i]);
	take_memory(books);
	end_intents(books);
}

bool
la_measures_in_memory(const LaBooks *books, TimestampTz now, const bool *scopes)
{
	TimestampTz at = instant_of(books, now);

	for (int i = 0; i < LA_SCOPES; i++)
	{
		const LaCounter *counter = &books->counters[i];
		const LaLimit *limit = &books->facts.limits[i];

		if (!books->counted[i] || !scopes[i])
			continue;
		if (has_expired(books, i, at))
			return false;
		if (is_rolling(limit) && !(keeps_rolling(counter, limit) &&
								   at - la_rolling_length(limit->frequency) <= counter->rolling_since))
			return false;
	}
	return true;
}

bool
la_declines_in_memory(const LaBooks *books, const LaVerdict *verdict)
{
	for (int i = 0; i < books->facts.nlimits; i++)
	{
		const LaLimit *limit = &books->facts.limits[i];

		if (verdict->failed[i] && (limit->currency == NULL || is_rolling(limit) ||
								   books->counters[limit->scope].expires))
			return false;
	}
	return true;
}

/* The parameters that LA_Q_OLDEST and LA_Q_FREED_AT begin with. */
static void
param_live(LaParams *params, LaBooks *books, const LaLimit *limit)
{
	param_whose(params, books, limit->scope);
	param_id_after(params, limit->window.start - (limit->window.start == DT_NOBEGIN ? 0 : 1));
	la_param(params, TimestampTzGetDatum(books->at), false);
	la_param_text(params, limit->currency);
}

bool
la_next_reset(LaBooks *books, const LaLimit *limit, TimestampTz *instant)
{
	LaParams	params = {0};

	if (!is_rolling(limit))
	{
		*instant = limit->window.end;
		return limit->window.end != DT_NOEND;
	}
	param_live(&params, books, limit);
	param_card(&params, books, limit->scope);
	if (la_run(is_wide(limit->scope) ? LA_Q_OLDEST_WIDE : LA_Q_OLDEST, &params, books->view) == 0)
		return false;
	*instant = DatumGetTimestampTz(la_row(0).values[0]) + la_rolling_length(limit->frequency);
	return true;
}

/* Where nothing expires it is enough to read on from the oldest. */
static LaQuery
freeing_query(const LaBooks *books, const LaLimit *limit)
{
	if (books->counters[limit->scope].expires)
		return is_wide(limit->scope) ? LA_Q_FREED_AT_WIDE : LA_Q_FREED_AT;
	return is_wide(limit->scope) ? LA_Q_LEFT_AT_WIDE : LA_Q_LEFT_AT;
}

/* When at least need has been freed by expiry, or by leaving a rolling window; false: never. */
static bool
freed_at(LaBooks *books, const LaLimit *limit, int64 need, TimestampTz *instant)
{
	LaParams	params = {0};
	Interval	length = {0};
	LaRow		row;

	length.time = is_rolling(limit) ? la_rolling_length(limit->frequency) : 0;
	param_live(&params, books, limit);
	la_param_int64(&params, need);
	la_param(&params, IntervalPGetDatum(&length), !is_rolling(limit));
	param_card(&params, books, limit->scope);
	if (la_run(freeing_query(books, limit), &params, books->view) == 0)
		return false;
	row = la_row(0);
	if (!row.nulls[0])
		*instant = DatumGetTimestampTz(row.values[0]);
	return !row.nulls[0];
}

/* When so many holds have expired that one more authorization passes. */
static bool
count_freed_at(LaBooks *books, const LaLimit *limit, TimestampTz *instant)
{
	LaParams	params = {0};

	la_param_text(&params, books->organization_id);
	la_param_uuid(&params, is_wide(limit->scope) ? NULL : &books->agent_id);
	la_param_text(&params, limit->scope == LA_CUSTOMER ? books->customer_id : NULL);
	la_param_uuid(&params, limit->scope == LA_CARD ? books->card_id : NULL);
	la_param(&params, TimestampTzGetDatum(books->at), false);
	la_param_int64(&params, limit->spent - limit->limit);
	if (la_run(LA_Q_COUNT_FREED_AT, &params, books->view) == 0)
		return false;
	*instant = DatumGetTimestampTz(la_row(0).values[0]);
	return true;
}

bool
la_passes_at(LaBooks *books, const LaLimit *limit, int64 amount, TimestampTz *instant)
{
	TimestampTz end;

	if (limit->currency == NULL)
		return count_freed_at(books, limit, instant);
	/* Also keeps the sum below from overflowing: amount fits into the limit. */
	if (amount > limit->limit || limit->frequency == LA_PER_TRANSACTION)
		return false;
	*instant = DT_NOEND;
	if (is_rolling(limit) || books->counters[limit->scope].expires)
		(void) freed_at(books, limit, limit->spent - (limit->limit - amount), instant);
	if (!is_rolling(limit) && la_next_reset(books, limit, &end))
		*instant = Min(*instant, end);
	return *instant != DT_NOEND;
}
