/*
 * signature.c
 *		Events as signed webhooks.
 *
 * The body is made here and not by the sender, because its very bytes are
 * signed: those of UTF-8, whatever the database's encoding.  The secret is used
 * and forgotten; no message repeats it.
 */
#include "postgres.h"

#include "common/hmac.h"
#include "common/sha2.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "errors.h"
#include "field.h"
#include "iso_time.h"
#include "module.h"
#include "query.h"

PG_FUNCTION_INFO_V1(la_sign_event);

/* Columns of event_detail. */
enum
{
	ORGANIZATION_ID, ID, POSITION, TYPE, AGENT_ID, DATA, CREATED_AT, COLUMNS
};

static text *secret_argument(FunctionCallInfo fcinfo);
static int64 unix_micros(TimestampTz at, const char *field);
static char *body_of(Datum event);
static char *header_of(const char *body, text *secret, int64 seconds);

/*
 * ledger_agents.sign_event(event ledger_agents.event_detail, secret text, at timestamptz,
 *		OUT body text, OUT header text)
 *
 * The same event always has the same body; the header differs by the instant.
 */
Datum
la_sign_event(PG_FUNCTION_ARGS)
{
	TupleDesc	desc;
	text	   *secret;
	int64		seconds;
	char	   *body;
	Datum		values[2];
	bool		nulls[2] = {false, false};

	if (PG_ARGISNULL(0))
		la_null_field("event");
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	secret = secret_argument(fcinfo);
	seconds = unix_micros(PG_ARGISNULL(2) ? la_now() : PG_GETARG_TIMESTAMPTZ(2), "at") / USECS_PER_SEC;
	body = body_of(PG_GETARG_DATUM(0));
	values[0] = CStringGetTextDatum(body);
	values[1] = CStringGetTextDatum(header_of(body, secret, seconds));
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

/* Anybody can sign with an empty one. */
static text *
secret_argument(FunctionCallInfo fcinfo)
{
	text	   *secret;

	if (PG_ARGISNULL(1))
		la_null_field("secret");
	secret = PG_GETARG_TEXT_PP(1);
	if (VARSIZE_ANY_EXHDR(secret) == 0)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("secret must not be empty"),
				la_detail("invalid_value", "secret", "Use at least 32 random characters."));
	return secret;
}

static int64
unix_micros(TimestampTz at, const char *field)
{
	int64		micros;

	if (!la_unix_micros(at, &micros) || micros < 0)
		ereport(ERROR,
				errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				errmsg("%s is out of range", field),
				la_detail("instant_out_of_range", field, "It must be finite, not before 1970 and not after 294246."));
	return micros;
}

static char *
body_of(Datum event)
{
	static const char *const names[COLUMNS] = {
		"organization_id", "id", NULL, "type", NULL, "data", "created_at"
	};
	Datum		values[COLUMNS];
	bool		nulls[COLUMNS];
	LaRow		row = {values, nulls};
	StringInfoData body;

	la_deform(event, COLUMNS, row);
	for (int i = 0; i < COLUMNS; i++)
		if (names[i] != NULL && nulls[i])
			la_null_field(names[i]);
	initStringInfo(&body);
	appendStringInfo(&body, "{\"id\":\"%s\",\"type\":\"%s\",\"organizationId\":",
					 la_uuid_text(DatumGetUUIDP(values[ID])), la_enum_label(values[TYPE]));
	escape_json(&body, TextDatumGetCString(values[ORGANIZATION_ID]));
	appendStringInfo(&body, ",\"createdAt\":" INT64_FORMAT ",\"data\":",
					 unix_micros(DatumGetTimestampTz(values[CREATED_AT]), "created_at") / 1000);
	(void) JsonbToCString(&body, &DatumGetJsonbP(values[DATA])->root, 0);
	appendStringInfoChar(&body, '}');
	return body.data;
}

static char *
header_of(const char *body, text *secret, int64 seconds)
{
	uint8		digest[PG_SHA256_DIGEST_LENGTH];
	char	   *sent = pg_server_to_any(body, strlen(body), PG_UTF8);
	char	   *prefix = psprintf(INT64_FORMAT ".", seconds);
	pg_hmac_ctx *context = pg_hmac_create(PG_SHA256);
	StringInfoData header;

	if (context == NULL ||
		pg_hmac_init(context, (const uint8 *) VARDATA_ANY(secret), VARSIZE_ANY_EXHDR(secret)) < 0 ||
		pg_hmac_update(context, (const uint8 *) prefix, strlen(prefix)) < 0 ||
		pg_hmac_update(context, (const uint8 *) sent, strlen(sent)) < 0 ||
		pg_hmac_final(context, digest, sizeof(digest)) < 0)
		ereport(ERROR,
				errcode(ERRCODE_INTERNAL_ERROR),
				errmsg("could not compute an HMAC"));
	pg_hmac_free(context);
	initStringInfo(&header);
	appendStringInfo(&header, "t=" INT64_FORMAT ",v1=", seconds);
	for (int i = 0; i < PG_SHA256_DIGEST_LENGTH; i++)
		appendStringInfo(&header, "%02x", digest[i]);
	return header.data;
}
