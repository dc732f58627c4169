# Does an update of the extension, or of the server, change what is decided, or stop anybody who spends?
#
# 1.0 is updated while it spends, and must end as what a new installation is; then its server is upgraded by pg_upgrade,
# by copying and by linking files. UPGRADE_SECONDS is how long it spends around the update, UPGRADE_SEED chooses what.
use strict;
use warnings;

use Pgbench;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seconds = $ENV{UPGRADE_SECONDS} || 4;
my $seed = $ENV{UPGRADE_SEED} || int(rand(1_000_000));
my $dir = PostgreSQL::Test::Utils::tempdir;
my ($version) = slurp_file('ledger_agents.control') =~ /^default_version = '(.*)'/m;
my ($bindir) = run_command([ 'pg_config', '--bindir' ]);

sub new_cluster
{
	my ($name) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init;
	$node->append_conf('postgresql.conf', "timezone = 'UTC'\n");
	return $node;
}

sub surface
{
	my ($node, $database) = @_;

	return $node->safe_psql($database, 'SELECT kind, object, definition, note FROM ledger_agents.installed_objects() ORDER BY kind COLLATE "C", object COLLATE "C"');
}

sub ails
{
	my ($node, $database) = @_;

	return $node->safe_psql($database, q{SELECT DISTINCT concat_ws(' ', finding, found) FROM ledger_agents.health_check() WHERE object <> 'fsync' ORDER BY 1});
}

# What would be decided, and what it rests on: of every agent, for amounts about every limit.
sub verdicts
{
	my ($node, $database) = @_;

	return $node->safe_psql($database, <<'SQL');
SELECT g.external_id, v.amount, e.decision, e.reason, e.remaining, e.max_approvable, e.agent_spent, e.failed_limits
FROM ledger_agents.agents g, (VALUES (1), (399), (400), (401), (600), (601), (1000), (1000000000)) AS v (amount),
	LATERAL ledger_agents.evaluate(g.id, v.amount, as_of => '2035-01-01') e
ORDER BY g.external_id COLLATE "C", v.amount;
SELECT count(*) FROM ledger_agents.check_invariants();
SELECT count(*), sum(counted_amount) FROM ledger_agents.authorizations;
SQL
}

my $old = new_cluster('old');
$old->start;
$old->safe_psql('postgres', 'CREATE DATABASE shop');
$old->safe_psql('postgres', 'CREATE DATABASE unused');
$old->safe_psql('unused', "CREATE EXTENSION ledger_agents VERSION '1.0'");
$old->safe_psql('shop', <<'SQL');
CREATE EXTENSION ledger_agents VERSION '1.0';
CREATE ROLE operator LOGIN;
CREATE ROLE auditor LOGIN;
SELECT ledger_agents.grant_access('operator', 'operator'), ledger_agents.grant_access('auditor', 'auditor');
SELECT ledger_agents.update_customer('c', '{"spending_limit": 1000, "spending_limit_frequency": "allTime"}');
SELECT ledger_agents.authorize((ledger_agents.register_agent('a', 'c', spending_limit => 1000, spending_limit_frequency => 'allTime')).id, 400);
SELECT ledger_agents.authorize((ledger_agents.register_agent('suspend', 'd', spending_limit => 10, on_limit_exceeded => 'suspend')).id, 11);
SQL
Pgbench::agents($old, 'shop');

