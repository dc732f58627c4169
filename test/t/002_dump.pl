# Does a restored database know everything and decide the same?
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('dump');
$node->init;
$node->append_conf('postgresql.conf', "timezone = 'UTC'\nautovacuum = off\n");
$node->start;
my $dir = PostgreSQL::Test::Utils::tempdir;

sub run_sql
{
	my ($database, $sql) = @_;
	return $node->safe_psql($database, $sql);
}

# One line a table: rows and a checksum of all of them. Which tables there are is asked, not written down.
sub sums_of
{
	my ($database) = @_;
	my $sql = run_sql($database, <<'SQL');
SELECT string_agg(format($$SELECT '%s', count(*), md5(string_agg(t::text, chr(10) ORDER BY t::text COLLATE "C")) FROM %s t$$,
						 c.oid::regclass, c.oid::regclass), ' UNION ALL ' ORDER BY c.relname COLLATE "C")
FROM pg_class c WHERE c.relnamespace = 'ledger_agents'::regnamespace AND c.relkind = 'r'
SQL
	return run_sql($database, $sql);
}

sub check_books
{
	my ($database, $name) = @_;
	is(run_sql($database, 'SELECT * FROM ledger_agents.check_invariants()'), '', "$name: the books are right");
}

run_sql('postgres', 'CREATE DATABASE origin');
run_sql('origin', <<'SQL');
CREATE EXTENSION ledger_agents;
SELECT ledger_agents.create_organization('tenant', timezone => 'America/New_York', currency => 'EUR', livemode => false);

-- Limits at every scope, agents of every kind.
SELECT ledger_agents.register_agent('decline', 'c1', spending_limit => 1000, spending_limit_frequency => 'allTime');
SELECT ledger_agents.register_agent('suspend', 'c1', spending_limit => 100, on_limit_exceeded => 'suspend');
SELECT ledger_agents.register_agent('notify', 'c1', spending_limit => 100, on_limit_exceeded => 'notify');
SELECT ledger_agents.register_agent('none', 'c2', spending_limit => 100, on_limit_exceeded => 'none');
SELECT ledger_agents.register_agent('rolling', 'c2', spending_limit => 500, spending_limit_frequency => 'per24HourPeriod');
SELECT ledger_agents.register_agent('free', 'c3', metadata => '{"text": "tab\t, line\n, quote '' and backslash \\ and ünïcode"}');
SELECT ledger_agents.register_agent('zero', 'c3', spending_limit => 0);
SELECT ledger_agents.register_agent('gone', 'c3');
SELECT ledger_agents.register_agent('paused', 'c3', status => 'suspended');
SELECT ledger_agents.register_agent('decline', 'c1', spending_limit => 70, spending_limit_frequency => 'perYear', organization_id => 'tenant');

CREATE FUNCTION agent(text, text DEFAULT 'default') RETURNS uuid LANGUAGE sql AS
	'SELECT id FROM ledger_agents.agents WHERE external_id = $1 AND organization_id = $2';

SELECT ledger_agents.authorize(agent('decline'), 300, idempotency_key => 'a');
SELECT ledger_agents.authorize(agent('decline'), 100, idempotency_key => 'b', merchant => 'DoorDash', mcc => '0742', country => 'DE', metadata => '{"order": 7}');
SELECT ledger_agents.authorize(agent('decline'), 601, idempotency_key => 'c');
SELECT ledger_agents.reverse((ledger_agents.authorize(agent('decline'), 200, idempotency_key => 'd')).id, 50, idempotency_key => 'back');
SELECT ledger_agents.reverse((ledger_agents.authorize(agent('decline'), 10)).id);
SELECT ledger_agents.authorize(agent('decline'), 20, hold_for => '1 microsecond');
SELECT ledger_agents.authorize(agent('suspend'), 101);
SELECT ledger_agents.authorize(agent('notify'), 101);
SELECT ledger_agents.authorize(agent('none'), 400);
SELECT ledger_agents.authorize(agent('rolling'), 100, hold_for => '1 hour') FROM generate_series(1, 4);
SELECT ledger_agents.authorize(agent('free'), 9007199254740993);
SELECT ledger_agents.authorize(agent('zero'), 1);
SELECT ledger_agents.authorize(agent('paused'), 1);
SELECT ledger_agents.authorize(agent('decline', 'tenant'), 60, idempotency_key => 'a', organization_id => 'tenant');
SELECT ledger_agents.update_customer('c1', '{"spending_limit": 2000, "name": "First"}');
SELECT ledger_agents.update_customer('c2', '{"spending_limit": 2000, "spending_limit_frequency": "allTime"}');
SELECT ledger_agents.update_organization('{"spending_limit": 100, "spending_limit_frequency": "perWeek", "window_mode": "rolling"}', 'tenant');
SELECT ledger_agents.create_agent_token(agent('decline'), 'second', expires_at => '2100-01-01');
SELECT ledger_agents.revoke_agent_token((ledger_agents.create_agent_token(agent('decline'), 'third')).id);
SELECT ledger_agents.rotate_agent_token((ledger_agents.create_agent_token(agent('decline'), 'fourth')).id, '1 day');
SELECT ledger_agents.create_organization_key('first', organization_id => 'tenant');
SELECT ledger_agents.revoke_organization_key((ledger_agents.create_organization_key('second')).id);
SELECT set_config('request.headers', '{"idempotency-key": "k"}', false);
SELECT ledger_agents_api.create_policy('{"name": "remembered"}');
RESET request.headers;
SELECT ledger_agents.deregister_agent(agent('gone'));
SELECT ledger_agents.register_agent('gone', 'c3', spending_limit => 5);

