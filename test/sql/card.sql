--
-- Cards: made for an agent, changed by documents, frozen and closed by hand or with their agent.
--
SET timezone = 'UTC';
SET ledger_agents.clock = '2026-03-02 09:00Z';
SELECT id FROM ledger_agents.create_organization('card_sql');
SET ledger_agents.organization = 'card_sql';
SELECT id AS agent, token FROM ledger_agents.register_agent('buyer', 'acme', max_cards => 3, default_card_limit => 20000,
  default_card_limit_frequency => 'perWeek') \gset

-- A card that names no limit gets the agent's default, and is good for one purchase.
SELECT id AS chairs FROM ledger_agents.create_card(:'agent', 'Chairs') \gset
SELECT purpose, type, status, max_amount, spending_limit, spending_limit_frequency, window_mode, policy_id, policy, metadata
  FROM ledger_agents.get_card(:'chairs');
SELECT current_spend, auth_count, first_merchant, status_reason, status_by, status_at, created_at, updated_at FROM ledger_agents.get_card(:'chairs');

-- One that names its own.
SET ledger_agents.clock = '2026-03-02 09:01Z';
SELECT id AS cloud FROM ledger_agents.create_card(:'agent', 'Cloud', 'multi', max_amount => 5000, spending_limit => 30000,
  policy => '{"allowedMccs": ["7372"]}', metadata => '{"cost_center": 7}') \gset
SELECT purpose, type, status, max_amount, spending_limit, spending_limit_frequency, policy, metadata FROM ledger_agents.get_card(:'cloud');
SET ledger_agents.clock = '2026-03-02 09:02Z';
SELECT id AS taxi FROM ledger_agents.create_card(:'agent', 'Taxi', 'multi') \gset
SELECT card_count, max_cards FROM ledger_agents.get_agent(:'agent');

-- No more than the agent may have. A closed one makes room.
SELECT ledger_agents.create_card(:'agent', 'One too many');
SELECT status, status_reason, status_by FROM ledger_agents.close_card(:'taxi');
SET ledger_agents.clock = '2026-03-02 09:03Z';
SELECT id AS hotel, purpose FROM ledger_agents.create_card(:'agent', 'Hotel', 'multi') \gset
SELECT card_count, max_cards FROM ledger_agents.get_agent(:'agent');

-- Lists are newest first, in pages.
SELECT purpose, status FROM ledger_agents.list_cards(:'agent');
SELECT purpose, cursor AS seen FROM ledger_agents.list_cards(:'agent', max_rows => 2) OFFSET 1 \gset page_
SELECT purpose FROM ledger_agents.list_cards(:'agent', max_rows => 2, after => :'page_seen');
SELECT purpose FROM ledger_agents.list_cards(status => 'closed');

-- Changes: a field that is given is set, null clears it, all others stay; what is so already changes nothing.
SET ledger_agents.clock = '2026-03-02 10:00Z';
SELECT purpose, max_amount, spending_limit, spending_limit_frequency, policy, updated_at
  FROM ledger_agents.update_card(:'cloud', '{"purpose": "Cloud and more", "max_amount": null, "spending_limit_frequency": "allTime"}');
SET ledger_agents.clock = '2026-03-02 10:01Z';
SELECT updated_at FROM ledger_agents.update_card(:'cloud', '{"purpose": "Cloud and more", "spending_limit": 30000}');

-- What cannot be.
SELECT ledger_agents.update_card(:'cloud', '{"type": "single"}');
SELECT ledger_agents.update_card(:'cloud', '{"status": "closed"}');
SELECT ledger_agents.update_card(:'cloud', '{"limit": 5}');
SELECT ledger_agents.update_card(:'cloud', '{"max_amount": 0}');
SELECT ledger_agents.update_card(:'cloud', '{"policy_id": "00000000-0000-7000-8000-000000000000"}');
SELECT ledger_agents.update_card('00000000-0000-7000-8000-000000000000', '{}');
SELECT ledger_agents.update_card(:'taxi', '{"purpose": "Bus"}');
SELECT ledger_agents.create_card('00000000-0000-7000-8000-000000000000');
SELECT ledger_agents.create_card(:'agent', type => 'triple');
SELECT ledger_agents.create_card(:'agent', policy_id => '00000000-0000-7000-8000-000000000000');

-- Frozen by hand, and active again.
SET ledger_agents.clock = '2026-03-02 11:00Z';
SELECT status, status_reason, status_by, status_at FROM ledger_agents.freeze_card(:'hotel');
SET ledger_agents.clock = '2026-03-02 11:01Z';
SELECT status, status_reason, status_by, status_at, updated_at FROM ledger_agents.freeze_card(:'hotel');
SELECT status, status_reason, status_by, status_at FROM ledger_agents.unfreeze_card(:'hotel');
SELECT status, status_at FROM ledger_agents.unfreeze_card(:'hotel');

