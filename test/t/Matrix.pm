# What the matrix of 017_matrix.pl is made of: tenants, the calls of every function, the writes of every view.
package Matrix;

use strict;
use warnings;

# A bundle of everything that can be named, with its mark in every text; what it returns is a JSON object of ids.
sub setup
{
	return <<'SQL';
CREATE EXTENSION ledger_agents;
SET client_min_messages = warning;
SELECT ledger_agents.create_organization('other');
SELECT ledger_agents.update_organization('{"name": "CANARY-default-org", "transaction_events": true}');
SELECT ledger_agents.update_organization('{"name": "CANARY-other-org", "transaction_events": true}', 'other');
CREATE SCHEMA matrix;
CREATE FUNCTION matrix.bundle(organization text, name text, twins text[]) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	mark constant text := 'CANARY-' || organization || '-' || name;
	metadata constant jsonb := jsonb_build_object('note', mark, 'n', CASE organization WHEN 'default' THEN '1' ELSE mark END);
	r record;
	b jsonb := jsonb_build_object('customer', mark || '-customer', 'externalId', mark || '-agent', 'consumer', mark || '-consumer',
								  'policyName', mark || '-policy', 'key', mark || '-key', 'clientId', mark || '-intent', 'mark', mark);
	id uuid;
BEGIN
	PERFORM set_config('ledger_agents.organization', organization, false);
	PERFORM ledger_agents.update_customer(mark || '-customer', jsonb_build_object('name', mark || '-name'));
	FOR n IN 1 .. 3 LOOP
		id := (ledger_agents.create_policy(concat(mark, '-policy', nullif(n, 1)), jsonb_build_object('merchantHint', mark || ' shop'))).id;
		b := b || jsonb_build_object(concat('policy', nullif(n, 1)), id);
	END LOOP;
	SELECT * INTO r FROM ledger_agents.register_agent(mark || '-agent', mark || '-customer', mark || '-name', mark || '-description', spending_limit => 1000000,
		policy => '{"requireCard": false, "requireApproval": true, "autoApproveBelow": 90000}', default_policy_id => (b ->> 'policy')::uuid, metadata => metadata);
	b := b || jsonb_build_object('agent', r.id, 'secret', r.token, 'token', r.token_id);
	id := (ledger_agents.register_agent(mark || '-agent2', mark || '-customer', metadata => metadata)).id;
	b := b || jsonb_build_object('agent2', id);
	FOR n IN 2 .. 4 LOOP
		id := (ledger_agents.create_agent_token((b ->> 'agent')::uuid, mark || '-token')).id;
		b := b || jsonb_build_object(concat('token', n), id);
	END LOOP;
	FOR n IN 1 .. 2 LOOP
		id := (ledger_agents.create_organization_key(mark || '-key')).id;
		b := b || jsonb_build_object(concat('orgKey', nullif(n, 1)), id);
	END LOOP;
	FOR n IN 1 .. 3 LOOP
		id := (ledger_agents.create_card((b ->> 'agent')::uuid, mark || '-purpose', 'multi', metadata => metadata)).id;
		b := b || jsonb_build_object(concat('card', nullif(n, 1)), id);
	END LOOP;
	FOR n IN 1 .. 6 LOOP
		id := (ledger_agents.declare_intent((b ->> 'agent')::uuid, client_intent_id => concat(mark, '-intent', nullif(n, 1)), summary => mark || '-summary',
			expected_amount => 95000 + n, expected_merchant => mark || '-shop', metadata => metadata)).id;
		b := b || jsonb_build_object(concat('intent', nullif(n, 1)), id);
	END LOOP;
	FOR n IN 1 .. 2 LOOP
		id := (ledger_agents.authorize((b ->> 'agent')::uuid, 100, merchant => mark || ' shop', idempotency_key => concat(mark, '-key', nullif(n, 1)), metadata => metadata)).id;
		b := b || jsonb_build_object(concat('authorization', nullif(n, 1)), id);
	END LOOP;
	PERFORM ledger_agents.authorize((b ->> 'agent')::uuid, 2000000, merchant => mark || ' shop');
	PERFORM ledger_agents.attest((b ->> 'agent')::uuid, summary => mark || '-attested', context => metadata);
	b := b || jsonb_build_object('event', (SELECT e.id FROM ledger_agents.poll_events(mark || '-consumer', 1) AS e));
	/* Names without a mark, that a principal of another organization will take for its own. */
	FOR i IN 1 .. coalesce(cardinality(twins), 0) LOOP
		PERFORM ledger_agents.register_agent(twins[i] || '-agent', twins[i] || '-customer');
		PERFORM ledger_agents.create_policy(twins[i] || '-policy', '{}');
		PERFORM ledger_agents.authorize((b ->> 'agent')::uuid, 100, idempotency_key => twins[i] || '-key');
		PERFORM ledger_agents.declare_intent((b ->> 'agent')::uuid, client_intent_id => twins[i] || '-intent');
		PERFORM ledger_agents.poll_events(twins[i] || '-consumer', 1);
	END LOOP;
	RETURN b;
END
$$;
/* Every row of an organization, but for when a secret was last used. */
CREATE FUNCTION matrix.digest(organization text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
	part text;
	of_table record;
BEGIN
	FOR of_table IN
		SELECT c.oid::regclass AS name, CASE c.relname WHEN 'organizations' THEN 'id' ELSE 'organization_id' END AS key
		FROM pg_class c WHERE c.relnamespace = 'ledger_agents'::regnamespace AND c.relkind = 'r'
		  AND c.relname NOT IN ('agent_token_uses', 'organization_key_uses', 'adoptions') ORDER BY c.relname
	LOOP
		EXECUTE format('SELECT count(*) || md5(coalesce(string_agg(md5(t::text), %L ORDER BY t::text), %L)) FROM %s AS t WHERE t.%I = %L', '', '',
					   of_table.name, of_table.key, organization) INTO part;
		result := concat_ws(E'\n', result, of_table.name || ' ' || part);
	END LOOP;
	RETURN result;
END
$$;
/* Every uuid that is to be seen by one organization only. */
CREATE FUNCTION matrix.ids(organization text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT id::text FROM ledger_agents.agents WHERE organization_id = organization
	UNION ALL SELECT id::text FROM ledger_agents.cards WHERE organization_id = organization
	UNION ALL SELECT id::text FROM ledger_agents.policies WHERE organization_id = organization
	UNION ALL SELECT id::text FROM ledger_agents.intents WHERE organization_id = organization
	UNION ALL SELECT id::text FROM ledger_agents.authorizations WHERE organization_id = organization
	UNION ALL SELECT id::text FROM ledger_agents.authorization_entries WHERE organization_id = organization
	UNION ALL SELECT id::text FROM ledger_agents.attestations WHERE organization_id = organization
	UNION ALL SELECT id::text FROM ledger_agents.events WHERE organization_id = organization
	UNION ALL SELECT id::text FROM ledger_agents.agent_tokens WHERE organization_id = organization
	UNION ALL SELECT id::text FROM ledger_agents.organization_keys WHERE organization_id = organization
$$;
SQL
}

# Function, who may (all: agents, too; key: whoever acts for the organization; any: also nobody), body. {name} stands for what
# the bundle calls so: of one's own, another tenant's, none; {=name} is one's own in each case. "refused" is what
# becomes of who names something that is not its own: 404, or 200 where it is answered as if it were new, or has no rows.
# The order is that of a life: what ends something comes after what needs it.
sub calls
{
	my $request = { agentId => '{agent}', amount => 10 };

	return (
		[ pre_request => 'any', {}, 204 ],

		# What only reads.
		[ get_agent => 'all', { agentId => '{agent}' } ],
		[ get_agent => 'all', { externalId => '{externalId}' } ],
		[ list_agents => 'all', {}, 200 ],
		[ list_agents => 'all', { externalId => '{externalId}' }, 200 ],
		[ list_agents => 'all', { userId => '{customer}' }, 200 ],
		[ list_agents => 'all', { after => '{agent}' }, 400 ],
		[ agent_budget => 'all', { agentId => '{agent}' } ],
		[ get_policy => 'key', { policyId => '{policy}' } ],
		[ list_policies => 'key', {}, 200 ],
		[ get_card => 'all', { cardId => '{card}' } ],
		[ list_cards => 'all', {}, 200 ],
		[ list_cards => 'all', { agentId => '{agent}' }, [ 200, 404 ] ],
		[ get_intent => 'all', { intentId => '{intent}' } ],
		[ get_intent => 'all', { agentId => '{agent}', customerIntentId => '{=clientId}' } ],
		[ get_intent => 'all', { agentId => '{=agent}', customerIntentId => '{clientId}' } ],
		[ list_intents => 'all', {}, 200 ],
		[ list_intents => 'all', { agentId => '{agent}' }, [ 200, 404 ] ],
		[ list_intents => 'all', { cardId => '{card}' }, 200 ],
		[ evaluate => 'all', $request ],
		[ evaluate => 'all', { %$request, agentId => '{=agent}', cardId => '{card}' } ],
		[ evaluate => 'all', { %$request, agentId => '{=agent}', intentId => '{intent}' } ],
		[ explain_authorization => 'all', { authorizationId => '{authorization}' } ],
		[ explain_authorization => 'all', $request ],
		[ explain_authorization => 'all', { %$request, agentId => '{=agent}', cardId => '{card}' } ],
		[ explain_authorization => 'all', { %$request, agentId => '{=agent}', intentId => '{intent}' } ],
		[ get_authorization => 'all', { authorizationId => '{authorization}' } ],
		[ list_authorizations => 'all', {}, 200 ],
		[ list_authorizations => 'all', { agentId => '{agent}' }, [ 200, 404 ] ],
		[ list_authorizations => 'all', { userId => '{customer}' }, 200 ],
		[ list_agent_tokens => 'key', { agentId => '{agent}' } ],
		[ get_organization => 'key', {}, 200 ],
		[ get_customer => 'key', { customerId => '{customer}' } ],
		[ list_customers => 'key', {}, 200 ],
		[ effective_policy => 'all', { agentId => '{agent}' } ],
		[ effective_policy => 'all', { agentId => '{=agent}', cardId => '{card}' } ],
		[ card_policy => 'all', { cardId => '{card}' } ],
		[ list_attestations => 'all', {}, 200 ],
		[ list_attestations => 'all', { agentId => '{agent}' }, [ 200, 404 ] ],
		[ list_organization_keys => 'key', {}, 200 ],
		[ list_event_consumers => 'key', {}, 200 ],

		# What makes something, or changes it.
		[ register_agent => 'key', { externalId => '{externalId}', userId => '{=customer}', name => 'n' }, 200 ],
		[ register_agent => 'key', { externalId => 'r {n}', userId => '{customer}', name => 'n' }, 200 ],
		[ register_agent => 'key', { externalId => 'p {n}', userId => '{=customer}', name => 'n', defaultPolicyId => '{policy}' } ],
		[ create_agent => 'key', { externalId => 'c {n}', customerId => '{customer}' }, 200 ],
		[ update_agent => 'key', { agentId => '{agent}', description => 'd' } ],
		[ update_agent => 'key', { agentId => '{=agent}', defaultPolicyId => '{policy}' } ],
		[ update_organization => 'key', { timezone => 'UTC' }, 200 ],
		[ update_customer => 'key', { customerId => '{customer}', status => 'active' }, 200 ],
		[ update_policy => 'key', { policyId => '{=policy}', name => '{policyName}' }, 200 ],
		[ create_policy => 'key', { name => '{policyName}' }, 200, 409 ],
		[ update_policy => 'key', { policyId => '{policy}', ttlDays => 300 } ],
		[ delete_policy => 'key', { policyId => '{policy2}' } ],
		[ create_card => 'key', { agentId => '{agent}' } ],
		[ create_card => 'key', { agentId => '{=agent}', policyId => '{policy}' } ],
		[ update_card => 'key', { cardId => '{card}', purpose => 'p' } ],
		[ update_card => 'key', { cardId => '{=card}', policyId => '{policy}' } ],
		[ freeze_card => 'key', { cardId => '{card}' } ],
		[ unfreeze_card => 'key', { cardId => '{card}' } ],
		[ declare_intent => 'all', { agentId => '{agent}' } ],
		[ declare_intent => 'all', { cardId => '{card}' } ],
		[ declare_intent => 'all', { agentId => '{=agent}', customerIntentId => '{clientId}', summary => 's' }, 200, 400 ],
		[ approve_intent => 'key', { intentId => '{intent}' } ],
		[ reject_intent => 'key', { intentId => '{intent2}', reason => 'r' } ],
		[ cancel_intent => 'all', { intentId => '{intent3}' } ],
		[ attest => 'all', { agentId => '{agent}', summary => 's' } ],
		[ attest => 'all', { cardId => '{card}', summary => 's' } ],
		[ authorize => 'all', $request ],
		[ authorize => 'all', { %$request, agentId => '{=agent}', cardId => '{card}' } ],
		[ authorize => 'all', { %$request, agentId => '{=agent}', intentId => '{intent}' } ],
		[ authorize => 'all', { agentId => '{=agent}', amount => 11, idempotencyKey => '{key}' }, 200, 409 ],
		[ record_spend => 'key', $request ],
		[ record_spend => 'key', { %$request, agentId => '{=agent}', cardId => '{card}' } ],
		[ increment => 'key', { authorizationId => '{authorization}', amount => 5 } ],
		[ capture => 'key', { authorizationId => '{authorization}' } ],
		[ refund => 'key', { authorizationId => '{authorization}', amount => 5 } ],
		[ reverse => 'key', { authorizationId => '{authorization2}' } ],
		[ create_agent_token => 'key', { agentId => '{agent}' } ],
		[ rotate_agent_token => 'key', { tokenId => '{token2}' } ],
		[ revoke_agent_token => 'key', { tokenId => '{token3}' } ],
		[ create_organization_key => 'key', { name => 'k {n}' }, 200 ],
		[ rotate_organization_key => 'key', { keyId => '{orgKey}' } ],
		[ revoke_organization_key => 'key', { keyId => '{orgKey2}' } ],
		[ poll_events => 'key', { consumer => '{consumer}', limit => 1 }, 200 ],
		[ ack_events => 'key', { consumer => '{=consumer}', upTo => '{event}' } ],
		[ delete_event_consumer => 'key', { consumer => '{consumer}' }, 200 ],

		# What ends something.
		[ close_card => 'key', { cardId => '{card2}' } ],
		[ deregister_agent => 'key', { agentId => '{agent2}' } ]);
}

# View, who may read it, and what is written to it: method, who may, filter, body, status of who names what is not its own.
# A filter for what is not there finds no row, which is no error: 200 and none.
sub views
{
	return (
		[
			agents => 'all',
			[ POST => 'none', '', { externalId => 'x', name => 'x' }, 403 ],
			[ PATCH => 'key', 'id=eq.{agent}', { description => 'e' } ],
			[ PATCH => 'none', 'id=eq.{=agent}', { id => '{agent2}' }, 400 ],
			[ PATCH => 'key', 'id=eq.{=agent}', { defaultPolicyId => '{policy}' }, 404 ],
			[ DELETE => 'key', 'id=eq.{agent2}', undef ]
		],
		[
			cards => 'all',
			[ POST => 'key', '', { agentId => '{agent}', purpose => 'q' }, 404 ],
			[ POST => 'key', '', { agentId => '{=agent}', policyId => '{policy}' }, 404 ],
			[ PATCH => 'key', 'id=eq.{card}', { purpose => 'q' } ],
			[ PATCH => 'none', 'id=eq.{=card}', { id => '{card2}' }, 400 ],
			[ PATCH => 'none', 'id=eq.{=card}', { agentId => '{agent2}' }, 400 ],
			[ DELETE => 'key', 'id=eq.{card3}', undef ]
		],
		[
			policies => 'key',
			[ POST => 'key', '', { name => 'v {n}', ttlDays => 3 }, 201 ],
			[ PATCH => 'key', 'id=eq.{policy}', { ttlDays => 200 } ],
			[ PATCH => 'none', 'id=eq.{=policy}', { id => '{policy2}' }, 400 ],
			[ DELETE => 'key', 'id=eq.{policy3}', undef ]
		],
		[
			intents => 'all',
			[ POST => 'all', '', { agentId => '{agent}', summary => 's' }, 404 ],
			[ PATCH => 'all', 'id=eq.{intent4}', { status => 'canceled' } ],
			[ PATCH => 'none', 'id=eq.{=intent5}', { id => '{intent}' }, 400 ],
			[ PATCH => 'key', 'id=eq.{intent6}', { status => 'pending' } ],
			[ DELETE => 'all', 'id=eq.{intent5}', undef ]
		],
		[
			authorizations => 'all',
			[ POST => 'all', '', { agentId => '{agent}', amount => 3 }, 404 ],
			[ POST => 'all', '', { agentId => '{=agent}', amount => 3, cardId => '{card}' }, 404 ],
			[ POST => 'all', '', { agentId => '{=agent}', amount => 3, intentId => '{intent}' }, 404 ],
			[ PATCH => 'none', 'id=eq.{authorization}', { amount => 1 }, 403 ],
			[ DELETE => 'none', 'id=eq.{authorization}', undef, 403 ]
		],
		[
			events => 'key',
			[ POST => 'none', '', { agentId => '{agent}' }, 403 ],
			[ DELETE => 'none', 'id=eq.{event}', undef, 403 ]
		],
		[
			tokens => 'key',
			[ POST => 'none', '', { agentId => '{agent}' }, 403 ],
			[ PATCH => 'none', 'id=eq.{token}', { name => 'x' }, 403 ],
			[ DELETE => 'key', 'id=eq.{token4}', undef ]
		]);
}

1;
