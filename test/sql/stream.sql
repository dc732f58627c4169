--
-- The stream: consumers poll events, handle them, and acknowledge the last one; events are signed for webhooks.
--
SET timezone = 'UTC';
SET ledger_agents.clock = '2026-03-02 09:00Z';
SELECT id FROM ledger_agents.create_organization('stream_sql');
SET ledger_agents.organization = 'stream_sql';
SELECT id AS agent FROM ledger_agents.register_agent('buyer', 'acme', name => 'Buyer', spending_limit => 1000) \gset

-- Poll, handle, acknowledge the last one, go on. The first poll makes the consumer, which begins with the earliest event.
SELECT position, type, agent_id = :'agent' AS buyer, data ->> 'userId' AS customer, created_at FROM ledger_agents.poll_events('mailer');
SELECT position, type FROM ledger_agents.poll_events('mailer', max_rows => 1);
SELECT id AS last FROM ledger_agents.poll_events('mailer') ORDER BY position DESC LIMIT 1 \gset
SELECT name, acknowledged, waiting, acked_position, acked_at FROM ledger_agents.ack_events('mailer', :'last');
SELECT position, type FROM ledger_agents.poll_events('mailer');

-- Acknowledged again: nothing new. It never goes back.
SELECT acknowledged, waiting, acked_position FROM ledger_agents.ack_events('mailer', :'last');
SELECT e.id AS first FROM ledger_agents.events AS e WHERE e.organization_id = 'stream_sql' ORDER BY e.id LIMIT 1 \gset
SELECT acknowledged, waiting, acked_position FROM ledger_agents.ack_events('mailer', :'first');

-- Not acknowledged: each poll returns it again.
SELECT decision FROM ledger_agents.authorize(:'agent', 800);
SELECT name FROM ledger_agents.update_agent(:'agent', '{"name": "The buyer"}');
SELECT position, type, data -> 'percentUsed' AS percent FROM ledger_agents.poll_events('mailer');
SELECT position, type, data -> 'percentUsed' AS percent FROM ledger_agents.poll_events('mailer');
-- Some of them.
SELECT e.id AS handled FROM ledger_agents.poll_events('mailer', 1) AS e \gset
SELECT acknowledged, waiting FROM ledger_agents.ack_events('mailer', :'handled');
SELECT position, type FROM ledger_agents.poll_events('mailer');

-- What one session writes has the order in which it was written, also while the clock stands still.
SELECT name FROM generate_series(1, 12) AS n, ledger_agents.update_agent(:'agent', jsonb_build_object('name', 'number ' || n));
SELECT position, data ->> 'name' AS name FROM ledger_agents.poll_events('mailer') WHERE position > 4;

-- Another consumer begins with the earliest one, too.
SELECT count(*), min(position), max(position) FROM ledger_agents.poll_events('archive');
SELECT name, acked_position, polled_position, acknowledged, waiting, created_at, acked_at FROM ledger_agents.list_event_consumers();

-- What polls have not returned cannot be acknowledged: not by this consumer, not what has no position yet, not what never was.
SELECT position, type FROM ledger_agents.poll_events('slow', 2);
SELECT e.id AS far FROM ledger_agents.poll_events('archive') AS e WHERE e.position = 3 \gset
SELECT acknowledged FROM ledger_agents.ack_events('slow', :'far');
SELECT name FROM ledger_agents.update_agent(:'agent', '{"name": "unseen"}');
SELECT e.id AS unseen FROM ledger_agents.events AS e WHERE e.data ->> 'name' = 'unseen' \gset
\set VERBOSITY terse
SELECT acknowledged FROM ledger_agents.ack_events('slow', :'unseen');
SELECT acknowledged FROM ledger_agents.ack_events('slow', '01890a5d-ac96-774b-bcce-b302099a8057');
\set VERBOSITY default
SELECT acknowledged FROM ledger_agents.ack_events('nobody', :'far');
SELECT count(*) FROM ledger_agents.poll_events('slow', 0);
SELECT count(*) FROM ledger_agents.poll_events('');
SELECT count(*) FROM ledger_agents.poll_events('slow', organization_id => 'nowhere');

-- Forgotten, and as new when it polls again.
SELECT name, acked_position FROM ledger_agents.delete_event_consumer('mailer');
SELECT name FROM ledger_agents.delete_event_consumer('mailer');
SELECT count(*), min(position) FROM ledger_agents.poll_events('mailer');

-- What is rolled back has not happened: neither an event, nor a poll.
BEGIN;
SELECT created FROM ledger_agents.register_agent('nobody', 'acme');
SELECT count(*) FROM ledger_agents.poll_events('gone');
ROLLBACK;
SELECT name FROM ledger_agents.list_event_consumers();
SELECT last_position FROM ledger_agents.event_streams WHERE organization_id = 'stream_sql';

-- Signed. Made anew with the given id, so that it can be compared; openssl dgst -sha256 -hmac says the same.
CREATE TEMP VIEW hook AS SELECT ROW('stream_sql', '01890a5d-ac96-774b-bcce-b302099a8057', 7, 'agent.suspended', NULL,
  '{"reason": "manual", "userId": "ümläut \"x\""}', '2026-03-02 09:00:00.123456Z')::ledger_agents.event_detail AS event;
SELECT s.body FROM hook, ledger_agents.sign_event(hook.event, 'whsec_test', '2026-03-02 09:00:01.9Z') AS s;
SELECT s.header FROM hook, ledger_agents.sign_event(hook.event, 'whsec_test', '2026-03-02 09:00:01.9Z') AS s;
SELECT s.header FROM hook, ledger_agents.sign_event(hook.event, 'whsec_test') AS s;
-- All that wait, each with its signature.
SELECT e.position, s.body LIKE '{"id":"' || e.id || '","type":"agent.%' AS body, s.header ~ '^t=\d+,v1=[0-9a-f]{64}$' AS header
FROM ledger_agents.poll_events('slow', 2) AS e, ledger_agents.sign_event(e, 'whsec_test') AS s;
SELECT s.header FROM hook, ledger_agents.sign_event(hook.event, '') AS s;
SELECT s.header FROM hook, ledger_agents.sign_event(hook.event, 'whsec_test', 'infinity') AS s;

-- Nothing of it in a transaction that only reads.
BEGIN READ ONLY;
SELECT count(*) FROM ledger_agents.poll_events('mailer');
ROLLBACK;
BEGIN READ ONLY;
SELECT acknowledged FROM ledger_agents.ack_events('mailer', :'last');
ROLLBACK;

RESET ledger_agents.clock;
RESET ledger_agents.organization;
SELECT * FROM ledger_agents.check_invariants();
