# What if the server's clock is set, forward and back, over the borders of windows?
#
# The server gets its time from Machine.pm, under load: no window ever holds more than its limit, an agent's instants never go
# back, nothing expires twice. CLOCK_STEPS and CLOCK_SEED make it more often, and otherwise.
use strict;
use warnings;

use Load;
use Machine;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => Machine::missing() if Machine::missing();

use constant CLIENTS => 4;
use constant HOUR => 3600;
use constant DAY => 24 * HOUR;

my $steps = $ENV{CLOCK_STEPS} // 60;
my $seed = $ENV{CLOCK_SEED} // 1;
srand $seed;

# 2101-01-01 is a Saturday. A minute before midnight.
my $start = 4133980800 - 60;
my $machine = Machine->new;
my $node = PostgreSQL::Test::Cluster->new('clock');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\nautovacuum = off\ntimezone = 'UTC'\nmax_prepared_transactions = 20\n");

# By hand in one database, under load in another.
my $database = 'template1';

sub sql
{
	return $node->safe_psql($database, $_[0]);
}

# The clock shows that second of the epoch, and goes on.
my $ahead;

sub set_clock
{
	my ($epoch) = @_;

	$ahead = $epoch - time;
	$machine->set_clock($ahead);
	return;
}

set_clock($start);
$machine->around(sub { $node->start });
is(sql("SELECT date_trunc('hour', now())"), '2100-12-31 23:00:00+00', 'the server has the time that it was given');
sql('CREATE DATABASE hand');

#
# By hand: over midnight and back.
#
$database = 'hand';
sql(q{CREATE EXTENSION ledger_agents; SELECT ledger_agents.update_organization('{"transaction_events": true}')});
my $agent = sql(q{SELECT id FROM ledger_agents.register_agent('daily', 'c', spending_limit => 100, spending_limit_frequency => 'per24HourPeriod', window_mode => 'calendar')});

