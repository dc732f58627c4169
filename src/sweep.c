/*
 * sweep.c
 *		sweep(): writing down what time alone has ended.
 *
 * Nothing depends on it: decisions and answers take what is over for over by
 * its instant.  It moves expired holds out of the counters, so that decisions
 * need not look for them any more, and writes what others wait for.
 *
 * It never makes a deadlock, although it takes the locks of many agents in one
 * transaction, because while it holds anything it waits for nothing: neither
 * for an agent's queue or a wider one, nor for a configuration lock or a row.
 * Where somebody is in the way the agent is left to the next sweep.  So whoever
 * waits for a sweep, another sweep included, waits for one that goes on to its
 * end.  A wider queue is tried like an agent's: a decision may hold its agent
 * and wait for the customer that is held here; it is not waited for.
 *
 * An agent that somebody always queues for would never be swept that way.  So a
 * sweep that has found nothing else, and whose transaction holds nothing, waits
 * for one of those that were in the way, as a capture or a change does, and is
 * done after it.
 *
 * Intents are turned under their agent's configuration lock, like cards, and
 * not by their rows' locks alone: a decision that has just found an intent
 * open would otherwise not find it any more when it uses it up.  Rows that an
 * open transaction has locked are left: it has used the intent, or given it new
 * time.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "adoption.h"
#include "card.h"
#include "check.h"
#include "errors.h"
#include "intent.h"
#include "lock.h"
#include "module.h"
#include "organization.h"
#include "ruleset.h"
#include "settlement.h"
#include "spend_event.h"

PG_FUNCTION_INFO_V1(la_sweep);

/* Most rows of one call. */
#define MAX_SWEPT 10000

/* What is swept, in this order; the answer has those before COUNTERS. */
enum
{
	HOLDS, INTENTS, CARDS, COUNTERS, KINDS
};

/* Something that is over. */
typedef struct Found
{
	pg_uuid_t	agent_id;
	pg_uuid_t	id;
	bool		with_card;		/* the next two: of holds and counters */
	pg_uuid_t	card_id;
	char	   *currency;
} Found;

/* What is found of one agent; of holds, with one card. */
typedef struct Batch
{
	int			kind;
	int			count;
	Found	   *found;
} Batch;

typedef struct Sweep
{
	LaPrincipal caller;
	TimestampTz now;
	int			left;			/* of max_rows */
	int			swept[KINDS];
	bool		more;
	bool		holds_locks;
	bool		waits;			/* for who is in the way */
	int			nchanged;		/* agents whose configuration lock is held */
	int			nbusy;			/* groups that somebody was in the way of */
	Batch		first_busy;
	List	   *skipped;		/* agents of those, of one kind: text */
} Sweep;

static void sweep_kind(Sweep *sweep, int kind);
static int	find(Sweep *sweep, int kind, Found **found);
static void skip(Sweep *sweep, const Batch *batch);
static bool sweep_batch(Sweep *sweep, const Batch *batch);
static bool expire_holds(Sweep *sweep, const Batch *batch);
static bool expire_intents(Sweep *sweep, const Batch *batch);
static bool expire_cards(Sweep *sweep, const Batch *batch);
static bool renew_counters(Sweep *sweep, const Batch *batch);
static void wait_for_one(Sweep *sweep);
static Datum detail_of(FunctionCallInfo fcinfo, const Sweep *sweep);

/* False: somebody is in the way, and nothing was done. */
static const struct Kind
{
	LaQuery		query;
	bool		(*expire) (Sweep *sweep, const Batch *batch);
}			kinds[KINDS] = {
	[HOLDS] = {LA_Q_SWEEP_HOLDS, expire_holds},
	[INTENTS] = {LA_Q_SWEEP_INTENTS, expire_intents},
	[CARDS] = {LA_Q_SWEEP_CARDS, expire_cards},
	[COUNTERS] = {LA_Q_SWEEP_COUNTERS, renew_counters},
};

/*
 * ledger_agents.sweep(max_rows integer, organization_id text)
 *		returns ledger_agents.sweep_detail
 *
 * Writes down what is over.  Makes no deadlock, whatever runs at once.
 */
Datum
la_sweep(PG_FUNCTION_ARGS)
{
	Sweep		sweep = {0};
	Datum		answer;

	PreventCommandIfReadOnly("sweep()");
	sweep.caller = la_operator(fcinfo, 1);
	if (PG_ARGISNULL(0))
		la_null_field("max_rows");
	sweep.left = PG_GETARG_INT32(0);
	if (sweep.left < 1 || sweep.left > MAX_SWEPT)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("max_rows must be between 1 and %d", MAX_SWEPT),
				la_detail("out_of_range", "max_rows", "It is %d.", sweep.left));
	la_limit_waiting();
	la_require_adopted();
	SPI_connect();
	la_require_organization(sweep.caller.organization_id);
	sweep.now = la_now();
	for (int kind = 0; kind < KINDS; kind++)
		sweep_kind(&sweep, kind);
	if (sweep.nbusy > 0 && !sweep.holds_locks && la_is_alone())
		wait_for_one(&sweep);
	if (sweep.holds_locks)
		la_must_be_durable();
	answer = detail_of(fcinfo, &sweep);
	SPI_finish();
	return answer;
}

