/*
 * entry.c
 *		The parts of a hold and its entries, as rows; see settlement.h.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "errors.h"
#include "field.h"
#include "module.h"
#include "settlement.h"

void
la_read_entry(FunctionCallInfo fcinfo, LaEntry *entry, int key)
{
	char	   *given;

	if (PG_ARGISNULL(0))
		la_null_field("authorization_id");
	entry->has_requested = !PG_ARGISNULL(1);
	if (entry->has_requested)
	{
		entry->requested = PG_GETARG_INT64(1);
		if (entry->requested <= 0)
			ereport(ERROR,
					errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("amount must be greater than zero"),
					la_detail("invalid_amount", "amount", "It is %lld.",
							  (long long) entry->requested));
	}
	if (PG_ARGISNULL(key))
		return;
	given = text_to_cstring(PG_GETARG_TEXT_PP(key));
	la_check_length(given, 1, 255, "idempotency_key");
	entry->key = given;
}

void
la_find_hold(const LaPrincipal *caller, const pg_uuid_t *id, LaHold *hold)
{
	LaParams	params = {0};
	LaRow		row;

	la_param_text(&params, caller->organization_id);
	la_param_uuid(&params, id);
	if (la_run(LA_Q_AUTHORIZATION_OWNER, &params, LA_LATEST) == 0)
		la_unknown_uuid("authorization", id);
	row = la_row(0);
	if (!row.nulls[3])
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("authorization is an increment"),
				la_detail("is_increment", "authorization_id", "It is part of authorization %s.",
						  la_uuid_text(DatumGetUUIDP(row.values[3]))));
	hold->agent_id = *DatumGetUUIDP(row.values[0]);
	hold->with_card = !row.nulls[1];
	if (hold->with_card)
		hold->card_id = *DatumGetUUIDP(row.values[1]);
	hold->currency = TextDatumGetCString(row.values[2]);
}

/* Columns of LA_Q_PARTS_LOCK. */
enum
{
	PART_ID, PART_STATUS, PART_DECIDED_AT, PART_AMOUNT, PART_COUNTED, PART_CAPTURED,
	PART_REVERSED, PART_REFUNDED, PART_EXPIRES_AT
};

static int64
amount_of(LaRow row, int column)
{
	return row.nulls[column] ? 0 : DatumGetInt64(row.values[column]);
}

void
la_lock_hold(LaBooks *books, const pg_uuid_t *id, LaHold *hold)
{
	LaParams	params = {0};

#if LA_MUTANT != 283
	la_books_make_history(books);
#endif
	la_param_text(&params, books->organization_id);
	la_param_uuid(&params, id);
	hold->nparts = la_run(LA_Q_PARTS_LOCK, &params, LA_WRITE);
	hold->parts = palloc0(sizeof(LaPart) * hold->nparts);
	for (int i = 0; i < hold->nparts; i++)
	{
		LaRow		row = la_row(i);
		LaPart	   *part = &hold->parts[i];

		part->id = *DatumGetUUIDP(row.values[PART_ID]);
		part->decided_at = DatumGetTimestampTz(row.values[PART_DECIDED_AT]);
		part->amount = amount_of(row, PART_AMOUNT);
		part->counted = amount_of(row, PART_COUNTED);
		part->captured = amount_of(row, PART_CAPTURED);
		part->reversed = amount_of(row, PART_REVERSED);
		part->refunded = amount_of(row, PART_REFUNDED);
		if (i > 0)
			continue;
		hold->status = la_hold_status(TextDatumGetCString(row.values[PART_STATUS]));
		hold->expires = !row.nulls[PART_EXPIRES_AT];
		hold->expires_at = hold->expires ? DatumGetTimestampTz(row.values[PART_EXPIRES_AT]) : 0;
	}
}

/* Columns of LA_Q_ENTRY_FIND. */
enum
{
	FOUND_KIND, FOUND_REQUESTED, FOUND_FINAL, FOUND_AMOUNT, FOUND_DETAIL
};

static bool
is_same_request(LaRow row, const LaEntry *entry)
{
	return strcmp(TextDatumGetCString(row.values[FOUND_KIND]), la_verb_label(entry->verb)) == 0 &&
		row.nulls[FOUND_REQUESTED] == !entry->has_requested &&
		amount_of(row, FOUND_REQUESTED) == entry->requested &&
		DatumGetBool(row.values[FOUND_FINAL]) == entry->final;
}