sub spend
{
	my ($amount, $rest) = @_;

	return sql("SELECT decision FROM ledger_agents.authorize('$agent', $amount" . ($rest // '') . ')');
}

is(spend(100) . ' ' . spend(1), 'approved declined', 'a day has its limit');
set_clock($start + 120);
is(spend(60) . ' ' . spend(41), 'approved declined', 'the next day has its own');
set_clock($start);
is(spend(41), 'declined', 'the clock goes back: the day before does not come again');
is(spend(40), 'approved', 'and what is spent is spent in the later one');
set_clock($start + 120);
is(spend(1), 'declined', 'which has no more');
set_clock($start - 40 * DAY);
is(spend(1), 'declined', 'nor has a month that is long over');
is(sql("SELECT spent_at >= '2101-01-01' FROM (SELECT min(decided_at) AS spent_at FROM ledger_agents.authorizations WHERE agent_id = '$agent' AND sequence > 2) s"),
	't', 'all of that is on the later day');
like(sql("SELECT retry_at FROM ledger_agents.evaluate('$agent', 1)"), qr/^2101-01-02 00:00:00/, 'and what is declined passes when that is over');
set_clock($start + DAY + 120);
is(spend(100), 'approved', 'as it does');

# A hold ends once.
$agent = sql(q{SELECT id FROM ledger_agents.register_agent('holds', 'c', spending_limit => 100, spending_limit_frequency => 'allTime')});
my $hold = sql("SELECT id FROM ledger_agents.authorize('$agent', 100, hold_for => '1 hour')");
is(spend(1), 'declined', 'a hold holds');
set_clock($start + DAY + 120 + 2 * HOUR);
is(spend(100, ", hold_for => '10 hours'"), 'approved', 'until its time is over');
set_clock($start + DAY + 120);
is(spend(1), 'declined', 'the clock goes back: it does not end again, and there is no more to spend');
my ($status, $out, $err) = $node->psql($database, "SELECT ledger_agents.capture('$hold')");
like($err, qr/ERROR:  .*expired|invalid_state/, 'nor can it be captured');
set_clock($start + DAY + 120 + 3 * HOUR);
my $swept = sql('SELECT expired_holds FROM ledger_agents.sweep()');
set_clock($start + DAY + 120);
is($swept + sql('SELECT expired_holds FROM ledger_agents.sweep()'), '1', 'one hold has expired, before and after the clock went back');
set_clock($start + DAY + 120 + 4 * HOUR);
is(sql('SELECT expired_holds FROM ledger_agents.sweep()'), '0', 'and not once more');
is(sql("SELECT count(*) FROM ledger_agents.events WHERE type = 'transaction.expired'"), '1', 'which is told once');
is(sql("SELECT total_spent FROM ledger_agents.counters WHERE scope_id = '$agent'"), '100', 'what is held is counted once');

# Somebody waits for a lock while the clock goes on by a year.
my $busy = $node->background_psql($database);
$busy->query_safe("BEGIN; SELECT ledger_agents.authorize('$agent', 1)");
my $waiting = $node->background_psql($database);
$waiting->query_until(qr/started/, "\\echo started\nSELECT decision FROM ledger_agents.authorize('$agent', 1);\n\\echo done\n");
$node->poll_query_until($database, "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock'") or die 'nobody waits';
set_clock($start + 30 * DAY);
$busy->query_safe('COMMIT');
$waiting->query_until(qr/done/, '');
$_->quit for $busy, $waiting;
is(sql("SELECT count(*) FROM ledger_agents.wait_statistics WHERE waited < '0' OR waited > '1 hour' OR longest > waited"), '0', 'waits are measured by another clock');
is(sql('SELECT * FROM ledger_agents.check_invariants()'), '', 'the books are right');

#
# Under load, steps of all sizes.
#
$database = 'postgres';
Load->prepare($node, CLIENTS);
sql(<<'SQL');
SELECT ledger_agents.register_agent('w' || frequency || mode, 'customer', spending_limit => 1500, spending_limit_frequency => frequency, window_mode => mode)
FROM unnest('{per24HourPeriod,perWeek,perMonth,perYear}'::text[]) frequency, unnest('{calendar,rolling}'::text[]) mode
SQL
my $load = Load->start($node, seed => $seed, plain => 1);
my ($at, $highest) = (($start + 30 * DAY) x 2);

for my $step (1 .. $steps)
{
	my @forward = (1, 50, HOUR, 20 * HOUR, DAY, 6 * DAY, 29 * DAY);
	my @back = (0.001, 1, 50, HOUR, DAY, 10 * DAY, 200 * DAY);

	# Often to where a window ends, which is midnight at least.
	$at += rand(5) < 3 ? $forward[ rand @forward ] * (0.5 + rand 1) : -$back[ rand @back ] * rand 1;
	$at = DAY * int($at / DAY + 0.5) + rand(0.2) - 0.1 if rand 3 < 1;
	set_clock($at);
	$load->await_told(20 + int rand 20);
	$highest = $at if $at > $highest;
}
$load->stop;
is($load->differs($node), '', 'the books are those of the clients, and all keys are answered as before') or diag "seed $seed";
note(sprintf 'the clock came to %s', scalar gmtime $highest);
is(sql(<<'SQL'), '', 'no window holds more than its limit') or diag "seed $seed";
WITH spent AS (
	SELECT a.external_id, a.spending_limit, a.spending_limit_frequency::text AS frequency, coalesce(a.window_mode = 'calendar', false) AS calendar,
		t.amount, t.decided_at, lower(substr(a.spending_limit_frequency::text, 4)) AS unit,
		make_interval(hours => CASE a.spending_limit_frequency WHEN 'per24HourPeriod' THEN 24 WHEN 'perWeek' THEN 7 * 24
			WHEN 'perMonth' THEN 30 * 24 WHEN 'perYear' THEN 365 * 24 END) AS length
	FROM ledger_agents.agents a JOIN ledger_agents.authorizations t ON t.agent_id = a.id
	WHERE a.spending_limit_frequency <> 'allTime' AND a.spending_limit IS NOT NULL AND t.decision = 'approved' AND t.status = 'authorized'
)
SELECT external_id, date_trunc(CASE frequency WHEN 'per24HourPeriod' THEN 'day' ELSE unit END, decided_at) AS since, sum(amount)
FROM spent WHERE calendar GROUP BY 1, 2, spending_limit HAVING sum(amount) > spending_limit
UNION ALL
SELECT external_id, decided_at, held FROM spent s,
	LATERAL (SELECT sum(o.amount) AS held FROM spent o WHERE o.external_id = s.external_id AND o.decided_at > s.decided_at - s.length AND o.decided_at <= s.decided_at) o
WHERE NOT calendar AND held > spending_limit
SQL
cmp_ok(sql("SELECT count(*) FROM ledger_agents.authorizations t JOIN ledger_agents.agents a ON a.id = t.agent_id WHERE external_id LIKE 'wper%' AND decision = '$_'"),
	'>', 50, "many were $_") for 'approved', 'declined';
is(sql(<<'SQL'), '0', 'the instants of an agent never go back');
SELECT count(*) FROM (SELECT decided_at, lag(decided_at) OVER (PARTITION BY agent_id ORDER BY sequence) AS before FROM ledger_agents.authorizations) s
WHERE decided_at < before
SQL
is(sql(<<'SQL'), '0', 'nor do its ids, by the time in them');
SELECT count(*) FROM (SELECT left(id::text, 13) AS ms, lag(left(id::text, 13)) OVER (PARTITION BY agent_id ORDER BY sequence) AS before FROM ledger_agents.authorizations) s
WHERE ms COLLATE "C" < before
SQL
is(sql("SELECT count(*) FROM ledger_agents.wait_statistics WHERE waited < '0' OR waited > '1 hour' OR longest > waited"), '0', 'waits stay what they were');

$node->stop;
done_testing();
