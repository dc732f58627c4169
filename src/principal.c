/*
 * principal.c
 *		Who is calling; see principal.h.
 *
 * A principal lives in this backend's memory, for one transaction: no setting
 * that a role could SET says who it is, and the next client behind a
 * transaction-mode pooler finds nothing.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "authentication.h"
#include "compat.h"
#include "encoding.h"
#include "errors.h"
#include "module.h"
#include "principal.h"

/* The marker functions: whoever may execute one is that. */
#define OPERATOR_MARKER "act_as_operator"
#define AUDITOR_MARKER "act_as_auditor"

static void require_valid_key(const LaPrincipal *caller);
static void refuse_estimates(PlannedStmt *statement, const char *text, bool read_only,
							 ProcessUtilityContext context, ParamListInfo params,
							 QueryEnvironment *environment, DestReceiver *receiver,
							 QueryCompletion *completion);

static bool is_set = false;
static LaPrincipal current;
static SubTransactionId set_in; /* the subtransaction that set it */
static ProcessUtility_hook_type next_utility;

static void
at_end_of_transaction(XactEvent event, void *arg)
{
#if LA_MUTANT != 92
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT ||
		event == XACT_EVENT_PREPARE)
		is_set = false;
#endif
}

/* A rollback to before it undoes it; a released savepoint passes it on. */
static void
at_end_of_subtransaction(SubXactEvent event, SubTransactionId mine,
						 SubTransactionId parent, void *arg)
{
	if (!is_set || set_in != mine)
		return;
	if (event == SUBXACT_EVENT_COMMIT_SUB)
		set_in = parent;
#if LA_MUTANT != 93
	else if (event == SUBXACT_EVENT_ABORT_SUB)
		is_set = false;
#endif
}

void
la_principal_init(void)
{
	RegisterXactCallback(at_end_of_transaction, NULL);
	RegisterSubXactCallback(at_end_of_subtransaction, NULL);
	next_utility = ProcessUtility_hook;
	ProcessUtility_hook = refuse_estimates;
}

/*
 * The planner estimates by statistics about the rows of all tenants: how many
 * rows it expects of a name says whether others have it.  PostgREST asks for
 * that where a request prefers count=planned.  So there is no EXPLAIN for whoever
 * belongs to one tenant; without a principal, a role's own rights say what it sees.
 */
static void
refuse_estimates(PlannedStmt *statement, const char *text, bool read_only,
				 ProcessUtilityContext context, ParamListInfo params,
				 QueryEnvironment *environment, DestReceiver *receiver,
				 QueryCompletion *completion)
{
	if (is_set && IsA(statement->utilityStmt, ExplainStmt))
		ereport(ERROR,
				errcode(MAKE_SQLSTATE('P', 'T', '4', '0', '3')),
				errmsg("permission denied for estimates"),
				la_detail("not_allowed", NULL, "They come from statistics about the rows of all tenants."),
				errhint("Count exactly, or EXPLAIN in a transaction that has not authenticated."));
	if (next_utility != NULL)
		next_utility(statement, text, read_only, context, params, environment, receiver, completion);
	else
		standard_ProcessUtility(statement, text, read_only, context, params, environment,
								receiver, completion);
}

/*
 * Maintenance (ANALYZE, an index or a materialized view, autovacuum) runs the
 * functions of a table's owner as that owner, but it is the maintainer who called
 * from outside, with autovacuum the first superuser.  Nobody's rights are lent there.
 */
static bool
in_maintenance(void)
{
#if LA_MUTANT == 293
	return false;
#endif
	return InSecurityRestrictedOperation();
}

/* Rights count of the role that called from outside, never of the owner whose rights the function has. */
bool
la_outer_role_may(const char *schema, const char *function)
{
	oidvector  *no_arguments = buildoidvector(NULL, 0);
	Oid			marker;

	if (in_maintenance())
		return false;
	marker = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
							 CStringGetDatum(function),
							 PointerGetDatum(no_arguments),
							 ObjectIdGetDatum(get_namespace_oid(schema, false)));
	return OidIsValid(marker) &&
		object_aclcheck(ProcedureRelationId, marker, GetOuterUserId(),
						ACL_EXECUTE) == ACLCHECK_OK;
}

/* The organization that an operator means. */
static void
name_organization(LaPrincipal *operator, FunctionCallInfo fcinfo, int organization_arg)
{
	const char *name = la_organization_setting;
	int			length;

	if (organization_arg != LA_NO_ARGUMENT && !PG_ARGISNULL(organization_arg))
		name = text_to_cstring(PG_GETARG_TEXT_PP(organization_arg));
	length = pg_mbstrlen(name);
	if (length < 1 || length > LA_MAX_ORGANIZATION_ID)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("organization_id must have 1 to %d characters", LA_MAX_ORGANIZATION_ID),
				la_detail("invalid_value", "organization_id", "It has %d.", length));
	la_check_encoding(name);
	strlcpy(operator->organization_id, name, sizeof(operator->organization_id));
}

