/*
 * Statistics: what this server has decided in this database, how large batches
 * were and who had to wait, since the server's start or the last reset.
 */
CREATE FUNCTION ledger_agents.read_statistics(
	OUT kind text, OUT name text, OUT reason ledger_agents.decline_reason, OUT requests_from integer, OUT requests_to integer,
	OUT number bigint, OUT waited interval, OUT longest interval, OUT since timestamptz)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 46 SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_read_statistics';
COMMENT ON FUNCTION ledger_agents.read_statistics IS
'All numbers of the views statistics, batch_statistics and wait_statistics, for operators and auditors: they are of all organizations together. Errors: 42501, 55000 (statistics_unavailable) where the file that holds them cannot be made or read.';

CREATE FUNCTION ledger_agents.reset_statistics() RETURNS timestamptz
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_reset_statistics';
COMMENT ON FUNCTION ledger_agents.reset_statistics IS
'Sets all statistics of this database to 0, at once and whatever becomes of the transaction, and returns the instant since which they are counted anew. For operators. Errors: 42501, 55000 (statistics_unavailable).';

CREATE VIEW ledger_agents.statistics AS
SELECT s.name AS outcome, s.reason, s.number AS calls, s.since
FROM ledger_agents.read_statistics() s
WHERE s.kind = 'outcome';
COMMENT ON VIEW ledger_agents.statistics IS
'Calls of authorize() and increment(), and requests of authorize_many(), on this server, of all organizations, by outcome and first reason. Always the same rows; each call or request is in one of them. Lost at a restart; the rows of authorizations are the record, not these.';
COMMENT ON COLUMN ledger_agents.statistics.outcome IS
'approved, declined: a decision that has committed. replayed: the stored answer to a key. raised: a decline that authorize_or_raise made an error of. prepared: in a transaction that was prepared, however that ended. rolled_back: undone with its transaction or savepoint.';
COMMENT ON COLUMN ledger_agents.statistics.reason IS 'Of a decline, the first of its reasons; else null.';
COMMENT ON COLUMN ledger_agents.statistics.calls IS 'How many.';
COMMENT ON COLUMN ledger_agents.statistics.since IS 'Since when: the first use after the server''s start, or the last reset.';

CREATE VIEW ledger_agents.batch_statistics AS
SELECT s.requests_from, s.requests_to, s.number AS batches, s.since
FROM ledger_agents.read_statistics() s
WHERE s.kind = 'batch';
COMMENT ON VIEW ledger_agents.batch_statistics IS
'Batches on this server, of all organizations, by how many requests they had. Only those that have committed.';
COMMENT ON COLUMN ledger_agents.batch_statistics.requests_from IS 'Least number of requests.';
COMMENT ON COLUMN ledger_agents.batch_statistics.requests_to IS 'Greatest number of requests.';
COMMENT ON COLUMN ledger_agents.batch_statistics.batches IS 'How many batches.';
COMMENT ON COLUMN ledger_agents.batch_statistics.since IS 'Since when, as in statistics.';

CREATE VIEW ledger_agents.wait_statistics AS
SELECT s.name AS waited_for, s.number AS waits, s.waited, s.longest, s.since
FROM ledger_agents.read_statistics() s
WHERE s.kind = 'wait';
COMMENT ON VIEW ledger_agents.wait_statistics IS
'How often and how long calls had to wait for others before they could go on, on this server and of all organizations. Also waits that ended in an error, and those of calls that were rolled back. A call may wait more than once. Waits for the locks of rows are not in it.';
COMMENT ON COLUMN ledger_agents.wait_statistics.waited_for IS
'Whose turn it was. agent, customer, organization: another call for the same one, those two where they have a limit. external_id: another registration under it. idempotency_key: another request of the JSON interface with the same key. configuration: a change of an agent, a customer, an organization or a policy, or, for such a change, the calls that were deciding. history: for a first limit, those who had spent and not committed.';
COMMENT ON COLUMN ledger_agents.wait_statistics.waits IS 'How many waits.';
COMMENT ON COLUMN ledger_agents.wait_statistics.waited IS 'How long in all.';
COMMENT ON COLUMN ledger_agents.wait_statistics.longest IS 'The longest one.';
COMMENT ON COLUMN ledger_agents.wait_statistics.since IS 'Since when, as in statistics.';