-- A suspended agent's cards are frozen; one of them by hand from now on.
SET ledger_agents.clock = '2026-03-02 12:00Z';
SELECT status FROM ledger_agents.freeze_card(:'hotel');
SELECT status FROM ledger_agents.update_agent(:'agent', '{"status": "suspended"}');
SELECT purpose, status, status_reason, status_by FROM ledger_agents.list_cards(:'agent');
SET ledger_agents.clock = '2026-03-02 12:01Z';
SELECT status, status_reason, status_at FROM ledger_agents.freeze_card(:'chairs');
SELECT ledger_agents.unfreeze_card(:'cloud');
SELECT ledger_agents.create_card(:'agent');

-- Activated: what was frozen by hand stays so.
SET ledger_agents.clock = '2026-03-02 12:02Z';
SELECT status FROM ledger_agents.update_agent(:'agent', '{"status": "active"}');
SELECT purpose, status, status_reason FROM ledger_agents.list_cards(:'agent');

-- An agent sees its own cards, and changes none.
SELECT id AS other FROM ledger_agents.register_agent('seller', 'acme') \gset
SELECT id AS others_card FROM ledger_agents.create_card(:'other') \gset
\set ON_ERROR_ROLLBACK on
\set VERBOSITY terse
BEGIN;
SELECT organization_id FROM ledger_agents.authenticate(:'token');
SELECT purpose FROM ledger_agents.list_cards();
SELECT purpose FROM ledger_agents.get_card(:'cloud');
SELECT ledger_agents.create_card(:'agent');
SELECT ledger_agents.update_card(:'cloud', '{"spending_limit": null}');
SELECT ledger_agents.freeze_card(:'cloud');
SELECT ledger_agents.unfreeze_card(:'hotel');
SELECT ledger_agents.close_card(:'cloud');
SELECT ledger_agents.get_card(:'others_card');
SELECT count(*) FROM ledger_agents.list_cards(:'other');
COMMIT;
\set VERBOSITY default
\set ON_ERROR_ROLLBACK off

-- With its agent a card is closed for good.
SET ledger_agents.clock = '2026-03-02 13:00Z';
SELECT status, card_count FROM ledger_agents.deregister_agent(:'agent');
SELECT purpose, status, status_reason FROM ledger_agents.list_cards(:'agent');
SELECT ledger_agents.freeze_card(:'cloud');
SELECT ledger_agents.unfreeze_card(:'cloud');
SELECT status, status_reason, status_at FROM ledger_agents.close_card(:'taxi');
SELECT ledger_agents.create_card(:'agent');

-- What was told, and what was written down.
SELECT e.type, c.purpose, e.data - '{cardId,agentId}'::text[] AS data
  FROM ledger_agents.events AS e JOIN ledger_agents.cards AS c ON c.organization_id = e.organization_id AND c.id = (e.data ->> 'cardId')::uuid
  WHERE e.organization_id = 'card_sql' AND e.agent_id = :'agent' AND e.type::text LIKE 'card.%' ORDER BY e.created_at, c.id, e.data::text;
SELECT action, old_values, new_values FROM ledger_agents.configuration_changes
  WHERE organization_id = 'card_sql' AND object_type = 'card' AND object_id = :'cloud' AND action <> 'create' ORDER BY created_at;

-- The same in JSON: a null is none, an absent limit the agent's default.
SELECT ledger_agents_api.create_card(jsonb_build_object('agentId', :'other', 'purpose', 'Books', 'maxAmount', 900, 'spendingLimit', NULL)) AS answer \gset
SELECT jsonb_pretty(:'answer'::jsonb - '{id,agentId}'::text[]);
SELECT jsonb_build_object('cardId', :'answer'::jsonb ->> 'id') AS body \gset
SELECT ledger_agents_api.update_card(:'body'::jsonb || '{"spendingLimit": 4000, "metadata": {"a": 1}}') - '{id,agentId,createdAt}'::text[] AS card;
SELECT ledger_agents_api.freeze_card(:'body') - '{id,agentId,createdAt}'::text[] AS card;
SELECT ledger_agents_api.unfreeze_card(:'body') ->> 'status' AS status;
SELECT ledger_agents_api.close_card(:'body') ->> 'statusReason' AS reason;
SELECT ledger_agents_api.get_card(:'body') ->> 'status' AS status;
SELECT ledger_agents_api.freeze_card(:'body'), current_setting('response.status');
SELECT ledger_agents_api.get_card('{"cardId": "no uuid"}'), current_setting('response.status');
SELECT jsonb_array_length(answer -> 'data') AS cards, answer -> 'hasMore' AS more, answer ? 'nextCursor' AS cursor
  FROM ledger_agents_api.list_cards(jsonb_build_object('agentId', :'other', 'limit', 1)) AS answer;
SELECT jsonb_array_length(answer -> 'data') AS cards, answer -> 'hasMore' AS more, answer ? 'nextCursor' AS cursor
  FROM ledger_agents_api.list_cards(jsonb_build_object('agentId', :'other', 'status', 'active')) AS answer;

RESET ledger_agents.clock;
RESET ledger_agents.organization;
SELECT * FROM ledger_agents.check_invariants();
