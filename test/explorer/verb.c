/*
 * verb.c
 *		The statements of the explorer, and what their answers mean.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explorer.h"

#define ANSWER \
	"SELECT a.id, a.decision, coalesce(pg_catalog.array_to_string(a.reasons, ' '), ''), a.replayed," \
	" a.linked_intent_id, a.agent_id, a.amount FROM "
#define SETTLED "SELECT a.id, a.replayed FROM "

/* Columns of ANSWER; an entry's replayed is the second one. */
enum
{
	ID, DECIDED, REASONS, REPLAYED, LINKED, AGENT_ID, AMOUNT
};

const char *const statements[PREPARED_VERBS] = {
	[AUTHORIZE] = ANSWER "ledger_agents.authorize($1, $2, merchant => $3, card_id => $4, intent_id => $5,"
	" idempotency_key => $6, organization_id => $7) AS a",
	[AUTHORIZE_AS] = ANSWER "ledger_agents.authenticate($1) AS p, LATERAL ledger_agents.authorize(p.agent_id, $2,"
	" merchant => $3, card_id => $4, intent_id => $5, idempotency_key => $6) AS a",
	[AUTHORIZE_MANY] = ANSWER "ledger_agents.authorize_many($1, organization_id => $2) WITH ORDINALITY AS a ORDER BY a.ordinality",
	[EVALUATE] = ANSWER "ledger_agents.evaluate($1, $2, merchant => $3, card_id => $4, organization_id => $5) AS a",
	[CAPTURE] = SETTLED "ledger_agents.capture($1, $2, final => $3, idempotency_key => $4, organization_id => $5) AS a",
	[REVERSE] = SETTLED "ledger_agents.reverse($1, $2, $3, $4) AS a",
	[REFUND] = SETTLED "ledger_agents.refund($1, $2, $3, $4) AS a",
	[INCREMENT] = ANSWER "ledger_agents.increment($1, $2, $3, $4) AS a",
	[UPDATE_AGENT] = "SELECT a.id FROM ledger_agents.update_agent($1, $2, $3) AS a",
	[UPDATE_CUSTOMER] = "SELECT c.id FROM ledger_agents.update_customer($1, $2, $3) AS c",
	[UPDATE_ORGANIZATION] = "SELECT o.id FROM ledger_agents.update_organization($1, $2) AS o",
	[UPDATE_POLICY] = "SELECT p.id FROM ledger_agents.update_policy($1, $2, $3) AS p",
	[MAKE_POLICY] = "SELECT p.id FROM ledger_agents.create_policy($1, $2, $3) AS p",
	[REVOKE_TOKEN] = "SELECT t.id FROM ledger_agents.revoke_agent_token($1, $2) AS t",
	[FREEZE_CARD] = "SELECT c.id FROM ledger_agents.freeze_card($1, $2) AS c",
	[UNFREEZE_CARD] = "SELECT c.id FROM ledger_agents.unfreeze_card($1, $2) AS c",
	[MAKE_CARD] = "SELECT c.id FROM ledger_agents.create_card($1, type => 'multi', organization_id => $2) AS c",
	[DECLARE] = "SELECT i.id, i.status FROM ledger_agents.declare_intent($1, expected_amount => $2, tolerance => 0, organization_id => $3) AS i",
	[APPROVE_INTENT] = "SELECT i.id FROM ledger_agents.approve_intent($1, $2) AS i",
	[REJECT_INTENT] = "SELECT i.id FROM ledger_agents.reject_intent($1, organization_id => $2) AS i",
	[CANCEL_INTENT] = "SELECT i.id FROM ledger_agents.cancel_intent($1, $2) AS i",
	/* One version of each row, whatever was written meanwhile. */
	[LOOK] = "SELECT (SELECT pg_catalog.count(*) - pg_catalog.count(DISTINCT (k.scope, k.scope_id))"
	" FROM ledger_agents.counters AS k WHERE k.organization_id = $1)"
	" + (SELECT pg_catalog.count(*) - pg_catalog.count(DISTINCT x.id)"
	" FROM ledger_agents.authorizations AS x WHERE x.organization_id = $1)",
};

