/*
 * Spending windows: what a frequency means on the calendar and on the clock.
 */

/* Not IMMUTABLE: time zone data changes.  Not STRICT: a null is a mistake that gets a name. */
CREATE FUNCTION ledger_agents.window_of(
	at timestamptz,
	timezone text,
	frequency ledger_agents.spending_frequency DEFAULT 'perMonth',
	mode ledger_agents.window_mode DEFAULT NULL,
	OUT window_start timestamptz,
	OUT window_end timestamptz)
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'la_window_of';
COMMENT ON FUNCTION ledger_agents.window_of IS
'The spending window that contains the instant. Calendar: [window_start, window_end), the local day, week from Monday, month or year in the time zone (a name in pg_timezone_names), from its first instant to the first instant of the next; where clocks step back over midnight the new day has begun and stays. Rolling: (window_start, window_end], the 24 hours or 7, 30 or 365 times 24 hours that end with the instant. Mode null: rolling for per24HourPeriod, calendar for the others. perTransaction: both null; allTime: -infinity and infinity. Errors: 22004 for a null instant, time zone or frequency, 22023 for an unknown time zone, 22008 for an infinite instant or a bound that timestamptz cannot hold.';
