-- Are windows right at every instant, in every time zone?
--
-- Every half-hour of the local years 2026 and 2027 in every zone of
-- pg_timezone_names, for each calendar window, against bounds found by brute
-- force: the minute at which the zone's clock first shows a date.
BEGIN;
SET LOCAL timezone = 'UTC';
SELECT plan(20);

-- The view reads every zone's file at each look. Some systems list each zone a second time below posix/.
CREATE TEMP TABLE zones AS
SELECT name, name LIKE 'posix/%' AS is_copy FROM pg_catalog.pg_timezone_names;

/*
 * Checks every instant of the series and returns how many windows were checked
 * and how many were wrong. Independent of window_of(): it takes only the local
 * date that the server shows at an instant, and never looks for a midnight.
 *
 * The day of an instant is the latest date seen so far, not the date shown: where
 * the clock returns to yesterday for an hour, the new day has begun and stays.
 * The first and the last window of the series are cut off and not checked.
 */
CREATE FUNCTION pg_temp.check_windows(
  zone text, since timestamptz, until timestamptz, step interval,
  OUT checked bigint, OUT wrong bigint)
LANGUAGE sql
SET timezone = 'UTC'
SET enable_nestloop = off
SET jit = off
AS $$
  -- Not AT TIME ZONE: that takes CET, EET, MET and WET for abbreviations, without summer time.
  SELECT set_config('timezone', zone, true);

  WITH instants AS MATERIALIZED (
    SELECT at, max(at::date) OVER (ORDER BY at) AS day
      FROM generate_series(since, until, step) AS at
  ), days AS (
    SELECT day,
           (SELECT min(minute)
              FROM generate_series(first - step + '1 minute', first, '1 minute') AS minute
             WHERE minute::date >= day) AS starts
      FROM (SELECT day, min(at) AS first FROM instants GROUP BY day) AS seen
  ), windows AS (
    SELECT unit,
           date_trunc(unit, day::timestamp) AS period,
           CASE WHEN lag(1) OVER w IS NOT NULL THEN min(starts) END AS starts,
           lead(min(starts)) OVER w AS ends
      FROM days, unnest(ARRAY['day', 'week', 'month', 'year']) AS unit
     GROUP BY unit, period
    WINDOW w AS (PARTITION BY unit ORDER BY date_trunc(unit, day::timestamp))
  ), expected AS MATERIALIZED (
    SELECT day,
           d.starts AS day_start, d.ends AS day_end, w.starts AS week_start, w.ends AS week_end,
           m.starts AS month_start, m.ends AS month_end, y.starts AS year_start, y.ends AS year_end
      FROM days
      JOIN windows AS d ON d.unit = 'day' AND d.period = day
      JOIN windows AS w ON w.unit = 'week' AND w.period = date_trunc('week', day::timestamp)
      JOIN windows AS m ON m.unit = 'month' AND m.period = date_trunc('month', day::timestamp)
      JOIN windows AS y ON y.unit = 'year' AND y.period = date_trunc('year', day::timestamp)
  ), answers AS (
    SELECT at, day,
           ledger_agents.window_of(at, zone, 'per24HourPeriod', 'calendar') AS d,
           ledger_agents.window_of(at, zone, 'perWeek') AS w,
           ledger_agents.window_of(at, zone, 'perMonth') AS m,
           ledger_agents.window_of(at, zone, 'perYear') AS y
      FROM instants
    OFFSET 0
  ), verdicts AS (
    SELECT ((d).window_start <= at AND at < (d).window_end
            AND (d).window_start = day_start AND (d).window_end = day_end) AS day_right,
           ((w).window_start <= at AND at < (w).window_end
            AND (w).window_start = week_start AND (w).window_end = week_end) AS week_right,
           ((m).window_start <= at AND at < (m).window_end
            AND (m).window_start = month_start AND (m).window_end = month_end) AS month_right,
           ((y).window_start <= at AND at < (y).window_end
            AND (y).window_start = year_start AND (y).window_end = year_end) AS year_right
      FROM answers JOIN expected USING (day)
    OFFSET 0
  )
  SELECT count(day_right) + count(week_right) + count(month_right) + count(year_right),
         count(*) FILTER (WHERE NOT day_right) + count(*) FILTER (WHERE NOT week_right)
         + count(*) FILTER (WHERE NOT month_right) + count(*) FILTER (WHERE NOT year_right)
    FROM verdicts
$$;

CREATE TEMP TABLE verdicts AS
SELECT name, checked, wrong
  FROM zones, pg_temp.check_windows(name, '2025-12-28', '2028-01-04 23:30', '30 minutes')
 WHERE NOT is_copy;