-- One consumer has acknowledged some of what it polled, another nothing; what comes below has no position yet.
SELECT count(*) FROM ledger_agents.poll_events('reader');
SELECT ledger_agents.ack_events('reader', (SELECT event_id FROM ledger_agents.event_positions WHERE position = 7));
SELECT count(*) FROM ledger_agents.poll_events('other', 3);

-- Policies of both kinds, cards in every state, what they remember, intents and attestations.
SELECT ledger_agents.create_policy('meals', '{"allowedMccs": ["5812", "0742"], "limits": {"perAuth": 50}}');
SELECT ledger_agents.update_customer('c4', '{"policy": {"limits": {"perDay": 500}, "blockedMerchants": ["Casino"]}}');
SELECT ledger_agents.register_agent('cards', 'c4', default_policy_id => (SELECT id FROM ledger_agents.policies WHERE name = 'meals'));
SELECT ledger_agents.create_card(agent('cards'), 'once');
SELECT ledger_agents.create_card(agent('cards'), 'fresh');
SELECT ledger_agents.create_card(agent('cards'), 'first', 'multi', max_amount => 40, policy => '{"lockToFirstMerchant": true, "cumulativeMax": 60}');
SELECT ledger_agents.create_card(agent('cards'), 'slow', 'multi', spending_limit => 30, spending_limit_frequency => 'allTime', policy => '{"cooldownMinutes": 525600}');
SELECT ledger_agents.create_card(agent('cards'), 'counted', 'multi', policy => '{"maxAuthCount": 2}');
SELECT ledger_agents.freeze_card((ledger_agents.create_card(agent('cards'), 'frozen')).id);
SELECT ledger_agents.close_card((ledger_agents.create_card(agent('cards'), 'closed')).id);
SELECT ledger_agents.authorize(agent('cards'), 10, merchant => 'Diner', mcc => '0742', card_id => c.id)
FROM ledger_agents.cards c WHERE c.purpose IN ('once', 'first', 'slow', 'counted');
SELECT ledger_agents.register_agent('asks', 'c5', policy => '{"requireApproval": true, "autoApproveBelow": 20, "requireAttestation": true, "attestationWindowMinutes": 60}');
SELECT ledger_agents.attest(agent('asks'), summary => 'looked', context => '{"page": "ünïcode"}');
SELECT ledger_agents.declare_intent(agent('asks'), client_intent_id => 'small', summary => 'small', expected_amount => 15, expected_merchant => 'Diner', expected_mccs => '{5812}', tolerance => 1);
SELECT ledger_agents.approve_intent((ledger_agents.declare_intent(agent('asks'), client_intent_id => 'large', expected_amount => 100, tolerance_percent => 5, ttl_minutes => 1440)).id);
SELECT ledger_agents.reject_intent((ledger_agents.declare_intent(agent('asks'), client_intent_id => 'no', expected_amount => 1000, ttl_minutes => 1440)).id, 'no');
SELECT ledger_agents.authorize(agent('asks'), 300, merchant => 'Parked');
SELECT ledger_agents.authorize(agent('asks'), 15, merchant => 'Diner', mcc => '5812');

