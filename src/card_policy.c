/*
 * card_policy.c
 *		How a card stands against its rules, in one row.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "amount.h"
#include "catalog.h"
#include "check.h"
#include "field.h"
#include "module.h"
#include "spend.h"

PG_FUNCTION_INFO_V1(la_card_policy);

/* Columns of card_policy_detail. */
enum
{
	CARD_ID, STATUS, EXPIRES_AT, ACTIVE_NOW, NEXT_ACTIVE_AT, MAX_AMOUNT, SPENDING_LIMIT,
	CURRENT_SPEND, REMAINING, CUMULATIVE_MAX, TOTAL_SPENT, CUMULATIVE_REMAINING, MAX_AUTH_COUNT,
	AUTH_COUNT, CONSUMED, COOLS_DOWN_AT, ATTESTATION, ATTESTED_AT, MERCHANT_LOCKED, FIRST_MERCHANT,
	MERCHANT_HINT, ON_DRIFT, COLUMNS
};

typedef struct Row
{
	TupleDesc	desc;
	Datum		values[COLUMNS];
	bool		nulls[COLUMNS]; /* all, until they are set */
} Row;

static void
set(Row *row, int column, Datum value)
{
	row->values[column] = value;
	row->nulls[column] = false;
}

static void
set_label(Row *row, int column, const char *label)
{
	set(row, column, la_enum_value(TupleDescAttr(row->desc, column)->atttypid, label));
}

static void
set_instant(Row *row, int column, TimestampTz instant)
{
	if (!TIMESTAMP_NOT_FINITE(instant))
		set(row, column, TimestampTzGetDatum(instant));
}

static void
set_times(Row *row, const LaFacts *facts)
{
	LaHours		hours;

	set_instant(row, EXPIRES_AT, la_card_end(facts));
	if (la_active_hours(facts, &hours))
	{
		set(row, ACTIVE_NOW, BoolGetDatum(la_is_active(&hours, facts->at)));
		set_instant(row, NEXT_ACTIVE_AT, la_next_active(&hours, facts->at));
	}
	if (la_effective_level(facts, LA_RULE_COOLDOWN) >= 0 && la_cooled_down_at(facts) > facts->at)
		set_instant(row, COOLS_DOWN_AT, la_cooled_down_at(facts));
	set_label(row, ATTESTATION, la_attestation_label(la_attestation(facts)));
	set_instant(row, ATTESTED_AT, facts->attested_at);
}

static void
set_limits(Row *row, LaBooks *books)
{
	const LaFacts *facts = &books->facts;
	const LaLimit *own = &facts->limits[LA_CARD];

	set(row, CURRENT_SPEND, Int64GetDatum(own->spent));
	if (own->set)
	{
		set(row, SPENDING_LIMIT, Int64GetDatum(own->limit));
		set(row, REMAINING, Int64GetDatum(la_remaining(own->limit, own->spent)));
	}
	if (facts->card->has_max_amount)
		set(row, MAX_AMOUNT, Int64GetDatum(facts->card->max_amount));
	set(row, TOTAL_SPENT, Int64GetDatum(la_live(books, LA_CARD, false)));
	set(row, AUTH_COUNT, Int64GetDatum(la_live(books, LA_CARD, true)));
	for (int i = LA_SCOPES; i < facts->nlimits; i++)
	{
		const LaLimit *limit = &facts->limits[i];

		if (limit->scope != LA_CARD)
			continue;
		if (limit->currency == NULL)
			set(row, MAX_AUTH_COUNT, Int64GetDatum(limit->limit));
		else if (strcmp(limit->rule, la_rule_name(LA_RULE_CUMULATIVE_MAX)) == 0)
		{
			set(row, CUMULATIVE_MAX, Int64GetDatum(limit->limit));
			set(row, CUMULATIVE_REMAINING, Int64GetDatum(la_remaining(limit->limit, limit->spent)));
		}
	}
}

static void
set_merchants(Row *row, const LaFacts *facts)
{
	int			hint = la_effective_level(facts, LA_RULE_MERCHANT_HINT);

	set(row, MERCHANT_LOCKED,
		BoolGetDatum(la_effective_number(facts, LA_RULE_LOCK_TO_FIRST, false) != 0));
	if (facts->first_merchant != NULL)
		set(row, FIRST_MERCHANT, CStringGetTextDatum(facts->first_merchant));
	if (hint >= 0)
		set(row, MERCHANT_HINT,
			CStringGetTextDatum(la_rule_texts(facts->rules[hint], LA_RULE_MERCHANT_HINT)));
	if (la_effective_level(facts, LA_RULE_ON_DRIFT) >= 0)
		set(row, ON_DRIFT,
			CStringGetTextDatum(la_rule_word_label(LA_RULE_ON_DRIFT,
												   la_effective_number(facts, LA_RULE_ON_DRIFT, 0))));
}

/*
 * ledger_agents.card_policy(card_id uuid, organization_id text)
 *		returns ledger_agents.card_policy_detail
 *
 * The state of every rule that has one, now, from the statement's snapshot.
 */
Datum
la_card_policy(PG_FUNCTION_ARGS)
{
	static const char *const statuses[] = {"active", "frozen", "closed"};
	LaPrincipal caller = la_caller(fcinfo, 1);
	const LaCardFacts *card;
	pg_uuid_t  *id;
	LaBooks		books;
	Row			row;
	Datum		answer;

	if (PG_ARGISNULL(0))
		la_null_field("card_id");
	id = PG_GETARG_UUID_P(0);
	SPI_connect();
	card = la_card(caller.organization_id, id, LA_STATEMENT);
	if (card == NULL || (caller.is_agent && memcmp(&card->agent_id, &caller.agent_id, UUID_LEN) != 0))
		la_unknown_uuid("card", id);
	la_books_init(&books, &caller, &card->agent_id, LA_STATEMENT);
	la_books_name(&books, id, NULL);
	la_books_read(&books, &caller, la_now());
	la_measure(&books, la_now());
	memset(row.nulls, true, sizeof(row.nulls));
	row.desc = lookup_rowtype_tupdesc(get_func_rettype(fcinfo->flinfo->fn_oid), -1);
	set(&row, CARD_ID, UUIDPGetDatum(id));
	set_label(&row, STATUS, statuses[card->status]);
	set(&row, CONSUMED, BoolGetDatum(card->single && books.facts.use_count > 0));
	set_times(&row, &books.facts);
	set_limits(&row, &books);
	set_merchants(&row, &books.facts);
	answer = SPI_datumTransfer(HeapTupleGetDatum(heap_form_tuple(row.desc, row.values, row.nulls)),
							   false, -1);
	ReleaseTupleDesc(row.desc);
	SPI_finish();
	return answer;
}
