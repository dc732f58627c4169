/*
 * authorization.c
 *		Reading authorizations.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "field.h"
#include "module.h"
#include "principal.h"
#include "query.h"

PG_FUNCTION_INFO_V1(la_get_authorization);
PG_FUNCTION_INFO_V1(la_list_authorizations);

/*
 * ledger_agents.get_authorization(authorization_id uuid, organization_id text)
 *		returns ledger_agents.authorization_detail
 */
Datum
la_get_authorization(PG_FUNCTION_ARGS)
{
	LaPrincipal caller = la_caller(fcinfo, 1);
	LaParams	params = {0};
	Datum		answer;

	if (PG_ARGISNULL(0))
		la_null_field("authorization_id");
	SPI_connect();
	la_param_text(&params, caller.organization_id);
	la_param_uuid(&params, PG_GETARG_UUID_P(0));
	la_param_uuid(&params, caller.is_agent ? &caller.agent_id : NULL);
	la_param(&params, TimestampTzGetDatum(la_now()), false);
	if (!la_run_one(LA_Q_AUTHORIZATION_GET, &params, LA_STATEMENT, &answer))
		la_unknown_uuid("authorization", PG_GETARG_UUID_P(0));
	SPI_finish();
	return answer;
}

/*
 * ledger_agents.list_authorizations(agent_id uuid, customer_id text, decision text,
 *		max_rows integer, after text, organization_id text)
 *		returns setof ledger_agents.authorization_detail
 *
 * Newest first; a page behind a cursor is not shifted by what is decided meanwhile.
 */
Datum
la_list_authorizations(PG_FUNCTION_ARGS)
{
	static const char *const decisions[] = {"approved", "declined", NULL};
	static const LaField decision_field = {
		.name = "decision", .kind = LA_KIND_LABEL, .nullable = true, .labels = decisions
	};
	LaPrincipal caller = la_caller(fcinfo, 5);
	pg_uuid_t  *agent_id = PG_ARGISNULL(0) ? NULL : PG_GETARG_UUID_P(0);
	LaParams	params = {0};
	LaValues	values;

	la_give(&decision_field, 0, PG_GETARG_DATUM(2), PG_ARGISNULL(2), &values);
	if (agent_id != NULL)
		la_require_own_agent(&caller, agent_id);
	else if (caller.is_agent)
		agent_id = &caller.agent_id;
	SPI_connect();
	la_param_text(&params, caller.organization_id);
	la_param_uuid(&params, agent_id);
	la_param(&params, PG_GETARG_DATUM(1), PG_ARGISNULL(1));
	la_param_values(&params, &values, 1);
	la_param_uuid(&params, la_parse_cursor(PG_ARGISNULL(4) ? NULL :
										   text_to_cstring(PG_GETARG_TEXT_PP(4))));
	la_param(&params, Int32GetDatum(la_check_page(PG_ARGISNULL(3) ? 0 : PG_GETARG_INT32(3))), false);
	la_param(&params, TimestampTzGetDatum(la_now()), false);
	la_run_set(agent_id == NULL ? LA_Q_AUTHORIZATION_LIST : LA_Q_AUTHORIZATION_LIST_AGENT,
			   &params, LA_STATEMENT, fcinfo);
	SPI_finish();
	return (Datum) 0;
}
