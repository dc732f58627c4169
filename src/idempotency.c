/*
 * idempotency.c
 *		The header Idempotency-Key of the JSON interface; see idempotency.h.
 *
 * Calls with one key queue up, before they take any other lock, until the first
 * one's transaction has ended: then its answer can be read, or there is none and
 * the next one is the first.  Answers are remembered for 24 hours, by principal
 * and route, and successes only: an error undoes what was done, and may be
 * mended and tried again with its key.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "document.h"
#include "errors.h"
#include "field.h"
#include "idempotency.h"
#include "json.h"
#include "lock.h"
#include "module.h"
#include "query.h"
#include "request_header.h"
#include "secret.h"

#define REMEMBERED (24 * USECS_PER_HOUR)

/* A request with a key. */
typedef struct Request
{
	const LaPrincipal *caller;
	const char *principal;
	const char *route;
	const char *key;
	bytea	   *hash;			/* of the body */
} Request;

static char *owner_of(const LaPrincipal *caller);
static void take_turn(const Request *request);
static Jsonb *find_answer(const Request *request);
static void remember(const Request *request, Jsonb *answer);
static Jsonb *without_secrets(Jsonb *answer);
static void forget_some(const Request *request);

Jsonb *
la_answer_once(const LaPrincipal *caller, const LaJsonVerb *verb, Jsonb *body)
{
	Request		request = {caller, NULL, verb->name, la_request_header("idempotency-key")};
	Jsonb	   *answer;

	if (request.key == NULL)
		return la_speak(caller, verb, body);
	la_check_length(request.key, 1, 255, "idempotency_key");
	request.principal = owner_of(caller);
	request.hash = la_sha256(JsonbToCString(NULL, &body->root, VARSIZE(body)));
	take_turn(&request);
	answer = find_answer(&request);
	if (answer == NULL)
	{
		answer = la_speak(caller, verb, body);
		remember(&request, answer);
		forget_some(&request);
	}
	return answer;
}

/* Two agents may come with claims of one subject; an id has one length, so that no subject looks like it. */
static char *
owner_of(const LaPrincipal *caller)
{
	if (caller->kind != LA_CLAIMS || !caller->is_agent)
		return la_principal_name(caller);
	return psprintf("agent:%s %s", la_uuid_text(&caller->agent_id), la_principal_name(caller));
}

/* Held to the end of the transaction. */
static void
take_turn(const Request *request)
{
#if LA_MUTANT != 91
	char	   *id = psprintf("%s %s %s", request->principal, request->route, request->key);

	(void) la_queue(LA_LEVEL_ANSWER,
					la_lock_key(request->caller->organization_id, id, strlen(id)));
#endif
}

static void
param_request(LaParams *params, const Request *request)
{
	la_param_text(params, request->caller->organization_id);
	la_param_text(params, request->principal);
	la_param_text(params, request->route);
	la_param_text(params, request->key);
}

/*
 * One that is too old is taken out at once, where waiting for whoever is just
 * doing the same holds up nothing else.
 */
static Jsonb *
find_answer(const Request *request)
{
	LaParams	params = {0};
	LaRow		row;

	param_request(&params, request);
	if (la_run(LA_Q_ANSWER_FIND, &params, LA_LATEST) == 0)
		return NULL;
	row = la_row(0);
	if (DatumGetTimestampTz(row.values[3]) <= la_now() - REMEMBERED)
	{
		la_wait_patiently();
		la_run(LA_Q_ANSWER_FORGET, &params, LA_WRITE);
		return NULL;
	}
	if (!la_same_hash(request->hash, DatumGetByteaPP(row.values[0])))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("the idempotency key was used for another request"),
				la_detail("idempotency_key_reused", "idempotency_key", "It came with another body."));
	if (DatumGetInt32(row.values[2]) != LA_DEFAULT_STATUS)
		la_set_status(DatumGetInt32(row.values[2]));
	return DatumGetJsonbPCopy(row.values[1]);
}

static void
remember(const Request *request, Jsonb *answer)
{
	LaParams	params = {0};

	param_request(&params, request);
	la_param(&params, PointerGetDatum(request->hash), false);
	la_param(&params, JsonbPGetDatum(without_secrets(answer)), false);
	la_param(&params, Int32GetDatum(la_status_of_call()), false);
	la_param(&params, TimestampTzGetDatum(la_now()), false);
	la_run(LA_Q_ANSWER_INSERT, &params, LA_WRITE);
}

static bool
is_secret(const JsonbValue *name)
{
	return (name->val.string.len == 5 && memcmp(name->val.string.val, "token", 5) == 0) ||
		(name->val.string.len == 3 && memcmp(name->val.string.val, "key", 3) == 0);
}

/* Members of the answer itself; what lies deeper is the application's own, as metadata. */
static Jsonb *
without_secrets(Jsonb *answer)
{
	JsonbIterator *iterator = JsonbIteratorInit(&answer->root);
	JsonbIteratorToken token;
	JsonbValue	value;
	LaDocument	copy;
	bool		blank = false;

	la_begin_object(&copy);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			blank = is_secret(&value);
		else if (token == WJB_VALUE && blank)
			value.type = jbvNull;
		if (token == WJB_KEY || token == WJB_VALUE)
			pushJsonbValue(&copy.state, token, &value);
	}
	return la_end_object(&copy);
}

/* A few old answers of the organization, whoever's they are, that nobody else is about to take out. */
static void
forget_some(const Request *request)
{
	LaParams	params = {0};

	if (IsolationUsesXactSnapshot())
		return;
	la_param_text(&params, request->caller->organization_id);
	la_param(&params, TimestampTzGetDatum(la_now() - REMEMBERED), false);
	la_run(LA_Q_ANSWER_CLEAN, &params, LA_WRITE);
}
