--
-- Spending windows: what a frequency means on the calendar and on the clock.
--
SET timezone = 'UTC';
SET datestyle = 'ISO';

-- The windows that end next, in the zone of the organization.
SELECT v.at, v.zone, v.frequency, w.window_end AT TIME ZONE v.zone AS resets, w.window_end
  FROM (VALUES
    ('2023-05-15 10:30Z'::timestamptz, 'UTC', 'per24HourPeriod'::ledger_agents.spending_frequency),
    ('2023-05-17 10:30Z', 'UTC', 'perWeek'),
    ('2023-12-15 10:30Z', 'UTC', 'perMonth'),
    ('2023-12-15 10:30Z', 'UTC', 'perYear'),
    ('2023-05-15 22:30Z', 'America/New_York', 'per24HourPeriod'),
    ('2023-05-15 22:30Z', 'Asia/Kolkata', 'per24HourPeriod'),
    ('2023-11-05 05:30Z', 'America/New_York', 'per24HourPeriod'),
    ('2023-03-12 06:30Z', 'America/New_York', 'per24HourPeriod')
  ) AS v (at, zone, frequency),
  ledger_agents.window_of(v.at, v.zone, v.frequency, 'calendar') AS w;

-- Every frequency, by calendar and rolling. Without a mode only per24HourPeriod rolls.
SELECT frequency, mode, w.*
  FROM unnest(enum_range(NULL::ledger_agents.spending_frequency)) AS frequency,
       unnest('{NULL, calendar, rolling}'::ledger_agents.window_mode[]) AS mode,
       ledger_agents.window_of('2026-07-15 12:34:56.789Z', 'Europe/Berlin', frequency, mode) AS w;

-- The frequency is perMonth unless said otherwise; the zone's name may be written in any case.
SELECT * FROM ledger_agents.window_of('2026-07-15 12:00Z', 'asia/TOKYO');

-- Windows are half-open: a bound belongs to the window that begins with it.
SELECT at, w.*
  FROM (VALUES ('2026-07-31 23:59:59.999999Z'::timestamptz), ('2026-08-01 00:00Z')) AS v (at),
       ledger_agents.window_of(at, 'UTC', 'perMonth') AS w;

-- Leap days
SELECT at, w.*
  FROM (VALUES ('2024-02-29 12:00Z'::timestamptz), ('2028-02-28 12:00Z'), ('2100-02-28 12:00Z')) AS v (at),
       ledger_agents.window_of(at, 'UTC', 'perMonth') AS w;
SELECT * FROM ledger_agents.window_of('2024-02-29 12:00Z', 'UTC', 'per24HourPeriod', 'calendar');
SELECT * FROM ledger_agents.window_of('2024-12-31 23:59Z', 'UTC', 'perYear');
\echo :LAST_ERROR_SQLSTATE

-- Week 53: the week has the days of two years, and the year begins inside it.
SELECT at::date, to_char(at, 'IYYY-"W"IW') AS week, w.window_start::date, w.window_end::date
  FROM (VALUES ('2020-12-27'::timestamptz), ('2020-12-28'), ('2020-12-31'), ('2021-01-01'), ('2021-01-03'),
               ('2021-01-04'), ('2026-12-27'), ('2026-12-28'), ('2026-12-31'), ('2027-01-01'), ('2027-01-03'),
               ('2027-01-04')) AS v (at),
       ledger_agents.window_of(at, 'UTC', 'perWeek') AS w;

--
-- Local days around a change of the clock: each day, its bounds as the zone's clock shows them, its hours.
-- All in the past: what a government decides about the years to come must not change this transcript.
--
CREATE FUNCTION pg_temp.days(at timestamptz, zone text)
RETURNS TABLE (starts timestamptz, clock timestamp, ends timestamptz, clock_at_end timestamp, hours int)
LANGUAGE sql AS $$
  SELECT w.window_start, w.window_start AT TIME ZONE zone, w.window_end, w.window_end AT TIME ZONE zone,
         extract(epoch FROM w.window_end - w.window_start) / 3600
    FROM generate_series(at, at + '2 days', '1 day') AS noon,
         ledger_agents.window_of(noon, zone, 'per24HourPeriod', 'calendar') AS w
$$;

