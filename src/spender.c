/*
 * spender.c
 *		The agent that says something about its spending; see spender.h.
 *
 * The order of locks is that of a decision: the agent's queue, the counter's
 * row, and only then the configuration lock, because who holds that one waits
 * for nothing that an idle transaction could hold.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "agent.h"
#include "authentication.h"
#include "counter.h"
#include "errors.h"
#include "lock.h"
#include "module.h"
#include "spender.h"

static void lock_counter(const LaPrincipal *caller, const pg_uuid_t *id, LaScope scope);

/* The card as it is now; an agent's token is not told of other agents' cards. */
static void
read_card(const LaPrincipal *caller, const pg_uuid_t *card_id, pg_uuid_t *agent_id, bool *closed)
{
	LaParams	params = {0};
	LaRow		row;

	la_param_text(&params, caller->organization_id);
	la_param_uuid(&params, card_id);
	if (la_run(LA_Q_INTENT_CARD, &params, LA_LATEST) == 0)
		la_unknown_uuid("card", card_id);
	row = la_row(0);
	*agent_id = *DatumGetUUIDP(row.values[0]);
	*closed = DatumGetBool(row.values[1]);
}

/* The agent of a card never changes: both may be looked up before the locks. */
static void
find_agent(LaSpender *spender, const LaPrincipal *caller, const pg_uuid_t *agent_id)
{
	pg_uuid_t	owner;

	if (agent_id != NULL)
		spender->agent_id = *agent_id;
	else if (caller->is_agent)
		spender->agent_id = caller->agent_id;
	else if (spender->card_id == NULL)
		la_null_field("agent_id");
	if (agent_id != NULL)
		la_require_own_agent(caller, agent_id);
	if (spender->card_id == NULL)
		return;
	read_card(caller, spender->card_id, &owner, &spender->card_closed);
	if (agent_id == NULL && !caller->is_agent)
		spender->agent_id = owner;
	else if (memcmp(&owner, &spender->agent_id, UUID_LEN) != 0)
		la_unknown_uuid("card", spender->card_id);
}

void
la_open_spender(LaSpender *spender, const LaPrincipal *caller, const pg_uuid_t *agent_id,
				const pg_uuid_t *card_id, bool by_card)
{
	pg_uuid_t	owner;

	memset(spender, 0, sizeof(LaSpender));
	spender->card_id = card_id;
	find_agent(spender, caller, agent_id);
	spender->key = la_lock_key(caller->organization_id, &spender->agent_id, UUID_LEN);
#if LA_MUTANT != 61
	spender->newly_queued = la_queue(LA_LEVEL_AGENT, spender->key);

	/*
	 * Decisions judge by the version of the agent's counter, also what they
	 * know of its cards.
	 */
	lock_counter(caller, &spender->agent_id, LA_AGENT);
	if (by_card && card_id != NULL)
		lock_counter(caller, card_id, LA_CARD);
#endif
	la_share_configuration(LA_LEVEL_AGENT, spender->key);
	la_require_valid(caller, LA_LATEST);
	la_read_agent(caller, &spender->agent_id, LA_Q_AGENT_READ, &spender->agent);
	if (card_id != NULL)
		read_card(caller, card_id, &owner, &spender->card_closed);
}

static void
lock_counter(const LaPrincipal *caller, const pg_uuid_t *id, LaScope scope)
{
	LaParams	params = {0};

	la_param_text(&params, caller->organization_id);
	la_param_text(&params, la_uuid_text(id));
	la_param_text(&params, la_scope_label(scope));
	la_wait_patiently();
	if (la_run(LA_Q_COUNTER_LOCK, &params, LA_WRITE) == 0)
		la_unknown_uuid(la_scope_label(scope), id);
}

void
la_require_active(const LaSpender *spender)
{
	const char *status = TextDatumGetCString(spender->agent.values[LA_AGENT_STATUS]);

	if (strcmp(status, "deregistered") == 0)
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("agent is deregistered"),
				la_detail("agent_deregistered", "agent_id", "It can spend no more."));
	if (spender->card_closed)
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("card is closed"),
				la_detail("card_closed", "card_id", "Nothing more can be spent with it."));
}

void
la_close_spender(const LaSpender *spender)
{
	la_release_configuration(LA_LEVEL_AGENT, spender->key);
	if (spender->newly_queued)
		la_leave_queue(LA_LEVEL_AGENT, spender->key);
}
