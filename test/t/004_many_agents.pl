# Does one transaction over very many agents work, and stay right towards others?
#
# The server has room for some 2 000 locks. A transaction keeps the queue locks of
# its first 1 000 agents; what it holds of the others is the lock on their
# counters' rows, which costs no room.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use constant AGENTS => 20000;

my $node = PostgreSQL::Test::Cluster->new('many');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
max_connections = 20
max_locks_per_transaction = 64
max_prepared_transactions = 0
autovacuum = off
timezone = 'UTC'
CONF
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION ledger_agents');

# A thousand at a time here; whether all at once works is a question of its own, at the end.
$node->safe_psql('postgres', <<"SQL");
DO \$\$
BEGIN
	FOR low IN 1 .. @{[AGENTS]} BY 1000 LOOP
		PERFORM ledger_agents.register_agent('agent' || n, 'customer', spending_limit => 100, spending_limit_frequency => 'allTime')
		FROM generate_series(low, low + 999) n;
		COMMIT;
	END LOOP;
END
\$\$
SQL

sub background
{
	my ($name) = @_;
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	$session->query_safe("SET application_name = '$name'");
	return $session;
}

sub locks_of
{
	my ($name) = @_;
	return $node->safe_psql('postgres',
		"SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE a.application_name = '$name'");
}

sub id_of
{
	my ($number, $kind) = (@_, 'agent');
	return $node->safe_psql('postgres', "SELECT id FROM ledger_agents.agents WHERE external_id = '$kind$number'");
}

# Starts a call that is expected to wait, and waits until it does.
sub start_waiting
{
	my ($name, $sql) = @_;
	my $session = background($name);
	$session->query_until(qr/started/, "\\echo started\n$sql;\n\\echo ended\n");
	$node->poll_query_until('postgres',
		"SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = '$name' AND wait_event_type = 'Lock'")
		or die "$name does not wait";
	return $session;
}

sub answer_of
{
	my ($session) = @_;
	my $answer = $session->query_until(qr/ended/, '');
	$session->quit;
	return $answer =~ /(approved|declined\|\w*)/ ? $1 : "no answer: $answer $session->{stderr}";
}

# In the order of their numbers, so that it is known who comes after the first 1 000.
my $many = background('many');
is( $many->query_safe(<<"SQL"),
BEGIN;
SELECT count(*) FILTER (WHERE d.decision = 'approved'), count(*)
FROM (SELECT id FROM ledger_agents.agents ORDER BY substr(external_id, 6)::int OFFSET 0) a,
	 LATERAL ledger_agents.authorize(a.id, 100) d
SQL
	AGENTS . '|' . AGENTS,
	'one transaction spends for all of them');
my $held = locks_of('many');
cmp_ok($held, '>', 900, 'it keeps locks');
cmp_ok($held, '<', 3000, 'but no more for more agents');

my @agents = map { id_of($_) } (1, 1500, 15000, 19999);
my @waiting = map { start_waiting("waiting$_", "SELECT decision, reason FROM ledger_agents.authorize('$agents[$_]', 1)") } 0 .. $#agents;
pass('who wants an agent of it waits, be it one of the first 1 000 or not');

# The kill switch hangs on nobody's transaction, and on nobody who waits.
is($node->safe_psql('postgres', "SET statement_timeout = '60s'; SELECT status FROM ledger_agents.update_agent('$agents[3]', '{\"status\": \"suspended\"}')"),
	'suspended', 'an agent is suspended at once, while a call waits for its counter');
is($node->safe_psql('postgres', "SET statement_timeout = '60s'; SELECT status FROM ledger_agents.update_agent('$agents[0]', '{\"status\": \"suspended\"}')"),
	'suspended', 'also one of the first 1 000');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'waiting%' AND wait_event_type = 'Lock'"),
	scalar(@agents), 'all calls are still waiting');

