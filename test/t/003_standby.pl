# What does a standby answer, and is it right when it takes over?
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', "timezone = 'UTC'\nautovacuum = off\nmax_prepared_transactions = 5\n");
$primary->start;
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

sub on_primary
{
	return $primary->safe_psql('postgres', $_[0]);
}

sub on_standby
{
	return $standby->safe_psql('postgres', $_[0]);
}

sub catch_up
{
	$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
}

# SQLSTATE and message of the error that the script ends with.
sub error_of
{
	my ($node, $sql) = @_;
	my ($status, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql");
	return $err =~ /ERROR:  (.*)/ ? $1 : "no error: $out";
}

on_primary(<<'SQL');
CREATE EXTENSION ledger_agents;
CREATE ROLE app;
SELECT ledger_agents.grant_access('app', 'api');
SELECT ledger_agents.update_customer('customer', '{"spending_limit": 5000}');
SQL
my ($agent, $token) = split /\|/,
	on_primary(q{SELECT id, token FROM ledger_agents.register_agent('a', 'customer', spending_limit => 1000, spending_limit_frequency => 'allTime')});
my $spend = on_primary("SELECT id FROM ledger_agents.authorize('$agent', 400, idempotency_key => 'first', hold_for => '1 year')");
my $event = on_primary("SELECT id FROM ledger_agents.poll_events('c', 1)");
my $token_id = on_primary('SELECT id FROM ledger_agents.agent_tokens');
catch_up();

#
# Reads are answered, writes are refused with the server's own error, on a standby and in a read-only transaction.
#
my %reads = (
	evaluate => "SELECT decision, remaining FROM ledger_agents.evaluate('$agent', 600)",
	'evaluate, declined' => "SELECT decision, reason, max_approvable FROM ledger_agents.evaluate('$agent', 601)",
	get_agent => "SELECT external_id, current_spend FROM ledger_agents.get_agent('$agent')",
	agent_budget => "SELECT current_spend, remaining FROM ledger_agents.agent_budget('$agent')",
	list_agents => 'SELECT count(*) FROM ledger_agents.list_agents()',
	get_authorization => "SELECT amount, status FROM ledger_agents.get_authorization('$spend')",
	list_authorizations => "SELECT count(*) FROM ledger_agents.list_authorizations('$agent')",
	list_agent_tokens => "SELECT count(*) FROM ledger_agents.list_agent_tokens('$agent')",
	get_customer => "SELECT spending_limit FROM ledger_agents.get_customer('customer')",
	list_customers => 'SELECT id FROM ledger_agents.list_customers()',
	get_organization => 'SELECT timezone FROM ledger_agents.get_organization()',
	list_event_consumers => 'SELECT name FROM ledger_agents.list_event_consumers()',
	check_invariants => 'SELECT count(*) FROM ledger_agents.check_invariants()',
	statistics => q{SELECT calls = CASE WHEN pg_is_in_recovery() THEN 0 ELSE 1 END FROM ledger_agents.statistics WHERE outcome = 'approved'});
my %answers = (
	evaluate => 'approved|0', 'evaluate, declined' => 'declined|agent_limit_exceeded|600', get_agent => 'a|400', agent_budget => '400|600',
	list_agents => '1', get_authorization => '400|authorized', list_authorizations => '1', list_agent_tokens => '1',
	list_event_consumers => 'c', get_customer => '5000', list_customers => 'customer', get_organization => 'UTC', check_invariants => '0', statistics => 't');
my @writes = (
	"ledger_agents.authorize('$agent', 1)",
	"ledger_agents.authorize('$agent', 400, idempotency_key => 'first', hold_for => '1 year')",
	"ledger_agents.authorize_or_raise('$agent', 1)",
	"ledger_agents.authorize_many(ARRAY[ROW('$agent', 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::ledger_agents.spend_request])",
	"ledger_agents.reverse('$spend')",
	q{ledger_agents.register_agent('b', 'customer')},
	q{ledger_agents.register_agent('a', 'customer')},
	"ledger_agents.update_agent('$agent', '{\"spending_limit\": 1}')",
	"ledger_agents.deregister_agent('$agent')",
	"ledger_agents.create_agent_token('$agent')",
	"ledger_agents.revoke_agent_token('$token_id')",
	"ledger_agents.rotate_agent_token('$token_id')",
	q{ledger_agents.poll_events('c')},
	q{ledger_agents.poll_events('new')},
	qq{ledger_agents.ack_events('c', '$event')},
	q{ledger_agents.delete_event_consumer('c')},
	q{ledger_agents.create_organization('o')},
	q{ledger_agents.update_organization('{"name": "n"}')},
	q{ledger_agents.update_customer('c', '{"name": "n"}')},
	q{ledger_agents_api.register_agent('{"externalId": "b", "userId": "c", "name": "n"}')},
	q{ledger_agents_api.create_agent('{"externalId": "b", "customerId": "c"}')},
	"ledger_agents_api.update_agent('{\"agentId\": \"$agent\", \"name\": \"n\"}')");

for my $what (sort keys %reads)
{
	is(on_standby($reads{$what}), $answers{$what}, "standby: $what works");
	is(on_primary("BEGIN READ ONLY; $reads{$what}; COMMIT"), $answers{$what}, "read-only transaction: $what works");
}
for my $call (@writes)
{
	like(error_of($standby, "SELECT $call"), qr/^25006: cannot execute /, "standby: 25006 from $call");
	like(error_of($primary, "BEGIN READ ONLY; SELECT $call"), qr/^25006: cannot execute /, "read-only transaction: 25006 from $call");
}
is(on_primary("SELECT count(*) FROM ledger_agents.agents"), '1', 'nothing was written');

for my $node ($standby, $primary)
{
	my $begin = 'BEGIN READ ONLY; SET LOCAL ROLE app;';
	my $name = $node->name;
	my $authenticate = "SELECT agent_id FROM ledger_agents.authenticate('$token')";
	is( $node->safe_psql('postgres', "$begin $authenticate; SELECT decision FROM ledger_agents.evaluate(amount => 1); SELECT remaining FROM ledger_agents.agent_budget(); COMMIT"),
		"$agent\napproved\n600", "$name: a token authenticates and reads");
	like(error_of($node, "$begin $authenticate; SELECT ledger_agents.authorize(amount => 1)"),
		qr/^25006: /, "$name: and may not spend there");
	like(error_of($node, "$begin SELECT ledger_agents.evaluate('$agent', 1)"), qr/^42501: /, "$name: without a token nothing is answered");
	like(error_of($node, "$begin SELECT ledger_agents.authenticate(left('$token', -4) || 'abcd')"), qr/^42501: authentication failed/, "$name: a wrong one is refused");
}
is(on_primary('SELECT count(last_used_at) FROM ledger_agents.agent_token_uses'), '0', 'no use was noted');

# A revocation arrives.
my ($other_id, $other) = split /\|/, on_primary("SELECT id, token FROM ledger_agents.create_agent_token('$agent')");
catch_up();
is(on_standby("SELECT agent_id FROM ledger_agents.authenticate('$other')"), $agent, 'a new token is known on the standby');
on_primary("SELECT ledger_agents.revoke_agent_token('$other_id')");
catch_up();
like(error_of($standby, "SELECT ledger_agents.authenticate('$other')"), qr/^42501: /, 'and its revocation');

#
# With a synchronous standby: what was approved is there when COMMIT returns.
#
$primary->append_conf('postgresql.conf', "synchronous_standby_names = 'standby'\n");
$primary->reload;
$primary->poll_query_until('postgres', "SELECT sync_state = 'sync' FROM pg_stat_replication") or die 'no synchronous standby';

# Receiving is stopped: a commit that waits for the standby does not return, one that does not wait does.
sub waits_for_standby
{
	my ($settings, $key) = @_;
	my $receiver = on_standby('SELECT pid FROM pg_stat_wal_receiver');
	my $name = "waits_$key";

	kill('STOP', $receiver) or die 'the receiver cannot be stopped';
	my $session = $primary->background_psql('postgres', on_error_stop => 0);
	$session->query_safe("SET application_name = '$name'; $settings");
	# A commit that does not wait may be done before anything is read.
	my $seen = $session->query_until(qr/started/, "\\echo started\nSELECT decision FROM ledger_agents.authorize('$agent', 1, idempotency_key => '$key');\n\\echo done\n");
	$primary->poll_query_until('postgres', <<"SQL") or die 'the session neither returns nor waits';
SELECT state = 'idle' OR wait_event = 'SyncRep' FROM pg_stat_activity WHERE application_name = '$name' AND query LIKE '%authorize%'
SQL
	my $waited = on_primary("SELECT wait_event FROM pg_stat_activity WHERE application_name = '$name'") eq 'SyncRep';
	kill('CONT', $receiver);
	$session->query_until(qr/done/, '') unless $seen =~ /^done$/m;
	$session->quit;
	return $waited ? 'waits' : 'returns';
}

is(waits_for_standby('SET synchronous_commit = on', 'on'), 'waits', 'an approval waits for the synchronous standby');
is(waits_for_standby('SET synchronous_commit = off', 'off'), 'waits', 'also with synchronous_commit off');
is(waits_for_standby('SET synchronous_commit = local', 'local'), 'waits', 'also with synchronous_commit local');
is(waits_for_standby('SET synchronous_commit = local; SET ledger_agents.durable_approvals = off', 'not'),
	'returns', 'it does not where that was asked for');

# Who cancels the wait is told that it was one, and nobody else gets that answer before it is on the standby.
{
	my $receiver = on_standby('SELECT pid FROM pg_stat_wal_receiver');
	my $key = "idempotency_key => 'canceled'";
	# No limit above it, for which it would lock a row and so write.
	my $free = on_primary(q{SELECT id FROM ledger_agents.register_agent('free', 'another')});
	my %calls = (
		authorize => "ledger_agents.authorize('$free', 1, $key)",
		authorize_many => "ledger_agents.authorize_many(ARRAY[ROW('$free', 1, NULL, NULL, NULL, NULL, NULL, NULL, 'canceled', NULL, NULL)::ledger_agents.spend_request])",
		capture => "ledger_agents.capture('$spend', 1, final => false, $key)");
	my %sessions = map { $_ => $primary->background_psql('postgres', on_error_stop => 0) } sort keys %calls;

	# Begins the call in its session, and returns once it waits, or has returned and does not.
	my $waits = sub {
		my ($call) = @_;
		my $name = "again_$call";

		$sessions{$call}->query_safe("SET application_name = '$name'; SET synchronous_commit = local");
		$sessions{$call}->query_until(qr/started/, "\\echo started\nSELECT decision FROM $calls{$call};\n\\echo done\n");
		$primary->poll_query_until('postgres', <<"SQL") or die 'the session neither returns nor waits';
SELECT state = 'idle' AND query LIKE '%decision%' OR wait_event = 'SyncRep' FROM pg_stat_activity WHERE application_name = '$name'
SQL
		return on_primary("SELECT wait_event = 'SyncRep' FROM pg_stat_activity WHERE application_name = '$name'");
	};
	my $cancel = sub {
		my ($call) = @_;

		on_primary("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'again_$call'");
		$sessions{$call}->query_until(qr/done/, '');
		my $warning = $sessions{$call}->{stderr};
		$sessions{$call}->{stderr} = '';
		return $warning;
	};

	kill('STOP', $receiver) or die 'the receiver cannot be stopped';
	for my $call ('authorize', 'capture')
	{
		is($waits->($call), 't', "$call waits for the standby");
		like($cancel->($call), qr/WARNING:  canceling wait for synchronous replication/, 'and comes with a warning when that is canceled');
	}
	for my $call (sort keys %calls)
	{
		is($waits->($call), 't', "$call: the stored answer waits for the standby");
		$cancel->($call);
	}
	kill('CONT', $receiver);
	$_->quit for values %sessions;
	is(on_primary("SET synchronous_commit = local; SELECT replayed FROM $calls{authorize}"), 't', 'and is then told');
}

# The session's own setting is back afterwards, and holds for what is no approval.
is(on_primary("SET synchronous_commit = off; SELECT decision FROM ledger_agents.authorize('$agent', 1); SHOW synchronous_commit"),
	"approved\noff", 'the setting of the session stays');

# The log sequence number at which the approval stands is flushed on the standby when COMMIT has returned. Nothing else waited for it.
for my $commit ('off', 'local')
{
	is(on_primary(<<"SQL"), "approved\nt", "synchronous_commit = $commit: the approval is flushed on the standby when COMMIT returns");
SET synchronous_commit = $commit;
BEGIN;
SELECT decision FROM ledger_agents.authorize('$agent', 1, idempotency_key => 'lsn-$commit');
SELECT pg_current_wal_insert_lsn() AS lsn \\gset
COMMIT;
SELECT flush_lsn >= :'lsn' FROM pg_stat_replication;
SQL
}

#
# Sessions that were there before the standby takes over: they have plans, and what they read of agent, customer and rules.
#
my $other_agent = on_primary(q{SELECT id FROM ledger_agents.register_agent('lives on', 'customer', spending_limit => 100, spending_limit_frequency => 'allTime')});
my $suspended = on_primary(q{SELECT id FROM ledger_agents.register_agent('suspended soon', 'customer')});
catch_up();
my $lives_on = $standby->background_psql('postgres', on_error_stop => 0);
my $in_transaction = $standby->background_psql('postgres', on_error_stop => 0);
$lives_on->query_safe(<<'SQL');
PREPARE evaluate(uuid, bigint) AS SELECT decision, max_approvable FROM ledger_agents.evaluate($1, $2);
PREPARE spend(uuid, bigint, text) AS SELECT decision, remaining FROM ledger_agents.authorize($1, $2, idempotency_key => $3);
SQL

# What the session answers, errors included.
sub answer_of
{
	my ($session, $sql) = @_;

	$session->{stderr} = '';
	my $out = $session->query("\\set VERBOSITY verbose\n$sql");
	return $session->{stderr} =~ /ERROR:  (\w+)/ ? $1 : $out;
}

for my $time (1 .. 6)
{
	is(answer_of($lives_on, "EXECUTE evaluate('$other_agent', 100)"), 'approved|100', "a session on the standby evaluates, $time") if $time == 1 || $time == 6;
	answer_of($lives_on, "EXECUTE evaluate('$suspended', 1)");
	is(answer_of($lives_on, "EXECUTE spend('$other_agent', 1, 'early')"), '25006', "and may not spend, $time") if $time == 1 || $time == 6;
}
is(answer_of($in_transaction, "BEGIN; SELECT decision FROM ledger_agents.evaluate('$other_agent', 100)"), 'approved', 'another is in the middle of a transaction');
# The limit is cut, the other agent suspended and something spent, and all of that arrives.
on_primary(<<"SQL");
SELECT ledger_agents.update_agent('$other_agent', '{"spending_limit": 50}');
SELECT ledger_agents.update_agent('$suspended', '{"status": "suspended"}');
SELECT ledger_agents.authorize('$other_agent', 20, idempotency_key => 'before');
SQL

#
# The primary is lost without a word, and the standby takes over.
#
is(on_primary("SET synchronous_commit = off; SELECT decision FROM ledger_agents.authorize('$agent', 50, idempotency_key => 'last')"),
	'approved', 'one more approval');
my $told = on_primary('SELECT idempotency_key, id, decision, sequence FROM ledger_agents.authorizations ORDER BY sequence');
my $spent = on_primary("SELECT current_spend FROM ledger_agents.agent_budget('$agent')");
$primary->stop('immediate');
$standby->promote;
is(on_standby('SELECT idempotency_key, id, decision, sequence FROM ledger_agents.authorizations ORDER BY sequence'), $told,
	'after the failover every decision is there');
is(on_standby('SELECT * FROM ledger_agents.check_invariants()'), '', 'and the books are right');
is(on_standby("SELECT decision, replayed FROM ledger_agents.authorize('$agent', 50, idempotency_key => 'last')"), 'approved|t',
	'the last one is told again to who asks again');
is(on_standby("SELECT decision, max_approvable FROM ledger_agents.authorize('$agent', 1001 - $spent)"), 'declined|' . (1000 - $spent),
	'what it left is what the new primary approves at most');
is(on_standby("SELECT decision, remaining FROM ledger_agents.authorize('$agent', 1000 - $spent)"), 'approved|0', 'and does approve');
is(on_standby("SET ROLE app; BEGIN; SELECT agent_id FROM ledger_agents.authenticate('$token'); SELECT decision FROM ledger_agents.authorize(amount => 1); COMMIT"),
	"$agent\ndeclined", 'the token is good there');
is(on_standby('SELECT * FROM ledger_agents.check_invariants()'), '', 'and the books remain right');

# Sessions that have lived through it.
is(answer_of($lives_on, "EXECUTE evaluate('$other_agent', 31)"), 'declined|30', 'a session that was there before evaluates with the new limit');
is(answer_of($lives_on, "EXECUTE spend('$other_agent', 31, 'late')"), 'declined|', 'and so it spends, or not');
is(answer_of($lives_on, "EXECUTE spend('$other_agent', 20, 'before')"), 'approved|30', 'what was decided on the other server is told again');
is(answer_of($lives_on, "EXECUTE spend('$other_agent', 30, 'later')"), 'approved|0', 'and what it left is approved');
is(answer_of($lives_on, "SELECT reason FROM ledger_agents.authorize('$suspended', 1)"), 'agent_suspended', 'a suspension that came meanwhile holds');
on_standby("SELECT ledger_agents.update_agent('$suspended', '{\"status\": \"active\"}')");
is(answer_of($lives_on, "SELECT decision FROM ledger_agents.authorize('$suspended', 1)"), 'approved', 'and its end');
is(answer_of($in_transaction, "SELECT decision FROM ledger_agents.authorize('$other_agent', 100)"), '25006', 'a transaction that began before does not become one that may spend');
is(answer_of($in_transaction, "ROLLBACK; SELECT reason FROM ledger_agents.authorize('$other_agent', 1)"), 'agent_limit_exceeded', 'the next one may, within the new limit');
is(on_standby('SELECT * FROM ledger_agents.check_invariants()'), '', 'and the books are right');
$_->quit for $lives_on, $in_transaction;

$standby->stop;
done_testing();