LaPrincipal
la_caller(FunctionCallInfo fcinfo, int organization_arg)
{
	LaPrincipal operator;

	if (is_set && !in_maintenance())
		return current;
	if (!la_outer_role_may("ledger_agents", OPERATOR_MARKER))
		ereport(ERROR,
				errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("permission denied: no principal"),
				la_detail("not_authenticated", NULL, in_maintenance() ?
						  "Maintenance of tables, indexes and materialized views acts for nobody." :
						  "The role is not an operator and has not authenticated in this transaction."),
				in_maintenance() ? 0 :
				errhint("Call ledger_agents.authenticate() first, or have the role granted the level operator."));
	memset(&operator, 0, sizeof(operator));
	name_organization(&operator, fcinfo, organization_arg);
	return operator;
}

static void
refuse_agent(const LaPrincipal *caller)
{
	if (caller->is_agent)
		ereport(ERROR,
				errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("permission denied for an agent's token"),
				la_detail("not_allowed", NULL, "An agent may spend and read what is its own, nothing else."));
}

LaPrincipal
la_operator(FunctionCallInfo fcinfo, int organization_arg)
{
	LaPrincipal caller = la_caller(fcinfo, organization_arg);

	refuse_agent(&caller);
	if (caller.kind == LA_KEY)
		require_valid_key(&caller);
	return caller;
}

/* A key may do everything: what it does is refused from its revocation on, not only its decisions. */
static void
require_valid_key(const LaPrincipal *caller)
{
	SPI_connect();
	la_require_valid(caller, la_current_view());
	SPI_finish();
}

void
la_require_operator(const LaPrincipal *caller)
{
	if (caller->kind != LA_OPERATOR)
		ereport(ERROR,
				errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("permission denied for whoever belongs to one organization"),
				la_detail("not_allowed", NULL, "Keys, tokens and claims have no rights outside their organization."));
}

LaPrincipal
la_auditor(FunctionCallInfo fcinfo, int organization_arg)
{
	LaPrincipal auditor;

	if (is_set || !la_outer_role_may("ledger_agents", AUDITOR_MARKER))
		return la_operator(fcinfo, organization_arg);
	memset(&auditor, 0, sizeof(auditor));
	name_organization(&auditor, fcinfo, organization_arg);
	return auditor;
}

void
la_require_own_agent(const LaPrincipal *caller, const pg_uuid_t *agent_id)
{
	if (caller->is_agent && memcmp(&caller->agent_id, agent_id, UUID_LEN) != 0)
		la_unknown_uuid("agent", agent_id);
}

bool
la_principal_is_set(void)
{
	return is_set;
}

static bool
is_same(const LaPrincipal *one, const LaPrincipal *other)
{
	return one->kind == other->kind && one->is_agent == other->is_agent &&
		strcmp(one->organization_id, other->organization_id) == 0 &&
		memcmp(&one->agent_id, &other->agent_id, UUID_LEN) == 0 &&
		memcmp(&one->secret_id, &other->secret_id, UUID_LEN) == 0 &&
		strcmp(one->subject, other->subject) == 0;
}

void
la_set_principal(const LaPrincipal *principal)
{
	if (is_set && !is_same(&current, principal))
		ereport(ERROR,
				errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("another principal is set in this transaction"),
				la_detail("principal_is_set", NULL, "A principal holds to the end of its transaction."));
	if (!is_set)
		set_in = GetCurrentSubTransactionId();
	current = *principal;
	is_set = true;
}

char *
la_principal_name(const LaPrincipal *principal)
{
	switch (principal->kind)
	{
		case LA_OPERATOR:
			break;
		case LA_KEY:
			return psprintf("key:%s", la_uuid_text(&principal->secret_id));
		case LA_TOKEN:
			return psprintf("agent:%s", la_uuid_text(&principal->agent_id));
		case LA_CLAIMS:
			return psprintf("claims:%s", principal->subject);
	}
	return pstrdup("operator");
}

char *
la_outer_role(void)
{
	return GetUserNameFromId(GetOuterUserId(), false);
}

void
la_unknown(const char *what, const char *id)
{
	la_unknown_field(what, psprintf("%s_id", what), id);
}

void
la_unknown_field(const char *what, const char *field, const char *id)
{
	ereport(ERROR,
			errcode(ERRCODE_NO_DATA_FOUND),
			errmsg("unknown %s", what),
			la_detail(psprintf("unknown_%s", what), field,
					  "There is no %s \"%s\".", what, la_quoted(id)));
}

void
la_unknown_uuid(const char *what, const pg_uuid_t *id)
{
	la_unknown(what, la_uuid_text(id));
}
