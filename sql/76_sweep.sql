/*
 * Sweeping: writing down what time alone has ended.
 */
CREATE TYPE ledger_agents.sweep_detail AS (
	expired_holds integer,
	expired_intents integer,
	expired_cards integer,
	more boolean
);
COMMENT ON TYPE ledger_agents.sweep_detail IS
'What one call of sweep has written down.';
COMMENT ON COLUMN ledger_agents.sweep_detail.expired_holds IS 'Holds past their expires_at, each with its increments: expired, or captured where part of them was.';
COMMENT ON COLUMN ledger_agents.sweep_detail.expired_intents IS 'Open intents past their expires_at: expired.';
COMMENT ON COLUMN ledger_agents.sweep_detail.expired_cards IS 'Cards past the end of their life: frozen or closed, as onExpiry says.';
COMMENT ON COLUMN ledger_agents.sweep_detail.more IS 'There is more to do: max_rows was reached, or somebody was in the way.';

CREATE FUNCTION ledger_agents.sweep(
	max_rows integer DEFAULT 1000,
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.sweep_detail
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_sweep';
COMMENT ON FUNCTION ledger_agents.sweep IS
'Writes down what time alone has ended, in one organization: holds, intents and the lives of cards, at most max_rows (1 to 10000) of them together. No decision depends on it; it moves amounts out of counters, turns cards as onExpiry says, and writes the events transaction.expired, intent.expired and card.expired. May run at any time, also twice at once; in a transaction of its own, which other callers of the same agents wait for. Counters that look for holds which have not expired after all are put right on the way, and count toward max_rows. It leaves out whom it would have to wait for; only when there is nobody else it waits for one, at most ledger_agents.lock_timeout, and in a transaction that has done something before it waits for nobody. Errors: 22023 for max_rows, 22004 for a null, P0002 unknown organization, 55P03.';