-- Havana and the Azores: midnight is skipped in spring and comes twice in autumn; the day begins at the first.
SELECT * FROM pg_temp.days('2024-03-09 17:00Z', 'America/Havana');
SELECT * FROM pg_temp.days('2024-11-02 17:00Z', 'America/Havana');
SELECT * FROM pg_temp.days('2025-03-08 17:00Z', 'America/Havana');
SELECT * FROM pg_temp.days('2025-11-01 17:00Z', 'America/Havana');
SELECT * FROM pg_temp.days('2024-03-30 12:00Z', 'Atlantic/Azores');
SELECT * FROM pg_temp.days('2024-10-26 12:00Z', 'Atlantic/Azores');
SELECT * FROM pg_temp.days('2025-03-29 12:00Z', 'Atlantic/Azores');
SELECT * FROM pg_temp.days('2025-10-25 12:00Z', 'Atlantic/Azores');

-- Cairo, Beirut and Santiago: midnight is skipped in spring; in autumn 24:00 becomes 23:00, so that it comes once.
SELECT * FROM pg_temp.days('2024-04-25 09:00Z', 'Africa/Cairo');
SELECT * FROM pg_temp.days('2024-10-30 09:00Z', 'Africa/Cairo');
SELECT * FROM pg_temp.days('2025-04-24 09:00Z', 'Africa/Cairo');
SELECT * FROM pg_temp.days('2025-10-29 09:00Z', 'Africa/Cairo');
SELECT * FROM pg_temp.days('2024-03-30 09:00Z', 'Asia/Beirut');
SELECT * FROM pg_temp.days('2024-10-25 09:00Z', 'Asia/Beirut');
SELECT * FROM pg_temp.days('2025-03-29 09:00Z', 'Asia/Beirut');
SELECT * FROM pg_temp.days('2025-10-24 09:00Z', 'Asia/Beirut');
SELECT * FROM pg_temp.days('2024-04-05 15:00Z', 'America/Santiago');
SELECT * FROM pg_temp.days('2024-09-07 15:00Z', 'America/Santiago');
SELECT * FROM pg_temp.days('2025-04-04 15:00Z', 'America/Santiago');
SELECT * FROM pg_temp.days('2025-09-06 15:00Z', 'America/Santiago');

-- Apia had no 30 December 2011: the 29th is followed by the 31st, and that week has six days.
SELECT * FROM pg_temp.days('2011-12-28 22:00Z', 'Pacific/Apia');
SELECT w.*, (extract(epoch FROM w.window_end - w.window_start) / 86400)::int AS days
  FROM ledger_agents.window_of('2011-12-30 12:00Z', 'Pacific/Apia', 'perWeek') AS w;

-- Newfoundland, where 00:01 became 23:01 the day before: the new day has begun and is not interrupted.
SELECT at, at AT TIME ZONE 'America/St_Johns' AS clock, w.*
  FROM (VALUES ('2010-11-07 02:29:59Z'::timestamptz), ('2010-11-07 02:30Z'), ('2010-11-07 02:31Z'),
               ('2010-11-07 03:30Z')) AS v (at),
       ledger_agents.window_of(at, 'America/St_Johns', 'per24HourPeriod', 'calendar') AS w;

--
-- Errors
--
SELECT ledger_agents.window_of('2026-07-15 12:00Z', 'FOO-12');
\echo :LAST_ERROR_SQLSTATE
SELECT ledger_agents.window_of('2026-07-15 12:00Z', 'UTC+3');
SELECT ledger_agents.window_of('2026-07-15 12:00Z', 'Mars/Olympus_Mons');
SELECT ledger_agents.window_of('2026-07-15 12:00Z', '+02:00');
SELECT ledger_agents.window_of('2026-07-15 12:00Z', '');
SELECT ledger_agents.window_of(NULL, 'UTC');
SELECT ledger_agents.window_of('2026-07-15 12:00Z', NULL);
SELECT ledger_agents.window_of('2026-07-15 12:00Z', 'UTC', NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT ledger_agents.window_of('infinity', 'UTC', 'allTime');
SELECT ledger_agents.window_of('-infinity', 'UTC');
SELECT ledger_agents.window_of('294276-12-31 12:00Z', 'UTC', 'perYear');
\echo :LAST_ERROR_SQLSTATE
SELECT ledger_agents.window_of('4714-11-24 06:00Z BC', 'UTC', 'per24HourPeriod');

DROP FUNCTION pg_temp.days;
