# Do the statistics count exactly what was done, whatever happens to the sessions, the server and the file that holds them?
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use constant CLIENTS => 8;
use constant CALLS => 60;

my $node = PostgreSQL::Test::Cluster->new('statistics');
$node->init;
$node->append_conf('postgresql.conf', "timezone = 'UTC'\nautovacuum = off\nrestart_after_crash = on\n");
$node->start;

# A database with the extension, and agents to spend with.
sub make_database
{
	my ($name) = @_;

	$node->safe_psql('postgres', "CREATE DATABASE $name");
	$node->safe_psql($name, <<'SQL');
CREATE EXTENSION ledger_agents;
SELECT ledger_agents.register_agent('a' || n, 'c', spending_limit => CASE WHEN n = 1 THEN 0 END) FROM generate_series(1, 4) n;
SQL
}

sub calls
{
	my ($database) = @_;

	return $node->safe_psql($database,
		q{SELECT string_agg(concat_ws(' ', outcome, reason, calls), ', ' ORDER BY outcome, reason) FROM ledger_agents.statistics WHERE calls > 0});
}

sub spend
{
	my ($database, $agent) = @_;

	return $node->safe_psql($database,
		"SELECT decision FROM ledger_agents.agents a, ledger_agents.authorize(a.id, 1) WHERE external_id = '$agent'");
}

sub since
{
	my ($database) = @_;

	return $node->safe_psql($database, 'SELECT extract(epoch FROM since) FROM ledger_agents.wait_statistics LIMIT 1');
}

sub files
{
	opendir my $directory, $node->data_dir . '/pg_stat_tmp' or die "cannot read: $!";
	my @names = sort grep { /^ledger_agents/ } readdir $directory;
	return @names;
}

sub error_of
{
	my ($database, $sql) = @_;
	my ($status, $out, $err) = $node->psql($database, "\\set VERBOSITY verbose\n$sql");

	return $err;
}

#
# Many at once: the sums are exact as soon as the calls have returned.
#
make_database('many');
my $script = $node->basedir . '/calls.sql';
append_to_file($script, <<'SQL');
\set n :client_id % 4 + 1
BEGIN;
SELECT (ledger_agents.authorize(id, 1)).decision FROM ledger_agents.agents WHERE external_id = 'a' || :n;
SAVEPOINT s;
SELECT (ledger_agents.authorize(id, 1)).decision FROM ledger_agents.agents WHERE external_id = 'a' || :n;
ROLLBACK TO s;
COMMIT;
BEGIN;
SELECT (ledger_agents.authorize(id, 1)).decision FROM ledger_agents.agents WHERE external_id = 'a' || :n;
ROLLBACK;
SQL
# Half of them begin in sessions of their own, so that many come first at once.
$node->command_ok([ 'pgbench', '-n', '-c', CLIENTS, '-j', 2, '-t', CALLS / 2, @$_, '-f', $script, 'many' ], "calls are made @$_")
	for [], ['-C'];
my $declined = CLIENTS * CALLS / 4;
is(calls('many'), sprintf('approved %d, declined agent_limit_exceeded %d, rolled_back %d', 3 * $declined, $declined, 2 * CLIENTS * CALLS),
	'what many sessions do at once is counted exactly');
is(scalar(files()), 1, 'all in one file');

#
# What ends the server.
#
my $since = since('many');
my ($file) = files();
$node->stop('immediate');
$node->start;
is(join(' ', files()), $file, 'after an immediate stop the file is still there');
is(calls('many'), '', 'and counting has begun anew');
cmp_ok(since('many'), '>', $since, 'since later');
isnt(join(' ', files()), $file, 'in another file, and the old one is gone');
spend('many', 'a2');
$since = since('many');
($file) = files();
my $killed = $node->background_psql('many', on_error_stop => 0);
my $pid = $killed->query('SELECT pg_backend_pid()');
kill 'KILL', $pid;
$killed->{run}->finish;
$node->poll_query_until('many', 'SELECT true') or die 'the server did not come back';
spend('many', 'a2');
is(calls('many') . ' ' . since('many'), "approved 2 $since", 'when one session crashes, what all have counted stays');
$node->restart;
spend('many', 'a2');
is(calls('many'), 'approved 1', 'a restart begins anew');

#
# Without the file decisions are made all the same.
#
make_database('other');
my $stat = $node->data_dir . '/pg_stat_tmp';
my $log = -s $node->logfile;
chmod 0500, $stat or die "cannot chmod: $!";
is(spend('other', 'a2') . spend('other', 'a1'), 'approveddeclined', 'where the file cannot be made a decision is');
like(slurp_file($node->logfile, $log), qr{LOG:  decisions of this session are not counted: could not use file "pg_stat_tmp/ledger_agents\.\S+": Permission denied}, 'and the log says so');
like(error_of('other', 'TABLE ledger_agents.statistics'), qr/ERROR:  55000: statistics are not available\nDETAIL:  statistics_unavailable: Could not use file .*Permission denied/, 'the view, too');
like(error_of('other', 'SELECT ledger_agents.reset_statistics()'), qr/ERROR:  55000/, 'and the reset');
is(spend('many', 'a2') . ' ' . calls('many'), 'approved approved 2', 'where it was made before it is used');
chmod 0700, $stat or die "cannot chmod: $!";
is(spend('other', 'a2') . ' ' . calls('other'), 'approved approved 1', 'once it can be made, sessions count');

# Something else has its name: a directory, or a file that was cut, whose rest would be no memory.
my $oid = $node->safe_psql('other', 'SELECT oid FROM pg_database WHERE datname = current_database()');
my ($name) = grep { /\.$oid$/ } files();
my $beginning = substr slurp_file("$stat/$name"), 0, 1000;
unlink "$stat/$name" or die "cannot unlink: $!";
mkdir "$stat/$name" or die "cannot mkdir: $!";
is(spend('other', 'a2'), 'approved', 'a directory of that name prevents nothing');
like(error_of('other', 'TABLE ledger_agents.statistics'), qr/statistics_unavailable/, 'but the statistics');
rmdir "$stat/$name" or die "cannot rmdir: $!";
append_to_file("$stat/$name", $beginning);
is(spend('other', 'a2'), 'approved', 'nor does a file that was cut');
like(error_of('other', 'TABLE ledger_agents.statistics'), qr/statistics_unavailable/, 'which is not used');
append_to_file("$stat/$name", "\0" x 100000);
like(error_of('other', 'TABLE ledger_agents.statistics'), qr/statistics_unavailable/, 'nor is any other');
unlink "$stat/$name" or die "cannot unlink: $!";

# The file goes while sessions use it.
my $session = $node->background_psql('other');
my $call = q{SELECT decision FROM ledger_agents.agents a, ledger_agents.authorize(a.id, 1) WHERE external_id = 'a2'};
is($session->query($call), 'approved', 'a session uses it');
unlink "$stat/$name" or die "cannot unlink: $!";
is($session->query($call), 'approved', 'and still does when it is gone');
is(spend('other', 'a2') . ' ' . calls('other'), 'approved approved 1', 'others begin anew');
$session->quit;

# What was left by others is left alone.
append_to_file("$stat/ledger_agents.0.1.1", 'old');
append_to_file("$stat/somebody.else", 'old');
$node->restart;
calls('many');
ok(!-e "$stat/ledger_agents.0.1.1" && -e "$stat/somebody.else", 'only what is ours is removed');

$node->stop;
done_testing();