-- A history that was sealed, forgotten in part, and goes on.
SET ledger_agents.clock = '2020-01-01 00:00Z';
SELECT ledger_agents.register_agent('old', 'c6', spending_limit => 100, spending_limit_frequency => 'allTime');
SELECT ledger_agents.record_spend(agent('old'), 30, merchant => 'Forgotten');
SET ledger_agents.clock = '2021-01-01 00:00Z';
SELECT ledger_agents.refund((ledger_agents.record_spend(agent('old'), 40)).id, 10);
SET ledger_agents.clock = '2022-06-01 00:00Z';
SELECT ledger_agents.purge('2020-06-01');
SELECT ledger_agents.seal_chain(a.id, organization_id => a.organization_id) FROM ledger_agents.agents a;
RESET ledger_agents.clock;
SELECT ledger_agents.authorize(agent('old'), 5);
SQL
my $secret = run_sql('origin', q{SELECT token FROM ledger_agents.create_agent_token(agent('decline'), 'mine')});
run_sql('origin', 'DROP FUNCTION agent(text, text)');
my $sums = sums_of('origin');
is(join(' ', $sums =~ /^ledger_agents\.(\w+)\|0\|/gm), '', 'there are rows in every table');
check_books('origin', 'before');

# Dump and restore in each format that keeps all; the plain one through psql, stopping at the first error.
my %restore = (
	plain => sub {
		$node->command_ok([ 'pg_dump', '-f', "$dir/plain", 'origin' ], 'pg_dump, plain');
		$node->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-o', "$dir/plain.out", '-f', "$dir/plain", 'plain' ], 'psql');
	},
	custom => sub {
		$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/custom", 'origin' ], 'pg_dump, custom');
		$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', 'custom', "$dir/custom" ], 'pg_restore');
	},
	directory => sub {
		$node->command_ok([ 'pg_dump', '-Fd', '-j', '2', '-f', "$dir/directory", 'origin' ], 'pg_dump, directory');
		$node->command_ok([ 'pg_restore', '--exit-on-error', '-j', '2', '-d', 'directory', "$dir/directory" ], 'pg_restore');
	},
	inserts => sub {
		$node->command_ok([ 'pg_dump', '--rows-per-insert=2', '--column-inserts', '-f', "$dir/inserts", 'origin' ], 'pg_dump, inserts');
		$node->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-1', '-o', "$dir/inserts.out", '-f', "$dir/inserts", 'inserts' ], 'psql');
	});

# What the database decides from here on; the same questions to each.
my $questions = <<"SQL";
CREATE FUNCTION pg_temp.agent(text, text DEFAULT 'default') RETURNS uuid LANGUAGE sql AS
	'SELECT id FROM ledger_agents.agents WHERE external_id = \$1 AND organization_id = \$2 AND status <> ''deregistered''';
\\set answer 'decision, reason, remaining, max_approvable, sequence, agent_spent, replayed'
-- What was answered is answered again.
SELECT 'replay', id, :answer FROM ledger_agents.authorize(pg_temp.agent('decline'), 300, idempotency_key => 'a');
SELECT 'replay', id, :answer FROM ledger_agents.authorize(pg_temp.agent('decline'), 601, idempotency_key => 'c');
SELECT 'replay of a reversal', id, status, replayed
FROM ledger_agents.reverse((SELECT id FROM ledger_agents.authorizations WHERE idempotency_key = 'd'), 50, idempotency_key => 'back');
-- 300 + 100 + 150 of 1000 count, the hold of 20 has expired: 450 are left, and not one more.
SELECT 'one too many', :answer FROM ledger_agents.authorize(pg_temp.agent('decline'), 451);
SELECT 'the rest', :answer FROM ledger_agents.authorize(pg_temp.agent('decline'), 450);
SELECT 'and one', :answer FROM ledger_agents.authorize(pg_temp.agent('decline'), 1);
SELECT 'rolling', :answer FROM ledger_agents.authorize(pg_temp.agent('rolling'), 101);
SELECT 'rolling', :answer FROM ledger_agents.authorize(pg_temp.agent('rolling'), 100);
SELECT 'suspended', :answer FROM ledger_agents.authorize(pg_temp.agent('suspend'), 1);
SELECT 'new agent of an old name', :answer FROM ledger_agents.authorize(pg_temp.agent('gone'), 6);
-- 400 of none and 500 of rolling count for the customer c2, of 2000.
SELECT 'customer', :answer FROM ledger_agents.authorize(pg_temp.agent('none'), 1101);
SELECT 'customer', :answer FROM ledger_agents.authorize(pg_temp.agent('none'), 1100);
SELECT 'organization', :answer FROM ledger_agents.authorize(pg_temp.agent('decline', 'tenant'), 10, organization_id => 'tenant');
SELECT 'organization', :answer FROM ledger_agents.authorize(pg_temp.agent('decline', 'tenant'), 1, organization_id => 'tenant');
-- 40 of 500 count for the customer c4, with what each card remembers.
SELECT 'card', c.purpose, o.merchant, o.amount, x.*
FROM ledger_agents.cards c, (VALUES (1, 'Diner', 41), (2, 'Other', 5), (3, 'Diner', 5), (4, 'Diner', 46), (5, 'The Casino', 1)) o (place, merchant, amount),
	LATERAL (SELECT :answer, failed_limits FROM ledger_agents.authorize(c.agent_id, o.amount, merchant => o.merchant, mcc => '0742', card_id => c.id)) x
