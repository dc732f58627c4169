/*
 * request.c
 *		The arguments of authorize() and its like, checked; see spend.h.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/formatting.h"
#include "utils/timestamp.h"

#include "document.h"
#include "errors.h"
#include "field.h"
#include "merchant.h"
#include "spend.h"

FunctionCallInfo
la_arguments_behind(FunctionCallInfo fcinfo, int first)
{
	int			count = PG_NARGS() - first;
	FunctionCallInfo behind = palloc(SizeForFunctionCallInfo(count));

	memcpy(behind, fcinfo, SizeForFunctionCallInfo(0));
	behind->nargs = count;
	memcpy(behind->args, &fcinfo->args[first], sizeof(NullableDatum) * count);
	return behind;
}

void
la_name_merchant(LaRequest *request, const char *merchant)
{
	request->merchant = merchant;
	request->normal_merchant = merchant == NULL ? NULL : la_normal_merchant(merchant);
	/* A name without a letter or digit names nobody. */
	if (request->normal_merchant != NULL && request->normal_merchant[0] == '\0')
		request->normal_merchant = NULL;
}

static char *
text_argument(FunctionCallInfo fcinfo, int i, int most, const char *field)
{
	char	   *value;

	if (PG_ARGISNULL(i))
		return NULL;
	value = text_to_cstring(PG_GETARG_TEXT_PP(i));
	la_check_length(value, 1, most, field);
	return value;
}

/* Longest hold; the network's own are gone after 30 days or so. */
#define MAX_HOLD_DAYS 3660

/* A hold that ends gives its money back, as a reversal does, which is no agent's. */
static void
refuse_own_hold(const LaPrincipal *caller)
{
#if LA_MUTANT != 296
	if (caller->is_agent)
		ereport(ERROR,
				errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("permission denied for hold_for with an agent's token"),
				la_detail("not_allowed", "hold_for", "An agent does not say when what it has spent counts no longer."));
#endif
}

static void
read_hold_for(FunctionCallInfo fcinfo, const LaPrincipal *caller, LaRequest *request)
{
	Interval	zero = {0};
	Interval	most = {.day = MAX_HOLD_DAYS};

	refuse_own_hold(caller);
	request->hold_for = PG_GETARG_INTERVAL_P(LA_ARG_HOLD_FOR);
	if (!DatumGetBool(DirectFunctionCall2(interval_gt, IntervalPGetDatum(request->hold_for),
										  IntervalPGetDatum(&zero))))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("hold_for must be longer than zero"),
				la_detail("invalid_value", "hold_for", "Leave it out for a hold that does not expire."));
	if (DatumGetBool(DirectFunctionCall2(interval_gt, IntervalPGetDatum(request->hold_for),
										 IntervalPGetDatum(&most))))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("hold_for is too long"),
				la_detail("out_of_range", "hold_for", "It may be up to %d days.", MAX_HOLD_DAYS));
}

static void
refuse_form(const char *field, const char *value, const char *form)
{
	ereport(ERROR,
			errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("%s is not valid: \"%s\"", field, la_quoted(value)),
			la_detail("invalid_value", field, "It must be %s.", form));
}

/* What the merchant category, the country and the hold must look like. */
static void
read_facts_of_purchase(FunctionCallInfo fcinfo, const LaPrincipal *caller, LaRequest *request)
{
	la_name_merchant(request, text_argument(fcinfo, LA_ARG_MERCHANT, 255, "merchant"));
	request->mcc = text_argument(fcinfo, LA_ARG_MCC, 255, "mcc");
	if (request->mcc != NULL &&
		(strlen(request->mcc) != 4 || strspn(request->mcc, "0123456789") != 4))
		refuse_form("mcc", request->mcc, "four digits");
	request->country = text_argument(fcinfo, LA_ARG_COUNTRY, 255, "country");
	if (request->country != NULL)
	{
		request->country = asc_toupper(request->country, strlen(request->country));
		if (strlen(request->country) != 2 ||
			strspn(request->country, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 2)
			refuse_form("country", request->country, "an ISO 3166 alpha-2 code");
	}
	if (!PG_ARGISNULL(LA_ARG_HOLD_FOR))
		read_hold_for(fcinfo, caller, request);
}

static void
read_amount(FunctionCallInfo fcinfo, LaRequest *request)
{
	if (PG_ARGISNULL(LA_ARG_AMOUNT))
		la_null_field("amount");
	request->amount = PG_GETARG_INT64(LA_ARG_AMOUNT);
	if (request->amount <= 0)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("amount must be greater than zero"),
				la_detail("invalid_amount", "amount", "It is %lld.", (long long) request->amount));
}

void
la_read_request(FunctionCallInfo fcinfo, const LaPrincipal *caller, LaRequest *request)
{
	memset(request, 0, sizeof(LaRequest));
	if (!PG_ARGISNULL(LA_ARG_AGENT))
		request->agent_id = *PG_GETARG_UUID_P(LA_ARG_AGENT);
	else if (caller->is_agent)
		request->agent_id = caller->agent_id;
	else
		la_null_field("agent_id");
	la_require_own_agent(caller, &request->agent_id);
	read_amount(fcinfo, request);
	if (!PG_ARGISNULL(LA_ARG_CURRENCY))
		request->currency = la_normal_currency(text_to_cstring(PG_GETARG_TEXT_PP(LA_ARG_CURRENCY)),
											   "currency");
	read_facts_of_purchase(fcinfo, caller, request);
	request->key = text_argument(fcinfo, LA_ARG_KEY, 255, "idempotency_key");
	if (!PG_ARGISNULL(LA_ARG_METADATA))
	{
		request->metadata = PG_GETARG_JSONB_P(LA_ARG_METADATA);
		la_check_metadata(request->metadata, "metadata");
	}

	if (!PG_ARGISNULL(LA_ARG_CARD))
		request->card_id = PG_GETARG_UUID_P(LA_ARG_CARD);
	if (!PG_ARGISNULL(LA_ARG_INTENT))
		request->intent_id = PG_GETARG_UUID_P(LA_ARG_INTENT);
}
