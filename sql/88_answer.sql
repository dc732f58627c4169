/*
 * Answers of the JSON interface, by the header Idempotency-Key.
 */
CREATE TABLE ledger_agents.idempotent_answers (
	organization_id text COLLATE "C" NOT NULL,
	principal text COLLATE "C" NOT NULL,
	route text COLLATE "C" NOT NULL,
	key text COLLATE "C" NOT NULL,
	request_hash bytea NOT NULL,
	answer jsonb NOT NULL,
	status integer NOT NULL,
	created_at timestamptz NOT NULL,
	CONSTRAINT idempotent_answers_pkey PRIMARY KEY (organization_id, principal, route, key),
	CONSTRAINT idempotent_answers_key_length CHECK (pg_catalog.char_length(key) BETWEEN 1 AND 255),
	CONSTRAINT idempotent_answers_hash_length CHECK (pg_catalog.octet_length(request_hash) = 32),
	CONSTRAINT idempotent_answers_status_range CHECK (status BETWEEN 200 AND 299)
);
SELECT pg_catalog.pg_extension_config_dump('ledger_agents.idempotent_answers', '');

/* Reader: whoever writes an answer, which takes some old ones out. */
CREATE INDEX idempotent_answers_created_idx ON ledger_agents.idempotent_answers (organization_id, created_at);

COMMENT ON TABLE ledger_agents.idempotent_answers IS
'What functions of ledger_agents_api answered to requests with the header Idempotency-Key, remembered for 24 hours and without secrets. Successes only: an error may be mended and tried again with its key.';
COMMENT ON COLUMN ledger_agents.idempotent_answers.organization_id IS 'The organization that the call acted in.';
COMMENT ON COLUMN ledger_agents.idempotent_answers.principal IS 'Who called. For claims with an agent, the agent and the claims.';
COMMENT ON COLUMN ledger_agents.idempotent_answers.route IS 'Name of the function.';
COMMENT ON COLUMN ledger_agents.idempotent_answers.key IS 'The header, 1 to 255 characters, compared bytewise.';
COMMENT ON COLUMN ledger_agents.idempotent_answers.request_hash IS 'SHA-256 of the body.';
COMMENT ON COLUMN ledger_agents.idempotent_answers.answer IS 'The answer; token and key are null.';
COMMENT ON COLUMN ledger_agents.idempotent_answers.status IS 'HTTP status of the answer, 200 to 299.';
COMMENT ON COLUMN ledger_agents.idempotent_answers.created_at IS 'When it was given; 24 hours later it is forgotten.';
