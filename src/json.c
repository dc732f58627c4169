/*
 * json.c
 *		The frame of every JSON function: one document in, one document out.
 *
 * A function undoes its work in a subtransaction when it fails, and returns
 * {"error": …} with the HTTP status in response.status, which PostgREST reads.
 * Errors that the caller must see to retry (40001, 40P01, 55P03), or that are
 * not about the request (57014, 25006, internal ones), pass as they are.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "parser/parse_func.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "claims.h"
#include "document.h"
#include "errors.h"
#include "field.h"
#include "idempotency.h"
#include "json.h"
#include "json_value.h"
#include "lock.h"
#include "query.h"

/* SQLSTATEs that are answers about the request, with their HTTP status and type. */
static const struct ErrorClass
{
	int			sqlstate;
	int			status;
	const char *type;
}			error_classes[] = {
	{ERRCODE_INVALID_PARAMETER_VALUE, 400, "invalid_request_error"},
	{ERRCODE_NULL_VALUE_NOT_ALLOWED, 400, "invalid_request_error"},
	{ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE, 400, "invalid_request_error"},
	{ERRCODE_DATETIME_VALUE_OUT_OF_RANGE, 400, "invalid_request_error"},
	{ERRCODE_INSUFFICIENT_PRIVILEGE, 403, "permission_error"},
	{ERRCODE_NO_DATA_FOUND, 404, "not_found_error"},
	{ERRCODE_UNIQUE_VIOLATION, 409, "conflict_error"},
	{ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, 409, "conflict_error"},
};

/* Names whose status is not that of their SQLSTATE. */
static const struct NamedError
{
	const char *code;
	int			status;
	const char *type;
}			named_errors[] = {
	{"not_authenticated", 401, "authentication_error"},
	{"invalid_token", 401, "authentication_error"},
	{"invalid_claims", 401, "authentication_error"},
	{"idempotency_key_reused", 409, "conflict_error"},
};

static const struct ErrorClass *
class_of(int sqlstate)
{
	for (int i = 0; i < lengthof(error_classes); i++)
		if (error_classes[i].sqlstate == sqlstate)
			return &error_classes[i];
	return NULL;
}

char *
la_camel_case(const char *name)
{
	char	   *result = palloc(strlen(name) + 1);
	char	   *to = result;

	for (; *name != '\0'; name++)
	{
		if (name[0] == '_' && name[1] != '\0')
			*to++ = pg_toupper((unsigned char) *++name);
		else
			*to++ = *name;
	}
	*to = '\0';
	return result;
}

/* The message with the name of the field as the body has it. */
static char *
in_words_of_body(const char *message, const char *field)
{
	const char *found = strchr(field, '_') == NULL ? NULL : strstr(message, field);

	if (found == NULL)
		return pstrdup(message);
	return psprintf("%.*s%s%s", (int) (found - message), message, la_camel_case(field),
					found + strlen(field));
}

/* Of the call in progress. */
static int	status_of_call = LA_DEFAULT_STATUS;

int
la_status_of_call(void)
{
	return status_of_call;
}

void
la_set_status(int status)
{
	char		value[16];

	status_of_call = status;
	snprintf(value, sizeof(value), "%d", status);
	(void) set_config_option("response.status", value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_LOCAL, true, 0, false);
}

/* An error as it is told. */
typedef struct Telling
{
	const char *code;
	const char *type;
	int			status;
	bool		given;			/* the field's name is the caller's own */
	char	   *message;
} Telling;

static Telling
telling_of(const ErrorData *error, const struct ErrorClass *class)
{
	Telling		telling = {"invalid_request", class->type, class->status};

	if (error->constraint_name != NULL)
		telling.code = error->constraint_name;
	for (int i = 0; i < lengthof(named_errors); i++)
		if (strcmp(telling.code, named_errors[i].code) == 0)
		{
			telling.type = named_errors[i].type;
			telling.status = named_errors[i].status;
		}
	telling.given = error->column_name == NULL || strcmp(telling.code, "unknown_field") == 0;
	telling.message = telling.given ? error->message
		: in_words_of_body(error->message, error->column_name);
	return telling;
}

static Jsonb *
error_body(const ErrorData *error, const Telling *telling)
{
	LaDocument	document;

	la_set_status(telling->status);
	la_begin_object(&document);
	la_open_object(&document, "error");
	la_put_text(&document, "type", telling->type);
	la_put_text(&document, "code", telling->code);
	la_put_text(&document, "message", telling->message);
	if (error->column_name != NULL)
		la_put_text(&document, "param", telling->given ? error->column_name
					: la_camel_case(error->column_name));
	la_close_object(&document);
	return la_end_object(&document);
}

/* The same error, with the SQLSTATE by which PostgREST answers with that status. */
pg_noreturn static void
raise_with_status(ErrorData *error, const Telling *telling)
{
	error->sqlerrcode = MAKE_SQLSTATE('P', 'T', '0' + telling->status / 100,
									  '0' + telling->status / 10 % 10, '0' + telling->status % 10);
	error->message = telling->message;
	ReThrowError(error);
}