static bool
is_of_batch(const Batch *batch, const Found *found)
{
	return memcmp(&batch->found->agent_id, &found->agent_id, UUID_LEN) == 0 &&
		batch->found->with_card == found->with_card &&
		(!found->with_card || memcmp(&batch->found->card_id, &found->card_id, UUID_LEN) == 0);
}

/* Where somebody was in the way there may be others behind him: they are looked for. */
static void
sweep_kind(Sweep *sweep, int kind)
{
	bool		more;
	int			skipped;

	sweep->skipped = NIL;
	do
	{
		Batch		batch = {.kind = kind};
		int			count = find(sweep, kind, &batch.found);
		Found	   *end = batch.found + Min(count, sweep->left);

		more = count > sweep->left;
		skipped = list_length(sweep->skipped);
		for (; batch.found < end && sweep->nchanged < LA_MAX_QUEUES; batch.found += batch.count)
		{
			batch.count = 1;
			while (batch.found + batch.count < end &&
				   is_of_batch(&batch, batch.found + batch.count))
				batch.count++;
			if (!sweep_batch(sweep, &batch))
				skip(sweep, &batch);
		}
		more = more || batch.found < end;
	} while (list_length(sweep->skipped) > skipped && sweep->left > 0);
	sweep->more = sweep->more || more;
}

static Datum
skipped_agents(const Sweep *sweep)
{
	Datum	   *elements = palloc(sizeof(Datum) * (list_length(sweep->skipped) + 1));
	ListCell   *cell;
	int			count = 0;

	foreach(cell, sweep->skipped)
		elements[count++] = PointerGetDatum(lfirst(cell));
	return PointerGetDatum(construct_array(elements, count, TEXTOID, -1, false, TYPALIGN_INT));
}

/* What is over, up to one more than may be swept; each batch together. */
static int
find(Sweep *sweep, int kind, Found **found)
{
	LaParams	params = {0};
	int			count;

	la_param_text(&params, sweep->caller.organization_id);
	la_param(&params, TimestampTzGetDatum(sweep->now), false);
	la_param(&params, Int32GetDatum(sweep->left + 1), false);
	la_param(&params, skipped_agents(sweep), false);
	count = la_run(kinds[kind].query, &params, LA_LATEST);
	*found = palloc0(sizeof(Found) * (count + 1));
	for (int i = 0; i < count; i++)
	{
		LaRow		row = la_row(i);
		Found	   *one = *found + i;

		one->agent_id = *DatumGetUUIDP(row.values[0]);
		one->id = *DatumGetUUIDP(row.values[1]);
		one->with_card = !row.nulls[2];
		if (one->with_card)
			one->card_id = *DatumGetUUIDP(row.values[2]);
		one->currency = la_row_text(row, 3);
	}
	return count;
}

static void
skip(Sweep *sweep, const Batch *batch)
{
	if (sweep->nbusy++ == 0)
		sweep->first_busy = *batch;
	sweep->skipped = lappend(sweep->skipped,
							 cstring_to_text(la_uuid_text(&batch->found->agent_id)));
}

/* What its statements have read is given back: there may be thousands. */
static bool
sweep_batch(Sweep *sweep, const Batch *batch)
{
	bool		done;

	SPI_connect();
	done = kinds[batch->kind].expire(sweep, batch);
	SPI_finish();
	return done;
}

static void
note(Sweep *sweep, int kind)
{
	sweep->swept[kind]++;
	sweep->left--;
}

/* The counters, after holds were taken out of them. */
static void
write_counters(LaBooks *books)
{
	la_renew_next_expiry(books);
	for (int i = 0; i < LA_SCOPES; i++)
		if (books->counted[i])
			la_write_counter(books, i);
}

static bool
expire_hold(LaSettlement *settlement, const Found *found)
{
	settlement->id = found->id;
	settlement->hold = (LaHold)
	{
		.agent_id = found->agent_id, .with_card = found->with_card, .card_id = found->card_id,
			.currency = found->currency
	};
	la_lock_hold(&settlement->books, &settlement->id, &settlement->hold);
	if (!la_expire_hold(settlement))
		return false;
	la_tell_expired(settlement);
	return true;
}