bool
la_find_entry(LaBooks *books, const pg_uuid_t *id, const LaEntry *entry, Datum *answer)
{
	LaParams	params = {0};
	LaRow		row;

	if (entry->key == NULL)
		return false;
	la_param_text(&params, books->organization_id);
	la_param_uuid(&params, id);
	la_param_text(&params, entry->key);
	la_param(&params, TimestampTzGetDatum(la_now()), false);
#if LA_MUTANT != 81
	if (la_run(LA_Q_ENTRY_FIND, &params, LA_LATEST) == 0)
#else
	if (la_run(LA_Q_ENTRY_FIND, &params, LA_STATEMENT) == 0)
#endif
		return false;
	row = la_row(0);
	if (!is_same_request(row, entry))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("idempotency key was used for another request"),
				la_detail("idempotency_key_reused", "idempotency_key", "It belongs to a request of this kind: %s of %lld.",
						  TextDatumGetCString(row.values[FOUND_KIND]),
						  (long long) amount_of(row, FOUND_AMOUNT)),
				errhint("A new request needs a new key."));
	la_told_again();
	*answer = SPI_datumTransfer(row.values[FOUND_DETAIL], false, -1);
	return true;
}

static void
param_entry(LaParams *params, LaBooks *books, const pg_uuid_t *id, LaEntry *entry)
{
	if (entry->verb != LA_INCREMENT)
		la_new_id(&entry->id, books->at);
	la_param_text(params, books->organization_id);
	la_param_uuid(params, &entry->id);
	la_param_uuid(params, id);
	la_param_uuid(params, &books->agent_id);
	la_param_int64(params, entry->number);
	la_param_text(params, la_verb_label(entry->verb));
	la_param_int64(params, entry->amount);
	la_param(params, Int64GetDatum(entry->requested), !entry->has_requested);
	la_param_int64(params, entry->added);
	la_param_int64(params, entry->released);
	la_param(params, BoolGetDatum(entry->forced), false);
	la_param(params, BoolGetDatum(entry->final), false);
	la_param(params, TimestampTzGetDatum(books->at), false);
	la_param_text(params, entry->key);
}

void
la_write_entry(LaBooks *books, const pg_uuid_t *id, LaEntry *entry)
{
	LaParams	params = {0};

	param_entry(&params, books, id, entry);
	la_run(LA_Q_ENTRY_INSERT, &params, LA_WRITE);
}

static void
param_part(LaParams *params, const LaPart *part, LaHoldStatus status)
{
	la_param_text(params, la_hold_status_label(status));
	la_param_int64(params, part->counted);
	la_param_int64(params, part->captured);
	la_param_int64(params, part->reversed);
	la_param_int64(params, part->refunded);
}

static void
write_part(LaBooks *books, const LaPart *part, LaHoldStatus status)
{
	LaParams	params = {0};

	la_param_text(&params, books->organization_id);
	la_param_uuid(&params, &part->id);
	param_part(&params, part, status);
	if (la_run(LA_Q_PART_WRITE, &params, LA_WRITE) != 1)
		elog(ERROR, "the authorization was changed under its lock");
}

static Datum
read_answer(LaSettlement *settlement)
{
	LaParams	params = {0};
	Datum		answer;

	la_param_text(&params, settlement->books.organization_id);
	la_param_uuid(&params, &settlement->id);
	la_param_uuid(&params, NULL);
	la_param(&params, TimestampTzGetDatum(settlement->books.at), false);
	if (!la_run_one(LA_Q_AUTHORIZATION_GET, &params, LA_LATEST, &answer))
		elog(ERROR, "the authorization is missing");
	return answer;
}

/* All parts have one status. */
static Datum
write_parts(LaSettlement *settlement, LaEntry *entry, LaHoldStatus before)
{
	LaHold	   *hold = &settlement->hold;

	la_write_entry(&settlement->books, &settlement->id, entry);
	for (int i = 0; i < hold->nparts; i++)
	{
		if (hold->parts[i].changed || hold->status != before)
			write_part(&settlement->books, &hold->parts[i], hold->status);
		hold->parts[i].changed = false;
	}
	return read_answer(settlement);
}

/* A hold without increments, in one statement. */
static Datum
write_one_part(LaSettlement *settlement, LaEntry *entry)
{
	LaHold	   *hold = &settlement->hold;
	LaParams	params = {0};
	Datum		answer;

	param_entry(&params, &settlement->books, &settlement->id, entry);
	param_part(&params, &hold->parts[0], hold->status);
	if (!la_run_one(LA_Q_SETTLE, &params, LA_WRITE, &answer))
		elog(ERROR, "the authorization was changed under its lock");
	return answer;
}

Datum
la_write_settled(LaSettlement *settlement, LaEntry *entry, LaHoldStatus before)
{
	return settlement->hold.nparts > 1 ? write_parts(settlement, entry, before)
		: write_one_part(settlement, entry);
}