ORDER BY c.id, o.place;
SELECT 'no card', :answer FROM ledger_agents.authorize(pg_temp.agent('cards'), 1, mcc => '5812');
SELECT 'new card', type, p.name FROM ledger_agents.create_card(pg_temp.agent('cards')) c LEFT JOIN ledger_agents.policies p ON p.id = c.policy_id;
SELECT 'policy', count(*) FROM ledger_agents.list_policies();
SELECT 'declared', i.id, i.status, i.replayed FROM ledger_agents.declare_intent(pg_temp.agent('asks'), client_intent_id => 'large', expected_amount => 100, tolerance_percent => 5, ttl_minutes => 1440) i;
SELECT 'used up', :answer FROM ledger_agents.authorize(pg_temp.agent('asks'), 20, merchant => 'Diner', mcc => '5812');
SELECT 'parked', :answer, linked_intent_id FROM ledger_agents.authorize(pg_temp.agent('asks'), 300, merchant => 'Parked');
SELECT 'intent', :answer, attestation, linked_intent_id FROM ledger_agents.authorize(pg_temp.agent('asks'), 105);
SELECT 'not twice', :answer FROM ledger_agents.authorize(pg_temp.agent('asks'), 105, merchant => 'Twice');
-- 30 were forgotten and 40 - 10 + 5 were not: of 100 for all time 35 are left.
SELECT 'forgotten', :answer FROM ledger_agents.authorize(pg_temp.agent('old'), 36);
SELECT 'chain', a.external_id, v.* FROM ledger_agents.agents a, ledger_agents.verify_chain(a.id, organization_id => a.organization_id) v;
SELECT 'sealed', s.number, s.sequence, s.entry_number, s.sealed FROM ledger_agents.seal_chain(pg_temp.agent('old')) s;
SELECT 'registered', created, differs FROM ledger_agents.register_agent('free', 'c3', spending_limit => 3);
SELECT 'new', created FROM ledger_agents.register_agent('new', 'new customer');
-- Each consumer goes on where it stood; events without position get one.
SELECT 'polled', position, type, data -> 'name', (SELECT external_id FROM ledger_agents.agents WHERE id = e.agent_id) FROM ledger_agents.poll_events('reader', 1000) e
WHERE created_at < (SELECT min(created_at) FROM ledger_agents.agents WHERE external_id = 'new');
SELECT 'waiting', name, acked_position FROM ledger_agents.list_event_consumers();
BEGIN;
SELECT 'token', agent_id = pg_temp.agent('decline') FROM ledger_agents.authenticate('$secret');
SELECT 'token', :answer FROM ledger_agents.authorize(amount => 2);
COMMIT;
SQL