/* Names of errors that a verb may answer with, whatever runs at once. */
static const char *const allowed[PREPARED_VERBS] = {
	[AUTHORIZE] = "idempotency_key_reused unknown_intent",
	[AUTHORIZE_AS] = "idempotency_key_reused unknown_intent invalid_token",
	[AUTHORIZE_MANY] = "idempotency_key_reused",
	[CAPTURE] = "unknown_authorization invalid_state amount_too_large idempotency_key_reused",
	[REVERSE] = "unknown_authorization invalid_state amount_too_large idempotency_key_reused",
	[REFUND] = "unknown_authorization invalid_state amount_too_large idempotency_key_reused",
	[INCREMENT] = "unknown_authorization invalid_state is_increment idempotency_key_reused",
	[FREEZE_CARD] = "card_closed",
	[UNFREEZE_CARD] = "card_closed agent_suspended",
	[MAKE_CARD] = "agent_suspended",
	[APPROVE_INTENT] = "unknown_intent intent_pending intent_matched intent_mismatched intent_rejected intent_canceled",
	[REJECT_INTENT] = "unknown_intent intent_pending intent_matched intent_mismatched intent_rejected intent_canceled",
	[CANCEL_INTENT] = "unknown_intent intent_pending intent_matched intent_mismatched intent_rejected intent_canceled",
};

const char *
verb_name(Verb verb)
{
	static const char *const names[] = {
		[AUTHORIZE] = "authorize",[AUTHORIZE_AS] = "authorize with a token",[AUTHORIZE_MANY] = "authorize_many",
		[EVALUATE] = "evaluate",[CAPTURE] = "capture",[REVERSE] = "reverse",[REFUND] = "refund",
		[INCREMENT] = "increment",[UPDATE_AGENT] = "update_agent",[UPDATE_CUSTOMER] = "update_customer",
		[UPDATE_ORGANIZATION] = "update_organization",[UPDATE_POLICY] = "update_policy",
		[MAKE_POLICY] = "create_policy",[REVOKE_TOKEN] = "revoke_agent_token",[FREEZE_CARD] = "freeze_card",
		[UNFREEZE_CARD] = "unfreeze_card",[MAKE_CARD] = "create_card",[DECLARE] = "declare_intent",
		[APPROVE_INTENT] = "approve_intent",[REJECT_INTENT] = "reject_intent",[CANCEL_INTENT] = "cancel_intent",
		[LOOK] = "look",[BEGIN] = "begin",[SAVEPOINT] = "savepoint",[ROLLBACK_TO] = "rollback to",
		[RELEASE] = "release",[COMMIT] = "commit",[ROLLBACK] = "rollback",[PREPARE] = "prepare transaction",
		[COMMIT_PREPARED] = "commit prepared",[ROLLBACK_PREPARED] = "rollback prepared",
		[CANCEL] = "cancel",[TERMINATE] = "terminate"
	};

	return names[verb];
}

static int
agent_numbered(const char *id)
{
	for (int i = 0; i < world.nagents; i++)
		if (strcmp(world.agents[i].id, id) == 0)
			return i;
	return -1;
}

/* The number of an intent, which may be one that nobody knew before; -1: none, or one too many. */
static int
intent_numbered(const char *id, const Request *request)
{
	if (id[0] == '\0')
		return -1;
	for (int i = 0; i < world.nintents; i++)
		if (strcmp(world.intents[i].id, id) == 0)
			return i;
	if (world.nintents == MAX_INTENTS)
		return -1;
	snprintf(world.intents[world.nintents].id, ID_LENGTH, "%s", id);
	world.intents[world.nintents].agent = request->agent;
	world.intents[world.nintents].card = request->card;
	world.intents[world.nintents].amount = request->amount;
	world.intents[world.nintents].merchant = request->merchant;
	return world.nintents++;
}

/* A decline of this kind may have suspended the agent. */
static void
note_suspension(Session *session, const Fact *fact)
{
	if (fact->approved || fact->replayed || strcmp(world.agents[fact->agent].action, "suspend") != 0 ||
		strcmp(fact->reasons, "agent_limit_exceeded") != 0)
		return;
	session->changed = true;
	set_fact(session, AGENT_STATUS + fact->agent, STOPPED, world.has_policy || fact->card >= 0);
}

