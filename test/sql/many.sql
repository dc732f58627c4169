-- authorize_many: requests of several agents in one call, decided in the order given.
CREATE FUNCTION agent(external_id text) RETURNS uuid LANGUAGE sql STABLE AS
$$ SELECT id FROM ledger_agents.get_agent(external_id => $1) $$;
-- Most requests of this page need no more.
CREATE FUNCTION ask(external_id text, amount bigint, key text DEFAULT NULL, merchant text DEFAULT NULL)
RETURNS ledger_agents.spend_request LANGUAGE sql STABLE AS
$$ SELECT ROW(agent($1), $2, NULL, $4, NULL, NULL, NULL, NULL, $3, NULL, NULL)::ledger_agents.spend_request $$;
\set answer 'a.external_id, d.sequence, d.amount, d.decision, d.reason, d.remaining, d.idempotency_key AS key, d.replayed'
SELECT created FROM ledger_agents.register_agent('reader', 'acme', spending_limit => 1000);
SELECT created FROM ledger_agents.register_agent('writer', 'acme', spending_limit => 500, on_limit_exceeded => 'suspend');

-- One row a request, in their order; what one holds is missing to the next.
SELECT :answer FROM ledger_agents.authorize_many(ARRAY[
	ask('reader', 600, 'r1'), ask('writer', 300, 'w1'), ask('reader', 600, 'r2'), ask('reader', 400, 'r3')])
	WITH ORDINALITY AS d JOIN ledger_agents.agents a ON a.id = d.agent_id ORDER BY d.ordinality;

-- A key that is known, from before or from the same batch, gives the stored answer.
SELECT :answer FROM ledger_agents.authorize_many(ARRAY[
	ask('reader', 400, 'r3'), ask('writer', 100, 'w2'), ask('writer', 100, 'w2')])
	WITH ORDINALITY AS d JOIN ledger_agents.agents a ON a.id = d.agent_id ORDER BY d.ordinality;

-- A decline is an answer, and has the same consequences: the next request finds the agent suspended.
SELECT :answer FROM ledger_agents.authorize_many(ARRAY[
	ask('writer', 101), ask('writer', 1)])
	WITH ORDINALITY AS d JOIN ledger_agents.agents a ON a.id = d.agent_id ORDER BY d.ordinality;

-- All or none: the first decline is an error that names its number, and nothing stays.
SELECT status FROM ledger_agents.update_agent(agent('reader'), '{"spending_limit": 2000}');
SELECT count(*) FROM ledger_agents.authorize_many(ARRAY[ask('reader', 500), ask('reader', 501)], all_or_none => true);
SELECT count(*) FROM ledger_agents.authorize_many(ARRAY[ask('reader', 500), ask('reader', 500)], all_or_none => true);
SELECT current_spend FROM ledger_agents.get_agent(external_id => 'reader');

-- A wrong request is an error, whatever the others are: its number, the field, and nothing is half done.
SELECT status FROM ledger_agents.update_agent(agent('reader'), '{"spending_limit": null}');
SELECT count(*) FROM ledger_agents.authorize_many(ARRAY[ask('reader', 1), ask('reader', 0)]);
SELECT count(*) FROM ledger_agents.authorize_many(ARRAY[ask('reader', 1), ROW('01890a5d-ac96-774b-bcce-b302099a8057', 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::ledger_agents.spend_request]);
SELECT count(*) FROM ledger_agents.authorize_many(ARRAY[ask('reader', 1), NULL]);
SELECT count(*) FROM ledger_agents.authorize_many(ARRAY[ask('reader', 1), ask('reader', 2, 'r1')]);
SELECT count(*) FROM ledger_agents.authorize_many(ARRAY[ask('reader', 1), ask('reader', 1, 'n', 'Shop'), ask('reader', 1, 'n', 'Cafe')]);
SELECT count(*) FROM ledger_agents.authorize_many(NULL);
SELECT count(*) FROM ledger_agents.authorize_many('{}');
SELECT count(*) FROM ledger_agents.authorize_many((SELECT array_agg(ask('reader', 1)) FROM generate_series(1, 1001)));
SELECT count(*) FROM ledger_agents.authorizations WHERE agent_id = agent('reader');

-- A thousand is the most.
SELECT count(*), max(sequence) FROM ledger_agents.authorize_many((SELECT array_agg(ask('reader', 1)) FROM generate_series(1, 1000)));

-- All are of one organization: of another one's agent is said what is said of none.
SELECT id FROM ledger_agents.create_organization('elsewhere');
SELECT id AS foreign_id FROM ledger_agents.register_agent('foreign', 'customer', organization_id => 'elsewhere') \gset
\set VERBOSITY terse
SELECT count(*) FROM ledger_agents.authorize_many(ARRAY[ask('reader', 1), ROW(:'foreign_id', 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::ledger_agents.spend_request]) \g /dev/null
\set VERBOSITY default
SELECT decision FROM ledger_agents.authorize_many(ARRAY[ROW(:'foreign_id', 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::ledger_agents.spend_request], organization_id => 'elsewhere');
SELECT * FROM ledger_agents.check_invariants();
DROP FUNCTION ask(text, bigint, text, text), agent(text);
