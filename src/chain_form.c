/*
 * chain_form.c
 *		What of a history is hashed, byte for byte; see chain_form.h.
 *
 * Columns are found by name, so that neither their order in the table nor a
 * restore matters.  What a later verb writes into an authorization is left out:
 * it follows from the entries, and check_invariants() says whether it does.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "port/pg_bswap.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "chain_form.h"
#include "errors.h"
#include "iso_time.h"
#include "query.h"

StaticAssertDecl(LA_HEAD_LENGTH == PG_SHA256_DIGEST_LENGTH, "a head is a SHA-256");

#define DOMAIN "ledger_agents chain 1"

/* What stands for null where a length is expected. */
static const uint32 null_length = 0xFFFFFFFF;

static const char *const of_authorization[] = {
	"organization_id", "id", "agent_id", "sequence", "decided_at", "amount", "agent_spent",
	"agent_limit", "remaining", "max_approvable", "retry_at", "expires_at", "increment_of",
	"recorded", "card_id", "intent_id", "linked_intent_id", "decision", "reason",
	"agent_limit_frequency", "on_limit_exceeded", "attestation", "customer_id", "currency",
	"idempotency_key", "merchant", "mcc", "country", "hold_for", "reasons", "failed_limits",
	"metadata", NULL
};

static const char *const of_entry[] = {
	"organization_id", "id", "authorization_id", "agent_id", "number", "kind", "amount",
	"requested_amount", "added_amount", "released_amount", "forced", "final", "created_at",
	"idempotency_key", NULL
};

static const char *const of_seal[] = {
	"organization_id", "agent_id", "number", "sequence", "entry_number", "decided_at", "version",
	"sealed_at", NULL
};

static const char *const *columns_of(LaItemKind kind);
static void put_column(StringInfo form, TupleDesc desc, HeapTuple tuple, const char *name);
static void put_known(StringInfo form, Datum value, Oid type);
static void put_value(StringInfo form, Datum value, Oid type);
static void put_array(StringInfo form, ArrayType *array);
static void put_bytes(StringInfo form, const void *bytes, int length);

void
la_first_head(uint8 *head, const char *organization_id, const pg_uuid_t *agent_id)
{
	StringInfoData form;

	memset(head, 0, LA_HEAD_LENGTH);
	initStringInfo(&form);
	appendStringInfoString(&form, DOMAIN);
	appendBinaryStringInfo(&form, (const char *) agent_id->data, UUID_LEN);
	appendStringInfoString(&form, pg_server_to_any(organization_id, strlen(organization_id), PG_UTF8));
	la_hash_item(head, &form);
	pfree(form.data);
}

void
la_hash_item(uint8 *head, const StringInfoData *form)
{
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);

	if (pg_cryptohash_init(context) < 0 ||
		pg_cryptohash_update(context, head, LA_HEAD_LENGTH) < 0 ||
		pg_cryptohash_update(context, (const uint8 *) form->data, form->len) < 0 ||
		pg_cryptohash_final(context, head, LA_HEAD_LENGTH) < 0)
		ereport(ERROR,
				errcode(ERRCODE_INTERNAL_ERROR),
				errmsg("could not compute a SHA-256 hash"));
	pg_cryptohash_free(context);
}

void
la_form_row(StringInfo form, LaItemKind kind, Datum row)
{
	HeapTupleHeader header = DatumGetHeapTupleHeader(row);
	TupleDesc	desc = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(header),
											  HeapTupleHeaderGetTypMod(header));
	HeapTupleData tuple;

	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = header;
	appendStringInfoChar(form, LA_CHAIN_VERSION);
	appendStringInfoChar(form, kind);
	for (const char *const *name = columns_of(kind); *name != NULL; name++)
		put_column(form, desc, &tuple, *name);
	ReleaseTupleDesc(desc);
}

static const char *const *
columns_of(LaItemKind kind)
{
	switch (kind)
	{
		case LA_ITEM_AUTHORIZATION:
			return of_authorization;
		case LA_ITEM_ENTRY:
			return of_entry;
		case LA_ITEM_SEAL:
			break;
	}
	return of_seal;
}

static void
put_column(StringInfo form, TupleDesc desc, HeapTuple tuple, const char *name)
{
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(desc, i);
		Datum		value;
		bool		isnull;

		if (column->attisdropped || strcmp(NameStr(column->attname), name) != 0)
			continue;
		value = heap_getattr(tuple, i + 1, desc, &isnull);
		if (isnull)
			put_bytes(form, &null_length, sizeof(null_length));
		else
			put_known(form, value, column->atttypid);
		return;
	}
	elog(ERROR, "row has no column \"%s\"", name);
}

