/*
 * customer.c
 *		Reading customers, page by page.
 *
 * Their ids are the application's own, so a cursor is one, in base64, so that
 * nobody takes it for an id.
 */
#include "postgres.h"

#include "common/base64.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "field.h"
#include "module.h"
#include "principal.h"
#include "query.h"

PG_FUNCTION_INFO_V1(la_list_customers);

/* Arguments, in order. */
enum
{
	STATUS, MAX_ROWS, AFTER, ORGANIZATION
};

static char *id_behind(const char *cursor);

/*
 * ledger_agents.list_customers(status text, max_rows integer, after text, organization_id text)
 *		returns setof ledger_agents.customer_detail
 *
 * By id; a page behind a cursor is not shifted by what is made meanwhile.
 */
Datum
la_list_customers(PG_FUNCTION_ARGS)
{
	static const LaField status_field = {
		.name = "status", .kind = LA_KIND_LABEL, .nullable = true, .labels = la_account_labels
	};
	LaPrincipal caller = la_operator(fcinfo, ORGANIZATION);
	LaParams	params = {0};
	LaValues	values;

	la_give(&status_field, 0, PG_GETARG_DATUM(STATUS), PG_ARGISNULL(STATUS), &values);
	SPI_connect();
	la_param_text(&params, caller.organization_id);
	la_param_values(&params, &values, 1);
	la_param_text(&params, PG_ARGISNULL(AFTER) ? NULL :
				  id_behind(text_to_cstring(PG_GETARG_TEXT_PP(AFTER))));
	la_param(&params, Int32GetDatum(la_check_page(PG_ARGISNULL(MAX_ROWS) ? 0 : PG_GETARG_INT32(MAX_ROWS))),
			 false);
	la_run_set(LA_Q_CUSTOMER_LIST, &params, LA_STATEMENT, fcinfo);
	SPI_finish();
	return (Datum) 0;
}

static char *
id_behind(const char *cursor)
{
	int			most = pg_b64_dec_len(strlen(cursor));
	char	   *id = palloc(most + 1);
	int			length = pg_b64_decode(cursor, strlen(cursor), (void *) id, most);

	if (length <= 0 || !pg_verifymbstr(id, length, true))
		la_refuse_cursor();
	id[length] = '\0';
	return id;
}
