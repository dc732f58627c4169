/*
 * answer.c
 *		A decision as a row of authorization_detail.
 *
 * authorize() has just stored these values and evaluate() stores none, so the
 * row is formed here: a statement that returned its 33 columns would add a
 * quarter to the cost of a decision.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "catalog.h"
#include "spend.h"

/* Columns of authorization_detail, in order. */
enum
{
	ORGANIZATION_ID, ID, AGENT_ID, CUSTOMER_ID, SEQUENCE, DECISION, STATUS, REASON, REASONS,
	FAILED_LIMITS, MAX_APPROVABLE, RETRY_AT, REMAINING, AMOUNT, INCREMENTED_AMOUNT,
	CAPTURED_AMOUNT, REVERSED_AMOUNT, REFUNDED_AMOUNT, HELD_AMOUNT, COUNTED_AMOUNT,
	CURRENCY, MERCHANT, MCC, COUNTRY, CARD_ID, INTENT_ID, LINKED_INTENT_ID, ATTESTATION,
	IDEMPOTENCY_KEY, HOLD_FOR, EXPIRES_AT, INCREMENT_OF, RECORDED,
	AGENT_LIMIT, AGENT_LIMIT_FREQUENCY, ON_LIMIT_EXCEEDED, AGENT_SPENT, METADATA, DECIDED_AT,
	REPLAYED, CURSOR, COLUMNS = LA_ANSWER_COLUMNS
};

/* The column of authorizations that is given as it is; all others are set apart. */
static const int stored_as[COLUMNS] = {
	[ORGANIZATION_ID] = LA_X_ORGANIZATION_ID,[ID] = LA_X_ID,[AGENT_ID] = LA_X_AGENT_ID,
	[CUSTOMER_ID] = LA_X_CUSTOMER_ID,[SEQUENCE] = LA_X_SEQUENCE,[DECISION] = LA_X_DECISION,
	[STATUS] = LA_X_STATUS,[REASON] = LA_X_REASON,[REASONS] = LA_X_REASONS,
	[FAILED_LIMITS] = LA_X_FAILED_LIMITS,[MAX_APPROVABLE] = LA_X_MAX_APPROVABLE,
	[RETRY_AT] = LA_X_RETRY_AT,[REMAINING] = LA_X_REMAINING,[AMOUNT] = LA_X_AMOUNT,
	[INCREMENTED_AMOUNT] = -1,[CAPTURED_AMOUNT] = -1,[REVERSED_AMOUNT] = -1,[REFUNDED_AMOUNT] = -1,
	[HELD_AMOUNT] = -1,[COUNTED_AMOUNT] = LA_X_COUNTED_AMOUNT,[CURRENCY] = LA_X_CURRENCY,
	[MERCHANT] = LA_X_MERCHANT,[MCC] = LA_X_MCC,[COUNTRY] = LA_X_COUNTRY,[CARD_ID] = LA_X_CARD_ID,
	[INTENT_ID] = LA_X_INTENT_ID,[LINKED_INTENT_ID] = LA_X_LINKED_INTENT_ID,[ATTESTATION] = -1,
	[IDEMPOTENCY_KEY] = LA_X_IDEMPOTENCY_KEY,[HOLD_FOR] = LA_X_HOLD_FOR,[EXPIRES_AT] = LA_X_EXPIRES_AT,
	[INCREMENT_OF] = LA_X_INCREMENT_OF,[RECORDED] = -1,[AGENT_LIMIT] = LA_X_AGENT_LIMIT,
	[AGENT_LIMIT_FREQUENCY] = LA_X_AGENT_LIMIT_FREQUENCY,
	[ON_LIMIT_EXCEEDED] = LA_X_ON_LIMIT_EXCEEDED,[AGENT_SPENT] = LA_X_AGENT_SPENT,
	[METADATA] = LA_X_METADATA,[DECIDED_AT] = LA_X_DECIDED_AT,[REPLAYED] = -1,[CURSOR] = -1
};

typedef struct Row
{
	Datum	   *values;
	bool	   *nulls;			/* all, until they are set */
} Row;

static void
set(Row *row, int column, Datum value)
{
	row->values[column] = value;
	row->nulls[column] = false;
}

/* Most are not attested. */
static Datum
attestation_value(const LaVerdict *verdict, LaSpendTypes *types)
{
	if (verdict->attestation != LA_UNATTESTED)
		return la_enum_value(types->attestation, la_attestation_label(verdict->attestation));
	if (types->unattested == 0)
		types->unattested = la_enum_value(types->attestation, la_attestation_label(LA_UNATTESTED));
	return types->unattested;
}

/* What the row of authorizations says by null, or not at all. */
static void
set_rest(Row *row, const LaSpend *spend, LaSpendTypes *types)
{
	const LaVerdict *verdict = &spend->decision.verdict;
	int64		amount = verdict->approved ? spend->request.amount : 0;
	bool		recorded = spend->request.recorded;

	set(row, INCREMENTED_AMOUNT, Int64GetDatum(0));
	set(row, CAPTURED_AMOUNT, Int64GetDatum(recorded ? amount : 0));
	set(row, REVERSED_AMOUNT, Int64GetDatum(0));
	set(row, REFUNDED_AMOUNT, Int64GetDatum(0));
	set(row, HELD_AMOUNT, Int64GetDatum(recorded ? 0 : amount));
	set(row, ATTESTATION, attestation_value(verdict, types));
	set(row, RECORDED, BoolGetDatum(recorded));
	set(row, REPLAYED, BoolGetDatum(false));
}

static void
find_types(TupleDesc desc, LaSpendTypes *types)
{
	memset(types, 0, sizeof(LaSpendTypes));
	types->decision = TupleDescAttr(desc, DECISION)->atttypid;
	types->status = TupleDescAttr(desc, STATUS)->atttypid;
	types->reason = TupleDescAttr(desc, REASON)->atttypid;
	types->attestation = TupleDescAttr(desc, ATTESTATION)->atttypid;
}

/* What only a decision that was stored has. */
static void
clear_stored(Row *row, const LaDecision *decision)
{
	row->nulls[ID] = row->nulls[SEQUENCE] = row->nulls[IDEMPOTENCY_KEY] = true;
	if (decision->parks)
		row->nulls[LINKED_INTENT_ID] = true;
}

void
la_answer_row(LaBooks *books, LaSpend *spend, LaSpendTypes *types, Datum *values, bool *nulls)
{
	Row			row = {values, nulls};

	memset(nulls, true, sizeof(bool) * COLUMNS);
	if (!spend->described)
		la_describe(books, spend, types);
	for (int i = 0; i < COLUMNS; i++)
		if (stored_as[i] >= 0 && !spend->nulls[stored_as[i]])
			set(&row, i, spend->values[stored_as[i]]);
	set_rest(&row, spend, types);
}

Datum
la_answer(FunctionCallInfo fcinfo, LaBooks *books, LaSpend *spend, bool stored)
{
	TupleDesc	desc = lookup_rowtype_tupdesc(get_func_rettype(fcinfo->flinfo->fn_oid), -1);
	LaSpendTypes types;
	Datum		values[COLUMNS];
	bool		nulls[COLUMNS];
	Row			row = {values, nulls};
	Datum		answer;

	Assert(desc->natts == COLUMNS);
	find_types(desc, &types);
	la_answer_row(books, spend, &types, values, nulls);
	if (!stored)
		clear_stored(&row, &spend->decision);
	answer = SPI_datumTransfer(HeapTupleGetDatum(heap_form_tuple(desc, values, nulls)), false, -1);
	ReleaseTupleDesc(desc);
	return answer;
}