/* A value with its length before it. */
static void
put_known(StringInfo form, Datum value, Oid type)
{
	int			start = form->len;
	uint32		length = 0;

	put_bytes(form, &length, sizeof(length));
	put_value(form, value, type);
	length = pg_hton32((uint32) (form->len - start - sizeof(length)));
	memcpy(form->data + start, &length, sizeof(length));
}

static void
put_int64(StringInfo form, int64 value)
{
	uint64		bytes = pg_hton64((uint64) value);

	put_bytes(form, &bytes, sizeof(bytes));
}

/* Microseconds since the Unix epoch; what is infinite stays the least or the greatest number. */
static void
put_instant(StringInfo form, TimestampTz instant)
{
	int64		micros = instant;

	/* Only a clock that a superuser has set leads that far. */
	if (!TIMESTAMP_NOT_FINITE(instant) && !la_unix_micros(instant, &micros))
		ereport(ERROR,
				errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				errmsg("an instant is too late to be hashed"),
				la_detail("instant_out_of_range", NULL, "It is %s.", timestamptz_to_str(instant)));
	put_int64(form, micros);
}

static void
put_text(StringInfo form, const char *text, int length)
{
	char	   *utf8 = pg_server_to_any(text, length, PG_UTF8);

	put_bytes(form, utf8, utf8 == text ? length : strlen(utf8));
}

static void
put_interval(StringInfo form, const Interval *interval)
{
	put_int64(form, interval->month);
	put_int64(form, interval->day);
	put_int64(form, interval->time);
}

/* Its text is the server's: keys in its order, one blank behind colons and commas. */
static void
put_document(StringInfo form, Jsonb *document)
{
	char	   *text = JsonbToCString(NULL, &document->root, VARSIZE(document));

	put_text(form, text, strlen(text));
}

static void
put_value(StringInfo form, Datum value, Oid type)
{
	bool		truth;

	switch (type)
	{
		case INT8OID:
			put_int64(form, DatumGetInt64(value));
			return;
		case INT4OID:
			put_int64(form, DatumGetInt32(value));
			return;
		case BOOLOID:
			truth = DatumGetBool(value);
			put_bytes(form, &truth, 1);
			return;
		case UUIDOID:
			put_bytes(form, DatumGetUUIDP(value)->data, UUID_LEN);
			return;
		case TIMESTAMPTZOID:
			put_instant(form, DatumGetTimestampTz(value));
			return;
		case TEXTOID:
			put_text(form, VARDATA_ANY(DatumGetTextPP(value)), VARSIZE_ANY_EXHDR(DatumGetTextPP(value)));
			return;
		case INTERVALOID:
			put_interval(form, DatumGetIntervalP(value));
			return;
		case JSONBOID:
			put_document(form, DatumGetJsonbP(value));
			return;
	}
	if (type_is_enum(type))
	{
		const char *label = la_enum_label(value);

		put_text(form, label, strlen(label));
	}
	else
		put_array(form, DatumGetArrayTypeP(value));
}

/* The number of elements in 4 bytes, and each with its length before it. */
static void
put_array(StringInfo form, ArrayType *array)
{
	Oid			type = ARR_ELEMTYPE(array);
	int16		length;
	bool		by_value;
	char		align;
	Datum	   *elements;
	int			count;
	uint32		bytes;

	get_typlenbyvalalign(type, &length, &by_value, &align);
	deconstruct_array(array, type, length, by_value, align, &elements, NULL, &count);
	bytes = pg_hton32((uint32) count);
	put_bytes(form, &bytes, sizeof(bytes));
	for (int i = 0; i < count; i++)
		put_known(form, elements[i], type);
}

static void
put_bytes(StringInfo form, const void *bytes, int length)
{
	appendBinaryStringInfo(form, bytes, length);
}

void
la_form_seal(StringInfo form, const char *organization_id, const pg_uuid_t *agent_id,
			 const LaSeal *seal)
{
	appendStringInfoChar(form, LA_CHAIN_VERSION);
	appendStringInfoChar(form, LA_ITEM_SEAL);
	put_known(form, CStringGetTextDatum(organization_id), TEXTOID);
	put_known(form, UUIDPGetDatum(agent_id), UUIDOID);
	put_known(form, Int64GetDatum(seal->number), INT8OID);
	put_known(form, Int64GetDatum(seal->sequence), INT8OID);
	put_known(form, Int64GetDatum(seal->entry_number), INT8OID);
	put_known(form, TimestampTzGetDatum(seal->decided_at), TIMESTAMPTZOID);
	put_known(form, Int32GetDatum(LA_CHAIN_VERSION), INT4OID);
	put_known(form, TimestampTzGetDatum(seal->sealed_at), TIMESTAMPTZOID);
}