/* False: somebody is in the way. */
static bool
open_books(Sweep *sweep, LaBooks *books, const Found *found)
{
	la_books_init(books, &sweep->caller, &found->agent_id, LA_LATEST);
	la_books_name(books, found->with_card ? &found->card_id : NULL, NULL);
	if (sweep->waits)
		la_books_open(books, &sweep->caller, NULL, true);
	else if (!la_books_try(books, &sweep->caller))
	{
		sweep->holds_locks = sweep->holds_locks || books->row_locked[LA_AGENT];
		return false;
	}
	sweep->holds_locks = true;
	la_measure(books, la_now());
	return true;
}

static bool
expire_holds(Sweep *sweep, const Batch *batch)
{
	LaSettlement *settlement = palloc0(sizeof(LaSettlement));
	LaBooks    *books = &settlement->books;
	int			before = sweep->swept[HOLDS];

	if (!open_books(sweep, books, batch->found))
		return false;
	for (int i = 0; i < batch->count; i++)
		if (expire_hold(settlement, &batch->found[i]))
			note(sweep, HOLDS);
	if (sweep->swept[HOLDS] > before)
		write_counters(books);
	la_books_close(books);
	return true;
}

/* Holds that they still look for were captured or given back before they expired. */
static bool
renew_counters(Sweep *sweep, const Batch *batch)
{
	LaBooks    *books = palloc(sizeof(LaBooks));

	if (!open_books(sweep, books, batch->found))
		return false;
	write_counters(books);
	note(sweep, COUNTERS);
	la_books_close(books);
	return true;
}

/* Keeps decisions of the agent away, and finds none in progress. */
static bool
lock_agent(Sweep *sweep, const pg_uuid_t *id)
{
	uint64		key = la_lock_key(sweep->caller.organization_id, id, UUID_LEN);

#if LA_MUTANT != 86
	if (sweep->waits)
		la_change_configuration(LA_LEVEL_AGENT, key);
	else if (!la_try_change_configuration(LA_LEVEL_AGENT, key))
		return false;
#endif
	sweep->holds_locks = true;
	sweep->nchanged++;
	return true;
}

/* An intent that was given new time meanwhile is not over any more. */
static bool
expire_intents(Sweep *sweep, const Batch *batch)
{
	LaParams	params = {0};
	SPITupleTable *table;
	int			count;

	if (!lock_agent(sweep, &batch->found->agent_id))
		return false;
	la_param_text(&params, sweep->caller.organization_id);
	la_param_uuid(&params, &batch->found->agent_id);
	la_param(&params, TimestampTzGetDatum(sweep->now), false);
	la_param(&params, Int32GetDatum(batch->count), false);
	count = la_run(LA_Q_INTENTS_EXPIRE, &params, LA_WRITE);
	table = SPI_tuptable;
	for (int i = 0; i < count; i++)
	{
		LaRow		row;

		SPI_tuptable = table;
		row = la_row(i);
		la_tell_intent_expired(sweep->caller.organization_id, la_row_text(row, 1), row.values[0]);
		note(sweep, INTENTS);
	}
	return true;
}

/* By the rules as they are now; false: its life is not over, it is so already, or somebody has locked it. */
static bool
expire_card(Sweep *sweep, const Found *found)
{
	LaBooks    *books = palloc(sizeof(LaBooks));
	LaCardExpiry expiry = {.card_id = found->id};

	la_books_init(books, &sweep->caller, &found->agent_id, LA_LATEST);
	la_books_name(books, &found->id, NULL);
	la_books_rules(books);
	expiry.expires_at = la_card_end(&books->facts);
	if (expiry.expires_at > sweep->now)
		return false;
	expiry.customer_id = books->customer_id;
	expiry.freeze = la_effective_number(&books->facts, LA_RULE_ON_EXPIRY, LA_EXPIRY_CLOSE) == LA_EXPIRY_FREEZE;
	expiry.ttl_minutes = (expiry.expires_at - books->card->created_at) / USECS_PER_MINUTE;
	return la_expire_card(&sweep->caller, &expiry);
}

static bool
expire_cards(Sweep *sweep, const Batch *batch)
{
	if (!lock_agent(sweep, &batch->found->agent_id))
		return false;
	for (int i = 0; i < batch->count; i++)
		if (expire_card(sweep, &batch->found[i]))
			note(sweep, CARDS);
	return true;
}

/* Nothing is held. */
static void
wait_for_one(Sweep *sweep)
{
	sweep->waits = true;
	(void) sweep_batch(sweep, &sweep->first_busy);
	sweep->nbusy--;
}

static Datum
detail_of(FunctionCallInfo fcinfo, const Sweep *sweep)
{
	TupleDesc	desc;
	Datum		values[COUNTERS + 1];
	bool		nulls[COUNTERS + 1] = {false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	for (int kind = 0; kind < COUNTERS; kind++)
		values[kind] = Int32GetDatum(sweep->swept[kind]);
	values[COUNTERS] = BoolGetDatum(sweep->more || sweep->nbusy > 0);
	return SPI_datumTransfer(HeapTupleGetDatum(heap_form_tuple(desc, values, nulls)), false, -1);
}