SELECT is_empty(
  'SELECT name, wrong FROM verdicts WHERE wrong > 0',
  'every half-hour of 2026 and 2027 in every zone: day, week, month and year are right');

-- 35 040 half-hours times four windows, less an hour or two where a zone changes its offset for good.
SELECT is_empty(
  'SELECT name, checked FROM verdicts WHERE checked < 4 * 35036',
  'and none was left out');

SELECT cmp_ok((SELECT count(*) FROM verdicts), '>', 300::bigint, 'and there were zones to check');

SELECT is_empty($$
  SELECT name, at, frequency
    FROM zones,
         generate_series('2026-01-01'::timestamptz, '2028-01-01', '1 day') AS at,
         unnest('{per24HourPeriod,perWeek,perMonth,perYear}'::ledger_agents.spending_frequency[]) AS frequency
   WHERE is_copy
     AND ledger_agents.window_of(at, name, frequency, 'calendar')
         IS DISTINCT FROM ledger_agents.window_of(at, substr(name, 7), frequency, 'calendar')$$,
  'the copies below posix/ have the windows of their originals');

-- Every five minutes around changes of the clock at midnight, or of the calendar.
CREATE TEMP TABLE traps (zone text, middle timestamptz, why text);
INSERT INTO traps VALUES
  ('America/Havana',      '2025-03-09', 'spring: 00:00 to 01:00'),
  ('America/Havana',      '2025-11-02', 'autumn: 01:00 to 00:00, midnight twice'),
  ('Atlantic/Azores',     '2025-03-30', 'spring: 00:00 to 01:00'),
  ('Atlantic/Azores',     '2025-10-26', 'autumn: 01:00 to 00:00, midnight twice'),
  ('Africa/Cairo',        '2025-04-25', 'spring: 00:00 to 01:00'),
  ('Africa/Cairo',        '2025-10-31', 'autumn: 00:00 to 23:00, midnight not yet shown'),
  ('Asia/Beirut',         '2025-03-30', 'spring: 00:00 to 01:00'),
  ('Asia/Beirut',         '2025-10-26', 'autumn: 00:00 to 23:00'),
  ('America/Santiago',    '2025-09-07', 'spring: 00:00 to 01:00'),
  ('America/Santiago',    '2025-04-06', 'autumn: 00:00 to 23:00'),
  ('America/Asuncion',    '2010-10-03', 'spring: 00:00 to 01:00'),
  ('America/Sao_Paulo',   '2017-10-15', 'spring: 00:00 to 01:00'),
  ('Australia/Lord_Howe', '2025-04-06', 'autumn: half an hour'),
  ('America/St_Johns',    '2010-03-14', 'spring: 00:01 to 01:01'),
  ('America/St_Johns',    '2010-11-07', 'autumn: 00:01 to 23:01, yesterday comes back'),
  ('America/Goose_Bay',   '2009-11-01', 'autumn: 00:01 to 23:01, yesterday comes back'),
  ('Pacific/Apia',        '2011-12-30', 'a date skipped, the last but one of a month and a year'),
  ('Pacific/Kwajalein',   '1993-08-21', 'a date skipped'),
  ('Pacific/Kiritimati',  '1994-12-31', 'a date skipped, the last of a month and a year');

SELECT is_empty($$
  SELECT zone, why, checked, wrong
    FROM traps, pg_temp.check_windows(zone, middle - interval '40 days', middle + interval '40 days', '5 minutes')
   WHERE wrong > 0 OR checked < 2 * 70 * 288$$,
  'changes of the clock at midnight and skipped dates');

SELECT is(
  ARRAY[('2010-11-07 02:30:59Z' AT TIME ZONE 'America/St_Johns')::date,
        ('2010-11-07 02:31:00Z' AT TIME ZONE 'America/St_Johns')::date],
  ARRAY['2010-11-07', '2010-11-06']::date[],
  'and a date that comes back is among them');

-- Any time, also where offsets had seconds or the server extrapolates: windows tile.
PREPARE broken AS
  SELECT name, at, frequency
    FROM zones,
         generate_series('1800-01-01 01:23:45.678'::timestamptz, '2400-01-01', '4321 days 7 hours') AS at,
         unnest('{per24HourPeriod,perWeek,perMonth,perYear}'::ledger_agents.spending_frequency[]) AS frequency,
         ledger_agents.window_of(at, name, frequency, 'calendar') AS this,
         ledger_agents.window_of(window_start, name, frequency, 'calendar') AS first,
         ledger_agents.window_of(this.window_end - interval '1 microsecond', name, frequency, 'calendar') AS last,
         ledger_agents.window_of(this.window_end, name, frequency, 'calendar') AS next
   WHERE NOT (this.window_start <= at AND at < this.window_end
              AND first = this AND last = this AND next.window_start = this.window_end);
