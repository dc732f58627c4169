/*
 * json.c
 *		The frame of every JSON function: one document in, one document out.
 *
 * A function undoes its work in a subtransaction when it fails, and returns
 * {"error": …} with the HTTP status in response.status, which PostgREST reads.
 * Errors that the caller must see to retry (40001, 40P01, 55P03), or that are
 * not about the request (57014, 25006, internal ones), pass as they are.
 */
#include "module.h"
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
#include "fault.h"
#include "field.h"
#include "idempotency.h"
#include "json.h"
#include "json_verb.h"
#include "lock.h"
#include "query.h"

PG_FUNCTION_INFO_V1(la_api);

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

	/* The one name that is another one there. */
	if (strcmp(name, "client_intent_id") == 0)
		return "customerIntentId";
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

/* A message with SQL's names as bodies have them; what is quoted is a value, and functions have the same name. */
static char *
in_words_of_bodies(const char *message)
{
	StringInfoData text;
	bool		quoted = false;

	initStringInfo(&text);
	while (*message != '\0')
	{
		size_t		length = strspn(message, "abcdefghijklmnopqrstuvwxyz_");

		if (!quoted && length > 0)
		{
			char	   *name = pnstrdup(message, length);

			appendStringInfoString(&text, message[length] == '(' ? name : la_camel_case(name));
			message += length;
			continue;
		}
		quoted ^= *message == '"';
		appendStringInfoChar(&text, *message++);
	}
	return text.data;
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
	telling.message = telling.given ? error->message : in_words_of_bodies(error->message);
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

static Jsonb *
run_verb(const LaJsonVerb *verb, Jsonb *body, MemoryContext memory)
{
	LaPrincipal caller;
	Jsonb	   *answer;

	la_use_claims();
	caller = verb->traits & LA_FOR_AGENTS ? la_caller(NULL, LA_NO_ARGUMENT)
		: la_operator(NULL, LA_NO_ARGUMENT);
	if (!JB_ROOT_IS_OBJECT(body))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("the body must be an object"),
				la_detail("invalid_type", NULL, "It is an array or a scalar."));
	SPI_connect();
	status_of_call = LA_DEFAULT_STATUS;
	if (verb->traits & (LA_READS | LA_ONCE))
		answer = la_speak(&caller, verb, body);
	else
		answer = la_answer_once(&caller, verb, body);
	MemoryContextSwitchTo(memory);
	answer = (Jsonb *) PG_DETOAST_DATUM_COPY(JsonbPGetDatum(answer));
	SPI_finish();
	return answer;
}

/* raising: what would be the answer's error is raised. */
static Jsonb *
call(const LaJsonVerb *verb, Jsonb *body, bool raising)
{
	MemoryContext memory = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	Jsonb	   *answer = NULL;

	la_limit_waiting();
	la_fault("before a subtransaction");
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(memory);
	PG_TRY();
	{
		answer = run_verb(verb, body, memory);
		la_fault("before a subtransaction's end");
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(memory);
		CurrentResourceOwner = owner;
	}
	PG_CATCH();
	{
		ErrorData  *error;
		const struct ErrorClass *class;
		Telling		telling;

		error = la_end_failed(memory, owner);

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
	return answer;
}

/*
 * ledger_agents_api.authorize(jsonb) returns jsonb, and every other verb
 *		What the verb of the function's name does, see json_verb.h.
 */
Datum
la_api(PG_FUNCTION_ARGS)
{
	const LaJsonVerb *verb = la_json_verb(get_func_name(fcinfo->flinfo->fn_oid));

	if ((verb->traits & LA_READS) == 0)
		PreventCommandIfReadOnly(psprintf("%s()", verb->name));
	if (PG_ARGISNULL(0))
		la_null_field("body");
	PG_RETURN_JSONB_P(call(verb, PG_GETARG_JSONB_P(0), false));
}

Jsonb *
la_json_invoke(const char *function, Jsonb *body)
{
	const LaJsonVerb *verb = la_json_verb(function);

	PreventCommandIfReadOnly(psprintf("%s()", verb->name));
	return call(verb, body, true);
}
