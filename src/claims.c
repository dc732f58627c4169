/*
 * claims.c
 *		Who sends a request over HTTP: the header Api-Key, or a JWT's claims.
 *
 * PostgREST checks the signature of a JWT, switches from its own login to the
 * role that the JWT names, and leaves the claims in the setting
 * request.jwt.claims.  Anybody can set a setting.  So the claims count only where
 * the role that calls is another one than the session logged in as, and has
 * rights on this interface itself: whoever logs in as a role of the level api
 * directly could claim anything, and therefore claims nothing.  Whoever can log
 * in and SET ROLE to such a role is trusted with its claims, as PostgREST is.
 */
#include "postgres.h"

#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "authentication.h"
#include "claims.h"
#include "encoding.h"
#include "errors.h"
#include "field.h"
#include "json_value.h"
#include "organization.h"
#include "request_header.h"

PG_FUNCTION_INFO_V1(la_pre_request);

#define CLAIMS "request.jwt.claims"
#define UNAUTHORIZED MAKE_SQLSTATE('P', 'T', '4', '0', '1')

static void refuse_estimates(void);
static bool read_claims(LaPrincipal *found, const char **problem);
static void take_claims(const LaPrincipal *found, const char *problem, int sqlstate);

/*
 * ledger_agents_api.pre_request() returns void
 *
 * Fixes the principal of a request: by the header Api-Key, or by the claims;
 * else there is none.  What is refused is a 401 to PostgREST, and not repeated.
 */
Datum
la_pre_request(PG_FUNCTION_ARGS)
{
	char	   *secret = la_request_header("api-key");
	const char *problem;
	LaPrincipal found;

	refuse_estimates();
	SPI_connect();
	if (secret == NULL)
	{
		if (read_claims(&found, &problem))
			take_claims(&found, problem, UNAUTHORIZED);
	}
	else if (la_find_principal(secret, &found))
		la_take_principal(&found);
	else
		ereport(ERROR,
				errcode(UNAUTHORIZED),
				errmsg("authentication failed"),
				la_detail("invalid_token", "Api-Key", "The secret is unknown, expired or revoked."),
				errhint("Send a key or a token in the header Api-Key."));
	SPI_finish();
	PG_RETURN_VOID();
}

/*
 * They would be refused when they are made (see principal.c), but count=estimated
 * makes one only where there are many rows.
 */
static void
refuse_estimates(void)
{
	if (la_request_prefers("count=planned") || la_request_prefers("count=estimated"))
		ereport(ERROR,
				errcode(MAKE_SQLSTATE('P', 'T', '4', '0', '0')),
				errmsg("rows are counted exactly or not at all"),
				la_detail("invalid_value", "Prefer", "Estimates come from statistics about the rows of all tenants."),
				errhint("Prefer count=exact."));
}

void
la_use_claims(void)
{
	const char *problem;
	LaPrincipal found;

	if (la_principal_is_set())
		return;
	SPI_connect();
	if (read_claims(&found, &problem))
		take_claims(&found, problem, ERRCODE_INSUFFICIENT_PRIVILEGE);
	SPI_finish();
}

/* A claim that must be a string of least to most bytes; NULL: it is not. */
static char *
string_claim(JsonbValue *value, int least, int most)
{
	char	   *text;

	if (value->type != jbvString)
		return NULL;
	text = la_json_cstring(value);
	return strlen(text) < least || strlen(text) > most ? NULL : text;
}

static const char *
read_organization(JsonbValue *value, LaPrincipal *found)
{
	char	   *text = value == NULL ? NULL : string_claim(value, 1, sizeof(found->organization_id) - 1);

	if (text == NULL || pg_mbstrlen(text) > LA_MAX_ORGANIZATION_ID)
		return "organization_id is no string of 1 to 64 characters.";
	strlcpy(found->organization_id, text, sizeof(found->organization_id));
	return NULL;
}

static const char *
read_subject(JsonbValue *value, LaPrincipal *found)
{
	char	   *text = value == NULL ? "" : string_claim(value, 0, LA_MAX_SUBJECT);

	if (text == NULL)
		return "sub is no string of up to 255 bytes.";
	/* It stands in events. */
	la_check_encoding(text);
	strlcpy(found->subject, text, sizeof(found->subject));
	return NULL;
}

/* Null is no agent_id left out: who forgot the agent would get its organization. */
static const char *
read_agent(JsonbValue *value, LaPrincipal *found)
{
	char	   *text;

	if (value == NULL)
		return NULL;
	text = string_claim(value, 1, 100);

	if (text == NULL || !la_is_uuid(text))
		return "agent_id is no uuid.";
	found->is_agent = true;
	found->agent_id = *DatumGetUUIDP(DirectFunctionCall1(uuid_in, CStringGetDatum(text)));
	return NULL;
}

/* False: there are none that count.  *problem: what is wrong with them, or NULL. */
static bool
read_claims(LaPrincipal *found, const char **problem)
{
	bool		malformed;
	Jsonb	   *claims;

	if (GetSessionUserId() == GetOuterUserId() ||
		!la_outer_role_may("ledger_agents_api", "pre_request"))
		return false;
	claims = la_request_object(CLAIMS, &malformed);
	memset(found, 0, sizeof(LaPrincipal));
	found->kind = LA_CLAIMS;
	*problem = "They are no JSON object.";
	if (malformed)
		return true;
	if (claims == NULL || (la_member(claims, "organization_id") == NULL &&
						   la_member(claims, "agent_id") == NULL))
		return false;
	*problem = read_organization(la_member(claims, "organization_id"), found);
	if (*problem == NULL)
		*problem = read_agent(la_member(claims, "agent_id"), found);
	if (*problem == NULL)
		*problem = read_subject(la_member(claims, "sub"), found);
	return true;
}

static bool
organization_exists(const LaPrincipal *found)
{
	LaParams	params = {0};

	la_param_text(&params, found->organization_id);
	return la_run(LA_Q_ORGANIZATION_EXISTS, &params, la_current_view()) > 0 ||
		strcmp(found->organization_id, LA_DEFAULT_ORGANIZATION) == 0;
}

/* Another organization's agent is as unknown as none. */
static void
take_claims(const LaPrincipal *found, const char *problem, int sqlstate)
{
	if (problem == NULL && found->is_agent && !la_is_valid(found, la_current_view()))
		problem = "The organization has no such agent.";
	if (problem == NULL && !found->is_agent && !organization_exists(found))
		problem = "There is no such organization.";
	if (problem != NULL)
		ereport(ERROR,
				errcode(sqlstate),
				errmsg("the claims of the JWT name nobody"),
				la_detail("invalid_claims", NULL, "%s", problem));
	la_set_principal(found);
}
