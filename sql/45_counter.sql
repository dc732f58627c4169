/*
 * Counters: what is spent, per scope and window.
 *
 * One narrow row a scope.  Its primary key is the only index of most and the changing
 * columns come last, so that an update is HOT and its WAL record short.  The
 * row's lock and its version are what no two decisions can both pass; rows of
 * customers and organizations exist once these have had a limit.  Cards and
 * agents also have their memory here: what rules know of earlier approvals.
 *
 * No CHECK here nor on authorizations: the server parses every CHECK of a table
 * anew for every statement that writes it, which costs a decision a fifth of
 * its time.  The engine computes these values with checked arithmetic, nobody
 * else may write them, and check_invariants() proves them.
 */
CREATE TABLE ledger_agents.counters (
	organization_id text COLLATE "C" NOT NULL,
	scope ledger_agents.limit_scope NOT NULL,
	scope_id text COLLATE "C" NOT NULL,
	day_start timestamptz NOT NULL,
	day_end timestamptz NOT NULL,
	week_start timestamptz NOT NULL,
	week_end timestamptz NOT NULL,
	month_start timestamptz NOT NULL,
	month_end timestamptz NOT NULL,
	year_start timestamptz NOT NULL,
	year_end timestamptz NOT NULL,
	rolling_frequency ledger_agents.spending_frequency,
	rolling_since timestamptz,
	rolling_spent bigint,
	next_expiry timestamptz,
	exceeded_window timestamptz,
	exceeded_limit bigint,
	approaching_window timestamptz,
	approaching_limit bigint,
	attested_at timestamptz,
	intents_until timestamptz,
	captured_amount bigint,
	captured_count bigint,
	entry_count bigint,
	use_count bigint NOT NULL,
	version bigint NOT NULL,
	sequence bigint NOT NULL,
	decided_at timestamptz NOT NULL,
	last_approved_at timestamptz,
	auth_count bigint NOT NULL,
	total_spent bigint NOT NULL,
	day_spent bigint NOT NULL,
	week_spent bigint NOT NULL,
	month_spent bigint NOT NULL,
	year_spent bigint NOT NULL,
	first_merchant text,
	CONSTRAINT counters_pkey PRIMARY KEY (organization_id, scope, scope_id)
) WITH (fillfactor = 60);
SELECT pg_catalog.pg_extension_config_dump('ledger_agents.counters', '');

/* Reader: sweep. Updates stay HOT: next_expiry seldom changes, and where no hold expires it is null. */
CREATE INDEX counters_expiry_idx ON ledger_agents.counters (organization_id, next_expiry)
	WHERE next_expiry IS NOT NULL;

COMMENT ON TABLE ledger_agents.counters IS
'What is spent, one row for each agent and card, and for each customer and organization that has had a limit. Amounts in minor units of the scope''s currency; windows are half-open and in the organization''s time zone.';
COMMENT ON COLUMN ledger_agents.counters.organization_id IS 'The organization.';
COMMENT ON COLUMN ledger_agents.counters.scope IS 'What is counted here: a card, an agent, a customer, an organization.';
COMMENT ON COLUMN ledger_agents.counters.scope_id IS 'Its id as text.';
COMMENT ON COLUMN ledger_agents.counters.day_start IS 'Begin of the latest day in which something was decided.';
COMMENT ON COLUMN ledger_agents.counters.day_end IS 'Its end.';
COMMENT ON COLUMN ledger_agents.counters.week_start IS 'Begin of the latest week, a Monday.';
COMMENT ON COLUMN ledger_agents.counters.week_end IS 'Its end.';
COMMENT ON COLUMN ledger_agents.counters.month_start IS 'Begin of the latest month.';
COMMENT ON COLUMN ledger_agents.counters.month_end IS 'Its end.';
COMMENT ON COLUMN ledger_agents.counters.year_start IS 'Begin of the latest year.';
COMMENT ON COLUMN ledger_agents.counters.year_end IS 'Its end.';
COMMENT ON COLUMN ledger_agents.counters.rolling_frequency IS 'Length of the rolling window that rolling_spent is kept for; null when none is.';
COMMENT ON COLUMN ledger_agents.counters.rolling_since IS 'rolling_spent counts what was decided after this instant.';
COMMENT ON COLUMN ledger_agents.counters.rolling_spent IS 'Spent since rolling_since.';
COMMENT ON COLUMN ledger_agents.counters.next_expiry IS 'No hold counted here expires before this instant; null when none ever expires.';
COMMENT ON COLUMN ledger_agents.counters.exceeded_window IS 'Window for which agent.limit_exceeded was last written under notify.';
COMMENT ON COLUMN ledger_agents.counters.exceeded_limit IS 'The limit for which it was.';
COMMENT ON COLUMN ledger_agents.counters.approaching_window IS 'Window for which agent.limit_approaching was last written.';
COMMENT ON COLUMN ledger_agents.counters.approaching_limit IS 'The limit for which it was.';
COMMENT ON COLUMN ledger_agents.counters.attested_at IS 'Last attestation of the card, or of the agent without a card; null: none.';
COMMENT ON COLUMN ledger_agents.counters.intents_until IS 'No open intent of the agent can last beyond this instant; null: it never had one.';
COMMENT ON COLUMN ledger_agents.counters.captured_amount IS 'Of a card: captured and not refunded; null: nothing was ever captured, and in other scopes.';
COMMENT ON COLUMN ledger_agents.counters.captured_count IS 'Of a card: authorizations of which something was captured; null as above.';
COMMENT ON COLUMN ledger_agents.counters.entry_count IS 'Number of the agent''s last entry in authorization_entries; null: none, and in other scopes.';
COMMENT ON COLUMN ledger_agents.counters.use_count IS 'Approved authorizations of the card that were not reversed in full; 0 in other scopes.';
COMMENT ON COLUMN ledger_agents.counters.version IS 'One more with every change of the row.';
COMMENT ON COLUMN ledger_agents.counters.sequence IS 'Number of the agent''s last decision; 0 in other scopes.';
COMMENT ON COLUMN ledger_agents.counters.decided_at IS 'Instant of the last decision counted here; the next is never earlier.';
COMMENT ON COLUMN ledger_agents.counters.last_approved_at IS 'Last approval with the card; for an agent, its last one without a card; null: none.';
COMMENT ON COLUMN ledger_agents.counters.auth_count IS 'Approved authorizations that still count: not reversed in full, not expired. Increments are part of theirs.';
COMMENT ON COLUMN ledger_agents.counters.total_spent IS 'Spent ever.';
COMMENT ON COLUMN ledger_agents.counters.day_spent IS 'Spent in the day above.';
COMMENT ON COLUMN ledger_agents.counters.week_spent IS 'Spent in the week above.';
COMMENT ON COLUMN ledger_agents.counters.month_spent IS 'Spent in the month above.';
COMMENT ON COLUMN ledger_agents.counters.year_spent IS 'Spent in the year above.';
COMMENT ON COLUMN ledger_agents.counters.first_merchant IS 'Merchant of the first approval that named one, with the card; for an agent, without a card.';