# Others are not in the way of each other.
is($node->safe_psql('postgres', q{SELECT decision FROM ledger_agents.authorize((SELECT id FROM ledger_agents.register_agent('other', 'customer')), 1)}),
	'approved', 'an agent that it did not touch spends meanwhile');

$many->query_safe('COMMIT');
is_deeply(
	[ map { answer_of($_) } @waiting ],
	[ 'declined|agent_suspended', 'declined|agent_limit_exceeded', 'declined|agent_limit_exceeded', 'declined|agent_suspended' ],
	'after the commit each call is decided on what it finds');
cmp_ok(locks_of('many'), '<', 10, 'nothing is held any more');

# The other ending: what is rolled back is free again.
$node->safe_psql('postgres', q{SELECT count(ledger_agents.update_agent(id, '{"spending_limit": 200}')) FROM ledger_agents.agents WHERE external_id IN ('agent1500', 'agent15000')});
$many->query_safe(<<'SQL');
BEGIN;
SELECT count(*) FILTER (WHERE d.decision = 'approved')
FROM (SELECT id FROM ledger_agents.agents WHERE external_id ~ '^agent1' ORDER BY substr(external_id, 6)::int OFFSET 0) a,
	 LATERAL ledger_agents.authorize(a.id, 100) d
SQL
@waiting = map { start_waiting("again$_", "SELECT decision, reason FROM ledger_agents.authorize('$agents[$_]', 100)") } 1 .. 2;
$many->query_safe('ROLLBACK');
is_deeply([ map { answer_of($_) } @waiting ], [ 'approved', 'approved' ], 'after a rollback the waiting calls have the money');
$many->quit;

# One transaction that registers very many.
my ($status, $out, $err) = $node->psql('postgres', <<"SQL");
SELECT count(ledger_agents.register_agent('new' || n, 'customer')) FROM generate_series(1, @{[AGENTS]}) n
SQL
is($out . $err, AGENTS, 'one transaction registers them all');

# The same in batches: a call holds the queues of all its agents, but the transaction keeps no more of them for that.
$many = background('batches');
is($many->query_safe(<<'SQL'), AGENTS . '|' . AGENTS, 'one transaction spends for all of them in batches');
BEGIN;
SELECT count(*) FILTER (WHERE d.decision = 'approved'), count(*)
FROM (SELECT array_agg(ROW(id, 100, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::ledger_agents.spend_request) AS requests
	  FROM ledger_agents.agents WHERE external_id ~ '^new' GROUP BY substr(external_id, 4)::int / 500) b,
	 LATERAL ledger_agents.authorize_many(b.requests) d
SQL
cmp_ok(locks_of('batches'), '<', 1200, 'and keeps no more locks than single calls');
$agents[0] = id_of('15000', 'new');
@waiting = start_waiting('waiting0', "SELECT decision, reason FROM ledger_agents.authorize('$agents[0]', 1)");
$many->query_safe('COMMIT');
is(answer_of($waiting[0]), 'approved', 'who wants an agent of it waits');
$many->quit;

# Not check_invariants(), which looks at much more.
is($node->safe_psql('postgres', <<'SQL'), '', 'the books are right');
SELECT a.id, k.total_spent, k.sequence, s.spent, s.decisions
FROM ledger_agents.agents a
LEFT JOIN ledger_agents.counters k ON k.organization_id = a.organization_id AND k.scope = 'agent' AND k.scope_id = a.id::text
LEFT JOIN (SELECT organization_id, agent_id, sum(counted_amount) AS spent, count(*) AS decisions
		   FROM ledger_agents.authorizations GROUP BY 1, 2) s ON s.organization_id = a.organization_id AND s.agent_id = a.id
WHERE (k.total_spent, k.sequence) IS DISTINCT FROM (coalesce(s.spent, 0), coalesce(s.decisions, 0))
   OR k.total_spent > a.spending_limit
LIMIT 10
SQL

$node->stop;
done_testing();