/* Whether the call that begins raises what it would answer as an error; read before any other can begin. */
static bool raises = false;

Jsonb *
la_json_invoke(const char *function, Jsonb *body)
{
	Oid			type = JSONBOID;
	Oid			id = LookupFuncName(list_make2(makeString("ledger_agents_api"),
											   makeString(pstrdup(function))),
									1, &type, false);

	raises = true;
	return DatumGetJsonbP(OidFunctionCall1(id, JsonbPGetDatum(body)));
}

/* What the kinds of functions differ in. */
typedef struct Frame
{
	bool		by_agents;		/* agents may call it, too */
	bool		once;			/* the header Idempotency-Key is kept here */
} Frame;

static const Frame plain = {false, false};
static const Frame once = {false, true};
static const Frame for_agents = {true, false};
static const Frame for_agents_once = {true, true};

static Jsonb *
run_verb(FunctionCallInfo fcinfo, LaVerb verb, const Frame *frame, MemoryContext memory)
{
	LaPrincipal caller;
	Jsonb	   *answer;

	la_use_claims();
	caller = frame->by_agents ? la_caller(fcinfo, LA_NO_ARGUMENT) : la_operator(fcinfo, LA_NO_ARGUMENT);
	if (!JB_ROOT_IS_OBJECT(PG_GETARG_JSONB_P(0)))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("the body must be an object"),
				la_detail("invalid_type", NULL, "It is an array or a scalar."));
	SPI_connect();
	status_of_call = LA_DEFAULT_STATUS;
	if (frame->once)
		answer = la_answer_once(&caller, get_func_name(fcinfo->flinfo->fn_oid),
								PG_GETARG_JSONB_P(0), verb);
	else
		answer = verb(&caller, PG_GETARG_JSONB_P(0));
	MemoryContextSwitchTo(memory);
	answer = (Jsonb *) PG_DETOAST_DATUM_COPY(JsonbPGetDatum(answer));
	SPI_finish();
	return answer;
}

static Datum
call(FunctionCallInfo fcinfo, LaVerb verb, const Frame *frame)
{
	MemoryContext memory = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	Jsonb	   *answer = NULL;
	bool		raising = raises;

	raises = false;
	if (PG_ARGISNULL(0))
		la_null_field("body");
	la_limit_waiting();
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(memory);
	PG_TRY();
	{
		answer = run_verb(fcinfo, verb, frame, memory);
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(memory);
		CurrentResourceOwner = owner;
	}
	PG_CATCH();
	{
		ErrorData  *error;
		const struct ErrorClass *class;
		Telling		telling;

		MemoryContextSwitchTo(memory);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(memory);
		CurrentResourceOwner = owner;

		/*
		 * Never from inside the subtransaction: a session that has begun no
		 * transaction would be left in a failed one.
		 */
		class = class_of(error->sqlerrcode);
		if (class == NULL)
			ReThrowError(error);
		telling = telling_of(error, class);
		if (raising)
			raise_with_status(error, &telling);
		answer = error_body(error, &telling);
	}
	PG_END_TRY();
	PG_RETURN_JSONB_P(answer);
}

Datum
la_json_call(FunctionCallInfo fcinfo, const char *name, LaVerb verb)
{
	PreventCommandIfReadOnly(name);
	return call(fcinfo, verb, &once);
}

Datum
la_json_read(FunctionCallInfo fcinfo, LaVerb verb)
{
	return call(fcinfo, verb, &plain);
}

JsonbValue *
la_member(Jsonb *body, const char *key)
{
	JsonbValue	name;

	name.type = jbvString;
	name.val.string.val = unconstify(char *, key);
	name.val.string.len = strlen(key);
	return findJsonbValueFromContainer(&body->root, JB_FOBJECT, &name);
}

void
la_refuse_member(const char *path)
{
	ereport(ERROR,
			errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("unknown field \"%s\"", la_quoted(path)),
			la_detail("unknown_field", la_quoted(path), "The body has no field of this name."));
}

pg_uuid_t *
la_id_member(Jsonb *body, const char *key, const char *what)
{
	JsonbValue *value = la_member(body, key);
	char	   *text;

	if (value == NULL || value->type == jbvNull)
		la_null_field(key);
	text = la_json_cstring(value);

	/* An id that is no uuid is as unknown as any other. */
	if (value->type != jbvString || !la_is_uuid(text))
		la_unknown(what, text);
	return DatumGetUUIDP(DirectFunctionCall1(uuid_in, CStringGetDatum(text)));
}

Datum
la_json_agent_call(FunctionCallInfo fcinfo, const char *name, LaVerb verb)
{
	PreventCommandIfReadOnly(name);
	return call(fcinfo, verb, &for_agents_once);
}

Datum
la_json_keyed_call(FunctionCallInfo fcinfo, const char *name, LaVerb verb, bool by_agents)
{
	PreventCommandIfReadOnly(name);
	return call(fcinfo, verb, by_agents ? &for_agents : &plain);
}

Datum
la_json_agent_read(FunctionCallInfo fcinfo, LaVerb verb)
{
	return call(fcinfo, verb, &for_agents);
}