static void
take_decision(Session *session, PGresult *result, int row)
{
	const Step *step = &session->step;
	const Request *request = &step->requests[row];
	Fact	   *fact = new_fact(session, DECISION);

	/* Of several requests the first may be decided before another one waits. */
	if (step->verb == AUTHORIZE_MANY)
		fact->began = session->sent;
	snprintf(fact->id, ID_LENGTH, "%s", PQgetvalue(result, row, ID));
	fact->approved = strcmp(PQgetvalue(result, row, DECIDED), "approved") == 0;
	snprintf(fact->reasons, sizeof(fact->reasons), "%s", PQgetvalue(result, row, REASONS));
	fact->replayed = PQgetvalue(result, row, REPLAYED)[0] == 't';
	fact->agent = agent_numbered(PQgetvalue(result, row, AGENT_ID));
	fact->amount = strtoll(PQgetvalue(result, row, AMOUNT), NULL, 10);
	fact->card = request->card;
	fact->token = step->token;
	fact->merchant = request->merchant;
	fact->increment = step->verb == INCREMENT;
	snprintf(fact->key, sizeof(fact->key), "%s", request->key);
	note("%d: %s %lld for agent %d%s%s", session->number + 1, fact->approved ? "approved" : fact->reasons,
		 (long long) fact->amount, fact->agent + 1, fact->replayed ? ", again" : "", request->key[0] ? ", by key" : "");
	if (fact->card >= 0 && fact->card != fact->agent)
		violate("agent %d may use the card of agent %d", fact->agent + 1, fact->card + 1);
	if (fact->agent < 0 || fact->agent != request->agent || fact->amount != request->amount)
		violate("%s of %lld for agent %d was answered with %lld for agent %d", verb_name(step->verb),
				(long long) request->amount, request->agent + 1, (long long) fact->amount, fact->agent + 1);
	else
	{
		fact->intent = intent_numbered(PQgetvalue(result, row, LINKED), request);
		note_suspension(session, fact);
	}
}

static void
take_decisions(Session *session, PGresult *result)
{
	int			wanted = session->step.nrequests;

	if (PQntuples(result) != wanted)
	{
		violate("%s of %d requests has %d answers", verb_name(session->step.verb), wanted, PQntuples(result));
		return;
	}
	for (int i = 0; i < wanted; i++)
		take_decision(session, result, i);
}

static void
take_entry(Session *session, PGresult *result)
{
	const Step *step = &session->step;
	Fact	   *fact = new_fact(session, ENTRY);

	*fact = (Fact)
	{
		.kind = ENTRY, .session = fact->session, .transaction = fact->transaction, .began = fact->began,
		.answered = fact->answered, .card = -1, .intent = -1, .token = -1, .object = -1
	};
	snprintf(fact->id, ID_LENGTH, "%s", PQgetvalue(result, 0, ID));
	fact->replayed = PQgetvalue(result, 0, 1)[0] == 't';
	fact->verb = step->verb == CAPTURE ? 'c' : step->verb == REVERSE ? 'r' : 'f';
	fact->agent = world.facts[step->hold].agent;
	/* It may have closed a card. */
	session->changed = session->changed || world.facts[step->hold].card >= 0;
	note("%d: done%s", session->number + 1, fact->replayed ? ", again" : "");
	if (strcmp(fact->id, world.facts[step->hold].id) != 0)
		violate("%s was answered with another authorization", verb_name(step->verb));
}

static void
take_rows(Session *session, PGresult *result)
{
	const Step *step = &session->step;

	switch (step->verb)
	{
		case AUTHORIZE:
		case AUTHORIZE_AS:
		case AUTHORIZE_MANY:
		case INCREMENT:
			take_decisions(session, result);
			break;
		case CAPTURE:
		case REVERSE:
		case REFUND:
			take_entry(session, result);
			break;
		case EVALUATE:
			break;
		case LOOK:
			if (strcmp(PQgetvalue(result, 0, 0), "0") != 0)
				violate("a transaction sees two versions of one row");
			break;
		case DECLARE:
			(void) intent_numbered(PQgetvalue(result, 0, 0), &step->requests[0]);
			note("%d: %s", session->number + 1, PQgetvalue(result, 0, 1));
			break;
		default:
			session->changed = true;
			if (step->object >= 0)
				set_fact(session, step->object, step->value, false);
			note("%d: done", session->number + 1);
			break;
	}
}

static bool
is_listed(const char *list, const char *name)
{
	size_t		length = strlen(name);
	const char *found = list;

	while (length > 0 && found != NULL && (found = strstr(found, name)) != NULL)
	{
		if ((found == list || found[-1] == ' ') && (found[length] == ' ' || found[length] == '\0'))
			return true;
		found += length;
	}
	return false;
}