# The original is asked last: it is what the others must equal.
for my $format (sort keys %restore)
{
	run_sql('postgres', "CREATE DATABASE $format TEMPLATE template0");
	$restore{$format}->();
	is(sums_of($format), $sums, "$format: every row of every table is there");
	check_books($format, $format);
	my ($status, $out, $err) = $node->psql($format, q{UPDATE ledger_agents.events SET data = '{}'});
	like($err, qr/append_only/, "$format: the guards are there");
	is(run_sql($format, 'SELECT a.external_id, v.* FROM ledger_agents.agents a, ledger_agents.verify_chain(a.id, organization_id => a.organization_id) v'), '',
		"$format: the chains hold");
	for my $table (qw(authorization_entries chain_seals chain_starts purges purged_totals configuration_changes))
	{
		($status, $out, $err) = $node->psql($format, "DELETE FROM ledger_agents.$table");
		like($err, qr/append_only/, "$format: nobody deletes from $table");
	}
}
my $answers = run_sql('origin', $questions);
like($answers, qr/^and one\|declined\|agent_limit_exceeded\|\|\|/m, 'the limit is enforced to the last cent');
like($answers, qr/^the rest\|approved\|\|0\|450\|/m, 'and up to the last cent');
like($answers, qr/^rolling\|approved\|\|0\|/m, 'a rolling one, too');
like($answers, qr/^customer\|declined\|customer_limit_exceeded\|\|1100\|/m, "a customer's, too");
like($answers, qr/^card\|once\|Diner\|5\|declined\|card_consumed\|/m, 'a single card stays used');
like($answers, qr/^card\|first\|Other\|5\|declined\|merchant_locked\|/m, 'the first merchant stays the only one');
like($answers, qr/^card\|slow\|Diner\|5\|declined\|cooldown_active\|/m, 'a card that cools down does so still');
like($answers, qr/^intent\|approved\|/m, 'an intent that was approved pays');
like($answers, qr/^polled\|8\|/m, 'a consumer goes on where it stood');
like($answers, qr/^polled\|\d+\|intent\.matched\|/m, 'and gets what had no position');
like($answers, qr/^forgotten\|declined\|agent_limit_exceeded\|\|35\|/m, 'what was forgotten counts on');
unlike($answers, qr/^chain\|/m, 'and the chains go on');
like($answers, qr/^not twice\|declined\|approval_required\|/m, 'and once');
for my $format (sort keys %restore)
{
	# Until somebody says that it is the one, it decides nothing.
	my ($status, $out, $err) = $node->psql($format, q{SELECT ledger_agents.authorize(id, 1) FROM ledger_agents.agents WHERE external_id = 'free'});
	like($err, qr/not_adopted/, "$format: the copy does not spend");
	is(run_sql($format, q{SELECT finding FROM ledger_agents.health_check() WHERE finding <> 'setting'}), 'not_adopted', "$format: that is all that ails it, but for the settings of this test");
	run_sql($format, 'SELECT ledger_agents.adopt()');
	is(run_sql($format, q{SELECT finding FROM ledger_agents.health_check() WHERE finding <> 'setting'}), '', "$format: adopted, nothing does");
	is(run_sql($format, $questions), $answers, "$format: it decides as the original does");
	check_books($format, "$format, after more decisions");
}

# A database in which nothing was ever written: the default organization has no row.
my $first = <<'SQL';
SELECT ledger_agents.register_agent('first', 'customer', spending_limit => 10) \g /dev/null
SELECT o.id, o.timezone, o.currency, o.status FROM ledger_agents.organizations o;
SELECT decision FROM ledger_agents.authorize((SELECT id FROM ledger_agents.agents), 10);
SELECT decision FROM ledger_agents.authorize((SELECT id FROM ledger_agents.agents), 1);
SQL
run_sql('postgres', 'CREATE DATABASE fresh');
run_sql('fresh', 'CREATE EXTENSION ledger_agents');
unlike(sums_of('fresh'), qr/\|[1-9]\d*\|/, 'the install script writes no row');
my ($status, $out, $err) = $node->psql('fresh', 'SELECT id, status, timezone, currency FROM ledger_agents.get_organization()');
is($out . $err, 'default|active|UTC|USD', 'the default organization reads without a row');
is(run_sql('fresh', 'SELECT count(*) FROM ledger_agents.list_agents()'), '0', 'and is empty');
$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/fresh", 'fresh' ], 'pg_dump of an installation that was never used');
run_sql('postgres', 'CREATE DATABASE fresh_copy TEMPLATE template0');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', 'fresh_copy', "$dir/fresh" ], 'pg_restore');
is(sums_of('fresh_copy'), sums_of('fresh'), 'the copy is as empty');
for my $database ('fresh', 'fresh_copy')
{
	is(run_sql($database, $first), "default|UTC|USD|active\napproved\ndeclined", "$database: the first write makes the organization default");
	check_books($database, $database);
}

# A second restore of data alone, over rows that are there: refused, nothing doubled.
my $before = sums_of('custom');
$node->command_fails([ 'pg_restore', '--exit-on-error', '--data-only', '-d', 'custom', "$dir/custom" ], 'a restore over what is there fails');
is(sums_of('custom'), $before, 'and doubles nothing');

$node->stop;
done_testing();