SELECT is_empty('broken', 'from 1800 to 2400 windows tile in every zone');

-- Names
SELECT is_empty($$
  SELECT name FROM zones
   WHERE ledger_agents.window_of('2026-06-15', upper(name))
         IS DISTINCT FROM ledger_agents.window_of('2026-06-15', lower(name))$$,
  'every name of pg_timezone_names is a zone, in upper and in lower case');

CREATE FUNCTION pg_temp.is_refused(zone text) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM ledger_agents.window_of('2026-06-15', zone);
  RETURN false;
EXCEPTION WHEN invalid_parameter_value THEN
  RETURN true;
END $$;

SELECT is_empty($$
  SELECT zone
    FROM unnest(ARRAY['', ' ', 'UTC ', ' UTC', 'FOO-12', 'foo-12', 'UTC+3', 'UTC-3', 'EST5', 'EST5EDT4',
                      'EST5EDT,M3.2.0,M11.1.0', '<+05>-5', '<abc>-5', '+02', '-02:00', '5', 'CEST', 'PDT',
                      'Mars/Olympus', 'Europe', 'Europe/', '/Europe/Berlin', 'Europe//Berlin', '../Europe/Berlin',
                      'right/Europe/Berlin', 'zone.tab', 'default', 'local', repeat('x', 300)]) AS zone
   WHERE NOT pg_temp.is_refused(zone)$$,
  'offsets, abbreviations, POSIX strings and files that are no zones are refused');

-- Rolling and boundless windows
PREPARE rolling AS
  SELECT frequency, length
    FROM (VALUES ('per24HourPeriod', '24 hours'::interval, NULL),
                 ('per24HourPeriod', '24 hours', 'rolling'),
                 ('perWeek', '168 hours', 'rolling'),
                 ('perMonth', '720 hours', 'rolling'),
                 ('perYear', '8760 hours', 'rolling')) AS v (frequency, length, mode),
         generate_series('2026-01-01'::timestamptz, '2028-01-01', '7 hours 7 minutes 7.000007 seconds') AS at,
         ledger_agents.window_of(at, 'America/Havana', frequency::ledger_agents.spending_frequency,
                                 mode::ledger_agents.window_mode)
   WHERE (window_start, window_end) IS DISTINCT FROM (at - length, at);
SELECT is_empty('rolling', 'a rolling window ends with its instant and never knows of summer time');

SELECT is(ledger_agents.window_of('2026-06-15', 'UTC', 'perTransaction', mode)::text, '(,)',
          'a single authorization has no window')
  FROM unnest('{calendar,NULL}'::ledger_agents.window_mode[]) AS mode;
SELECT is(ledger_agents.window_of('2026-06-15', 'UTC', 'allTime', mode)::text, '(-infinity,infinity)',
          'all of time has no bounds')
  FROM unnest('{rolling,NULL}'::ledger_agents.window_mode[]) AS mode;

SELECT is(ledger_agents.window_of('2026-06-15 12:00Z', 'Asia/Tokyo'),
          ledger_agents.window_of('2026-06-15 12:00Z', 'Asia/Tokyo', 'perMonth', 'calendar'),
          'without a frequency it is the calendar month');

SET LOCAL timezone = 'Pacific/Kiritimati';
SELECT is(ledger_agents.window_of('2026-06-30 23:30Z', 'UTC', 'perMonth')::text,
          '("2026-06-01 14:00:00+14","2026-07-01 14:00:00+14")',
          'the session''s time zone decides nothing');
SET LOCAL timezone = 'UTC';

-- The ends of timestamptz
SELECT throws_ok(
  format('SELECT ledger_agents.window_of(%L, %L, %L, %L)', at, zone, frequency, mode), '22008', NULL, why)
  FROM (VALUES
    ('infinity', 'UTC', 'allTime', NULL, 'infinity is no instant'),
    ('4714-11-24 00:00Z BC', 'UTC', 'perYear', NULL, 'the first year begins before the first instant'),
    ('294276-12-31 23:59:59.999999Z', 'UTC', 'perYear', NULL, 'the last year ends after the last instant'),
    ('4714-11-24 12:00Z BC', 'UTC', 'per24HourPeriod', 'rolling', '24 hours before the first day are not there')
  ) AS v (at, zone, frequency, mode, why);

SELECT * FROM finish();
ROLLBACK;