static bool
names_foreign_card(const Step *step)
{
	for (int i = 0; i < step->nrequests || i == 0; i++)
		if (step->requests[i].card >= 0 && step->requests[i].card != step->requests[i].agent)
			return true;
	return false;
}

static bool
was_revoked(int agent)
{
	for (int i = 0; i < world.nfacts && agent >= 0; i++)
		if (world.facts[i].object == TOKEN + agent && world.facts[i].value == STOPPED)
			return true;
	/* Its own answer may be the later one to be read. */
	for (int i = 0; i < world.nsessions; i++)
		if (world.sessions[i].busy && world.sessions[i].step.object == TOKEN + agent)
			return true;
	return false;
}

static void
take_error(Session *session, PGresult *result)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *name = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
	Verb		verb = session->step.verb;
	bool		expected;

	state = state == NULL ? "none" : state;
	if (strcmp(state, "57014") == 0)
		expected = session->canceled;
	else if (strcmp(state, "40P01") == 0)	/* with a token it is two calls */
		expected = session->open || verb == AUTHORIZE_AS;
	else if (strcmp(state, "40001") == 0)
		expected = session->open && session->isolation > 0;
	else if (name != NULL && strcmp(name, "unknown_card") == 0)
		expected = names_foreign_card(&session->step);
	else if (name != NULL && strcmp(name, "invalid_token") == 0)
		expected = was_revoked(session->step.token);
	else
		expected = verb < PREPARED_VERBS && name != NULL && is_listed(allowed[verb], name);
	note("%d: error %s %s", session->number + 1, state, name == NULL ? PQresultErrorMessage(result) : name);
	if (!expected)
		violate("%s ends with %s %s", verb_name(verb), state, PQresultErrorMessage(result));
	if (verb == COMMIT || verb == PREPARE)
	{
		settle_facts(session->transaction, 0, LOST, 0);
		session->open = false;
	}
	else if (session->open)
		session->failed = true;
	else
		settle_facts(session->transaction, 0, LOST, 0);
}

static void
end_transaction(Session *session, Fate fate)
{
	if (fate != PENDING)
		settle_facts(session->transaction, 0, fate, session->began);
	session->open = session->failed = session->changed = session->known = false;
	session->nsavepoints = 0;
	session->token = -1;
}

static void
end_prepared(Session *session, Prepared *prepared, Fate fate)
{
	settle_facts(prepared->transaction, 0, fate, session->began);
	prepared->used = false;
}

static void
take_command(Session *session, PGresult *result)
{
	Step	   *step = &session->step;
	bool		committed = strcmp(PQcmdStatus(result), "ROLLBACK") != 0;

	switch (step->verb)
	{
		case BEGIN:
			session->open = true;
			session->isolation = step->isolation;
			session->calls = 0;
			break;
		case SAVEPOINT:
			session->marks[session->nsavepoints++] = world.nfacts;
			break;
		case ROLLBACK_TO:
			session->failed = false;
			settle_facts(session->transaction, session->marks[session->nsavepoints - 1], LOST, 0);
			break;
		case RELEASE:
			session->nsavepoints--;
			break;
		case PREPARE:
			if (committed)
			{
				Prepared   *prepared = &world.prepared[step->target];

				prepared->used = true;
				prepared->transaction = session->transaction;
				prepared->changed = session->changed;
			}
			end_transaction(session, committed ? PENDING : LOST);
			break;
		case COMMIT:
			if (session->failed == committed)
				violate("commit answers %s", PQcmdStatus(result));
			end_transaction(session, committed ? COMMITTED : LOST);
			break;
		case ROLLBACK:
			end_transaction(session, LOST);
			break;
		case COMMIT_PREPARED:
		case ROLLBACK_PREPARED:
			end_prepared(session, &world.prepared[step->target], step->verb == COMMIT_PREPARED ? COMMITTED : LOST);
			break;
		default:
			break;
	}
}

/* A call outside a transaction is committed when it is answered. */
void
take_answer(Session *session, PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	if (status == PGRES_TUPLES_OK && session->step.verb < PREPARED_VERBS)
	{
		take_rows(session, result);
		session->calls++;
		session->known = session->known || (session->step.verb == AUTHORIZE_AS && session->nsavepoints == 0);
		if (!session->open)
			end_transaction(session, COMMITTED);
	}
	else if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
		take_command(session, result);
	else
		take_error(session, result);
}