#
# The update, while it spends: first one that is given up, then the real one.
#
my $session = $old->background_psql('shop');
is($session->query(q{SELECT decision FROM ledger_agents.authorize((SELECT id FROM ledger_agents.agents WHERE external_id = 'load1'), 1)}), 'approved', 'a session of 1.0 spends');
my $load = Pgbench::start($old, 'shop', $seconds, $seed);
$old->safe_psql('shop', 'BEGIN; ALTER EXTENSION ledger_agents UPDATE; ROLLBACK');
is($old->safe_psql('shop', q{SELECT extversion, to_regclass('ledger_agents.adoptions') IS NULL FROM pg_extension WHERE extname = 'ledger_agents'}), '1.0|t', 'an update that is rolled back has left nothing');
my $decided = 'SELECT count(*) FROM ledger_agents.authorizations';
my $before = $old->safe_psql('shop', $decided);
$old->poll_query_until('shop', "SELECT ($decided) > $before + 20") or die 'nobody spends';
$old->safe_psql('shop', 'ALTER EXTENSION ledger_agents UPDATE');
$before = $old->safe_psql('shop', $decided);
$old->poll_query_until('shop', "SELECT ($decided) > $before + 20") or die 'nobody spends';
ok(Pgbench::ended($load), "nobody was stopped or refused (seed $seed)") or diag($load->{err});
is($session->query(q{SELECT decision FROM ledger_agents.authorize((SELECT id FROM ledger_agents.agents WHERE external_id = 'load1'), 1)}), 'approved', 'nor is the session of before');
is($old->safe_psql('shop', q{SELECT extversion FROM pg_extension WHERE extname = 'ledger_agents'}), $version, 'it is of the new version');
is($old->safe_psql('shop', 'SELECT reason, database_name FROM ledger_agents.adoptions'), 'update of the extension|shop', 'which has adopted the database');
is($old->safe_psql('shop', 'SELECT count(*) FROM ledger_agents.check_invariants()'), '0', 'the books are right');
# Who was refused from now on in that session hears of it at once, too.
$old->safe_psql('shop', 'SELECT ledger_agents.disown()');
my ($status, $out, $err) = $old->psql('shop', q{SELECT ledger_agents.authorize((SELECT id FROM ledger_agents.agents WHERE external_id = 'load1'), 1)});
like($err, qr/not_adopted/, 'the guard is on');
$session->{stderr} = '';
is($session->query(q{DO $$ BEGIN PERFORM ledger_agents.authorize((SELECT id FROM ledger_agents.agents WHERE external_id = 'load1'), 1); EXCEPTION WHEN object_not_in_prerequisite_state THEN RAISE NOTICE 'refused'; END $$}), '', 'a session of before');
like($session->{stderr}, qr/refused/, 'is refused, too');
$session->quit;
$old->safe_psql('shop', 'SELECT ledger_agents.adopt()');

# What is there now is what a new installation has, and roles get what is new when they are granted it.
$old->safe_psql('postgres', 'CREATE DATABASE fresh');
$old->safe_psql('fresh', 'CREATE EXTENSION ledger_agents');
is(surface($old, 'shop'), surface($old, 'fresh'), 'the catalog is that of a new installation');
is(ails($old, 'fresh'), '', 'a new installation is healthy');
is(ails($old, 'shop'), "right_missing auditor\nright_missing operator", 'of the updated one levels lack what is new');
$old->safe_psql('shop', q{SELECT ledger_agents.grant_access('operator', 'operator'), ledger_agents.grant_access('auditor', 'auditor')});
is(ails($old, 'shop'), '', 'granted, it is healthy');
$old->safe_psql('unused', 'ALTER EXTENSION ledger_agents UPDATE');
is($old->safe_psql('unused', 'SELECT count(*) FROM ledger_agents.adoptions'), '0', 'where nothing was ever written nothing is adopted');
is(surface($old, 'unused'), surface($old, 'fresh'), 'and the catalog is the same');

# A dump does not forget whom rights were granted before the update.
$old->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/updated", '-d', $old->connstr('shop') ], 'a dump of the updated one');
$old->safe_psql('postgres', 'CREATE DATABASE restored TEMPLATE template0');
$old->command_ok([ 'pg_restore', '--exit-on-error', '-d', $old->connstr('restored'), "$dir/updated" ], 'is restored');
is(ails($old, 'restored') =~ s/\d+/N/gr, 'not_adopted database N of system N', 'with all rights');
$old->safe_psql('restored', 'SELECT ledger_agents.adopt()');
is(verdicts($old, 'restored'), verdicts($old, 'shop'), 'and decides the same');

# A dump of 1.0, which knows nothing of adoptions, is restored into this version.
$old->safe_psql('postgres', 'CREATE DATABASE ancient TEMPLATE template0');
$old->safe_psql('ancient', <<'SQL');
CREATE EXTENSION ledger_agents VERSION '1.0';
SELECT ledger_agents.authorize((ledger_agents.register_agent('a', 'c', spending_limit => 1000)).id, 400);
SQL
is($old->safe_psql('ancient', q{SELECT count(*) FROM ledger_agents.list_agent_tokens((SELECT id FROM ledger_agents.agents))}), '1', 'functions of 1.0 do what they did before it is updated');
$old->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/ancient", '-d', $old->connstr('ancient') ], 'a dump of 1.0');
$old->safe_psql('postgres', 'CREATE DATABASE risen TEMPLATE template0');
$old->command_ok([ 'pg_restore', '--exit-on-error', '-d', $old->connstr('risen'), "$dir/ancient" ], 'is restored');
is(ails($old, 'risen'), 'not_adopted rows, and no adoption', 'and waits to be adopted');
$old->safe_psql('risen', 'SELECT ledger_agents.adopt()');
is(verdicts($old, 'risen'), verdicts($old, 'ancient'), 'then it decides the same');

