-- Is a text that UTF-8 does not have refused wherever texts come in, so that seals, webhooks and purges go on in databases of other encodings?
--
-- Each encoding has a database of its own; what happened there is looked at here.
SET client_min_messages = warning;
CREATE ROLE encoding_api;
SELECT json_agg(call ORDER BY n) AS calls FROM (VALUES
  (1, 'SELECT ledger_agents.reject_intent(INTENT, TEXT)'),
  (2, 'SELECT ledger_agents.authorize(AGENT, 1, merchant => TEXT)'),
  (3, 'SELECT ledger_agents.authorize_or_raise(AGENT, 1, idempotency_key => TEXT)'),
  (4, 'SELECT ledger_agents.authorize(AGENT, 1, metadata => jsonb_build_object(''a'', jsonb_build_array(TEXT)))'),
  (5, 'SELECT ledger_agents.authorize(AGENT, 1, metadata => jsonb_build_object(TEXT, 1))'),
  (6, 'SELECT ledger_agents.authorize_many(ARRAY[ROW(AGENT, 1, NULL, TEXT, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::ledger_agents.spend_request])'),
  (7, 'SELECT ledger_agents.record_spend(AGENT, 1, merchant => TEXT)'),
  (8, 'SELECT ledger_agents.reverse(SPEND, 1, TEXT)'),
  (9, 'SELECT ledger_agents.increment(SPEND, 1, idempotency_key => ''more '' || TEXT)'),
  (10, 'SELECT ledger_agents.declare_intent(AGENT, client_intent_id => TEXT)'),
  (11, 'SELECT ledger_agents.declare_intent(AGENT, summary => TEXT)'),
  (12, 'SELECT ledger_agents.declare_intent(AGENT, expected_merchant => TEXT)'),
  (13, 'SELECT ledger_agents.declare_intent(AGENT, metadata => jsonb_build_object(''a'', TEXT))'),
  (14, 'SELECT ledger_agents.attest(AGENT, summary => TEXT)'),
  (15, 'SELECT ledger_agents.attest(AGENT, summary => ''s'', context => jsonb_build_object(''a'', TEXT))'),
  (16, 'SELECT ledger_agents.register_agent(TEXT, ''acme'')'),
  (17, 'SELECT ledger_agents.register_agent(''of a customer'', TEXT)'),
  (18, 'SELECT ledger_agents.register_agent(''named'', ''acme'', TEXT, TEXT)'),
  (19, 'SELECT ledger_agents.register_agent(''with metadata'', ''acme'', metadata => jsonb_build_object(''a'', TEXT))'),
  (20, 'SELECT ledger_agents.register_agent(''with rules'', ''acme'', policy => jsonb_build_object(''allowedMerchants'', jsonb_build_array(TEXT)))'),
  (21, 'SELECT ledger_agents.update_agent(AGENT, jsonb_build_object(''description'', TEXT))'),
  (22, 'SELECT ledger_agents.create_card(id, purpose => TEXT) FROM ledger_agents.register_agent(''with cards'', ''acme'')'),
  (23, 'SELECT ledger_agents.create_policy(TEXT, ''{}'')'),
  (24, 'SELECT ledger_agents.create_policy(''rules'', jsonb_build_object(''merchantHint'', TEXT))'),
  (25, 'SELECT ledger_agents_api.update_policy(jsonb_build_object(''policyId'', id, ''blockedMerchants'', jsonb_build_array(TEXT))) FROM ledger_agents.create_policy(''changed'', ''{}'')'),
  (26, 'SELECT ledger_agents.update_customer(TEXT, ''{"status": "active"}'')'),
  (27, 'SELECT ledger_agents.create_organization(TEXT)'),
  (28, 'SELECT ledger_agents.create_organization(''named'', TEXT)'),
  (29, 'SELECT ledger_agents.create_agent_token(AGENT, TEXT)'),
  (30, 'SELECT ledger_agents.create_organization_key(TEXT)'),
  (31, 'SELECT ledger_agents.poll_events(TEXT)'),
  (32, 'SELECT ledger_agents.adopt(TEXT)'),
  (33, 'SELECT ledger_agents_api.authorize(jsonb_build_object(''agentId'', AGENT, ''amount'', 1, ''merchant'', TEXT))'),
  (34, 'SELECT ledger_agents_api.update_agent(jsonb_build_object(''agentId'', AGENT, ''metadata'', jsonb_build_object(''a'', TEXT)))'),
  (35, 'SELECT set_config(''request.headers'', jsonb_build_object(''idempotency-key'', TEXT)::text, true); SELECT ledger_agents_api.register_agent(''{"externalId": "by key", "userId": "acme", "name": "n"}'')'),
  (36, 'SET LOCAL ROLE encoding_api; SELECT set_config(''request.jwt.claims'', jsonb_build_object(''organization_id'', ''default'', ''sub'', TEXT)::text, true);
        SELECT ledger_agents_api.update_agent(jsonb_build_object(''agentId'', AGENT, ''status'', ''suspended''))')) AS v (n, call) \gset

\set encoding WIN1252
\set bad 73686f702081
\set good 636166e9
\ir include/encoding.psql
\set win1252 :found
\set encoding EUC_JP
\set bad 73686f7020a9a1
\set good 73686f7020c6fc
\ir include/encoding.psql
\set euc_jp :found
\set encoding SQL_ASCII
\set bad 73686f7020ff
\set good 636166c3a9
\ir include/encoding.psql
\set sql_ascii :found
DROP ROLE encoding_api;

SELECT no_plan();
SELECT is(concat_ws(' ', f.call ->> 1, f.call ->> 2), CASE WHEN f.call ->> 0 IN ('verify_chain', 'check_invariants') THEN 'none' WHEN f.call ->> 2 IS NULL THEN 'taken' ELSE want || ' taken' END,
          format('%s: %s', encoding, f.call ->> 0))
  FROM (VALUES ('WIN1252', '22P05', :'win1252'), ('EUC_JP', '22P05', :'euc_jp'), ('SQL_ASCII', '22021', :'sql_ascii')) AS v (encoding, want, found), json_array_elements(found::json) AS f (call);
SELECT * FROM finish();