# With a level granted it grants rights of a function that is another one now, and nothing else is missing.
$old->safe_psql('ancient', q{CREATE ROLE reporter; SELECT ledger_agents.grant_access('reporter', 'operator')});
$old->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/granted", '-d', $old->connstr('ancient') ], 'a dump with granted levels');
$old->safe_psql('postgres', 'DROP DATABASE risen');
$old->safe_psql('postgres', 'CREATE DATABASE risen TEMPLATE template0');
(undef, my $complaints) = run_command([ 'pg_restore', '-d', $old->connstr('risen'), "$dir/granted" ]);
is(join(', ', grep { defined } $complaints =~ /ERROR:\s+(.*)|(errors ignored.*)/g), 'function ledger_agents.list_agent_tokens(uuid, text) does not exist, errors ignored on restore: 1', 'one right of 1.0 is not known');
$old->safe_psql('risen', q{SELECT ledger_agents.adopt(), ledger_agents.grant_access('reporter', 'operator')});
is(ails($old, 'risen'), '', 'granted once more, nothing is missing');
is($old->safe_psql('risen', q{SELECT has_function_privilege('reporter', 'ledger_agents.list_agent_tokens(uuid, integer, text, text)', 'EXECUTE')}), 't', 'nor that right');
is(verdicts($old, 'risen'), verdicts($old, 'ancient'), 'and it decides the same');

#
# pg_upgrade, twice: by copying files and by linking them.
#
my $verdicts = verdicts($old, 'shop');
my $from = $old;
for my $way ('copy', 'link')
{
	my $to = new_cluster($way);

	# Databases that have nothing to tell only take time.
	$from->safe_psql('postgres', "DROP DATABASE IF EXISTS $_") for qw(unused restored ancient risen);
	$from->stop;
	chdir($dir) or die;
	command_ok([ 'pg_upgrade', '-b', $bindir, '-B', $bindir, '-d', $from->data_dir, '-D', $to->data_dir, '-p', $from->port, '-P', $to->port,
			'-s', $from->host, ($way eq 'link' ? '--link' : ()) ], "pg_upgrade, $way");
	chdir($ENV{TESTDIR}) or die;
	$to->start;
	is($to->safe_psql('shop', 'SELECT count(*) FROM ledger_agents.installed_objects() EXCEPT SELECT count(*) FROM ledger_agents.shipped_objects()'), '', "$way: all objects are there");
	like(ails($to, 'shop') =~ s/\d+/N/gr, qr/^not_adopted database N of system N$/, "$way: the upgraded server asks to be adopted, and nothing else");
	($status, $out, $err) = $to->psql('shop', q{SELECT ledger_agents.authorize((SELECT id FROM ledger_agents.agents WHERE external_id = 'a'), 1)});
	like($err, qr/not_adopted/, "$way: it refuses");
	$to->safe_psql('shop', "SELECT ledger_agents.adopt('pg_upgrade')");
	is(ails($to, 'shop'), '', "$way: adopted, it is healthy");
	is(verdicts($to, 'shop'), $verdicts, "$way: and decides the same");
	is($to->safe_psql('shop', q{SELECT decision, remaining FROM ledger_agents.authorize((SELECT id FROM ledger_agents.agents WHERE external_id = 'suspend'), 0 + 1)}), 'declined|', "$way: whoever was suspended is");
	($status, $out, $err) = $to->psql('shop', 'DROP EXTENSION ledger_agents');
	like($err, qr/money_would_be_lost/, "$way: the guard against DROP came along");
	is($to->safe_psql('fresh', q{SELECT decision FROM ledger_agents.authorize((ledger_agents.register_agent('first', 'c')).id, 1)}), 'approved', "$way: a database that was never used needs nobody to adopt it") if $way eq 'copy';
	$verdicts = verdicts($to, 'shop');
	$from = $to;
}
$from->stop;
done_testing();
