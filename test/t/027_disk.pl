# What if the disk is full: for the data, for the WAL, for the statistics?
#
# Machine.pm says "no space left" to the server wherever a file would have to grow. Who asks gets 53100 and nothing of it is
# done, the books are right, and as soon as there is room again the same sessions go on. Only where the server itself cannot
# go on, without room for WAL, it ends, and what was told before is there when it is back. DISK_ROUNDS and DISK_SEED make it
# more often, and otherwise.
use strict;
use warnings;

use Load;
use Machine;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

plan skip_all => Machine::missing() if Machine::missing();

use constant CLIENTS => 6;

my $rounds = $ENV{DISK_ROUNDS} // 10;
my $seed = $ENV{DISK_SEED} // 1;
srand $seed;

my $machine = Machine->new;
my $node = PostgreSQL::Test::Cluster->new('disk');
# Segments of 1 MB, so that there is soon need of the next one.
$node->init(extra => ['--wal-segsize=1']);
$node->append_conf('postgresql.conf', <<'CONF');
fsync = off
min_wal_size = 2MB
max_wal_size = 4MB
autovacuum = off
restart_after_crash = on
max_prepared_transactions = 20
timezone = 'UTC'
CONF

sub start_node
{
	return $machine->around(sub { $node->start });
}

# By hand in a database of its own.
sub sql
{
	return $node->safe_psql('hand', $_[0]);
}

start_node();
$node->safe_psql('postgres', 'CREATE DATABASE hand');
sql('CREATE EXTENSION ledger_agents');
my $agent = sql(q{SELECT id FROM ledger_agents.register_agent('a', 'c')});

#
# No room for data: an error that says so, and the session goes on.
#
my $session = $node->background_psql('hand', on_error_stop => 0);
my $backend = $session->query('SELECT pg_backend_pid()');
my $log = -s $node->logfile;
my $metadata = '{"filler": "' . ('x' x 1000) . '"}';

# Calls in that session until one fails, or for all that number. Returns how many were answered, and what failed.
sub calls_until_error
{
	my ($call, $number) = @_;

	for my $n (1 .. $number)
	{
		$session->{stderr} = '';
		my $answer = $session->query("\\set VERBOSITY verbose\nSELECT decision FROM $call");
		return ($n - 1, $1) if $session->{stderr} =~ /ERROR:  (.*)/;
		die "what is this: $answer" unless $answer eq 'approved';
	}
	return $number;
}
my $spend = "ledger_agents.authorize('$agent', 1, metadata => '$metadata')";
calls_until_error($spend, 5);
my $before = sql('SELECT count(*), sum(amount) FROM ledger_agents.authorizations');
$machine->fill(Machine::DATA);
my ($answered, $error) = calls_until_error($spend, 200);
like($error, qr/^53100: could not (?:extend|create) file .*: No space left on device/, 'without room for data an approval is an error');
my ($again, $once_more) = calls_until_error($spend, 1);
is("$again $once_more", "0 $error", 'as often as it is asked for');
is(sql("SELECT decision FROM ledger_agents.evaluate('$agent', 1)"), 'approved', 'what only reads is answered');
my ($count, $sum) = split /\|/, $before;
is(sql('SELECT count(*), sum(amount) FROM ledger_agents.authorizations'), join('|', $count + $answered, $sum + $answered), 'nothing is half done');
is(sql('SELECT * FROM ledger_agents.check_invariants()'), '', 'and the books are right');
$machine->fill(0);
is(join(' ', calls_until_error($spend, 20)), '20', 'when there is room, the session goes on');
is($session->query('SELECT pg_backend_pid()'), $backend, 'it is the same one');
$session->quit;
unlike(slurp_file($node->logfile, $log), qr/PANIC|signal/, 'the server had no trouble');

#
# Under load: room comes and goes.
#
Load->prepare($node, CLIENTS);
my $load = Load->start($node, seed => $seed, passing => ['53100']);
for my $round (1 .. $rounds)
{
	my $refused = $machine->refused;

	$load->await_told(20 + int rand 50);
	$machine->fill(Machine::DATA);
	for (1 .. 100 * $PostgreSQL::Test::Utils::timeout_default)
	{
		last if $machine->refused >= $refused + 20;
		usleep(5_000);
	}
	$machine->fill(0);
}
$load->await_told(50);
cmp_ok($machine->refused, '>=', 20 * $rounds, 'again and again there was no room');
unlike(slurp_file($node->logfile, $log), qr/PANIC|signal/, 'and the server had no trouble');

#
# No room for WAL: the server ends, with what was told.
#
for my $round (1 .. 1 + int $rounds / 5)
{
	$log = -s $node->logfile;
	$load->await_told(20 + int rand 50);
	$machine->fill(Machine::WAL);
	for (1 .. 100 * $PostgreSQL::Test::Utils::timeout_default)
	{
		last if slurp_file($node->logfile, $log) =~ /PANIC/;
		usleep(10_000);
	}
	like(slurp_file($node->logfile, $log), qr/PANIC:  could not (?:write|open|create).*No space left on device/, "WAL, $round: without room for it the server ends");
	$machine->fill(0);
	$node->stop('immediate', fail_ok => 1);
	start_node();
	is($load->not_kept($node), '', "WAL, $round: what was told is kept") or die "seed $seed";
	$load->await_told(CLIENTS);
}
$load->stop;
is($load->differs($node), '', 'in the end the books are those of the clients') or die "seed $seed";
is($load->missed_events($node), '0|0', 'no event came twice as another one, and none was left out');

# Where a file's first page is that has no room on the disk; the file's end, if all have.
sub first_hole
{
	my ($file) = @_;

	open my $handle, '<', $file or die "cannot read $file: $!";
	# SEEK_HOLE of Linux.
	return sysseek $handle, 0, 4;
}

#
# No room for statistics: decisions are made all the same.
#
sql('CREATE DATABASE other');
$node->safe_psql('other', "CREATE EXTENSION ledger_agents; SELECT ledger_agents.register_agent('a', 'c')");
unlink glob $node->data_dir . '/pg_stat_tmp/ledger_agents.*';
$machine->fill(Machine::STATISTICS);
$log = -s $node->logfile;
my $other = q{SELECT decision FROM ledger_agents.agents a, ledger_agents.authorize(a.id, 1)};
is($node->safe_psql('other', $other), 'approved', 'without room for statistics a decision is made');
like(slurp_file($node->logfile, $log), qr/LOG:  decisions of this session are not counted: .*No space left on device/, 'and the log says that it is not counted');
my ($status, $out, $err) = $node->psql('other', 'TABLE ledger_agents.statistics');
like($err, qr/ERROR:  statistics are not available\n.*No space left on device/, 'who asks for them is told');
$machine->fill(0);
is($node->safe_psql('other', $other), 'approved', 'when there is room');
is($node->safe_psql('other', "SELECT calls FROM ledger_agents.statistics WHERE outcome = 'approved'"), '1', 'they are counted');

# What has been mapped has its room: no page of it is missing, since a process that touches such a page when the disk is full
# would die of it, and the server with it. Nearly all pages of this file nobody has touched yet.
my @files = glob $node->data_dir . '/pg_stat_tmp/ledger_agents.*';
is(scalar(@files), 1, 'there is a file of statistics');
is_deeply([ map { first_hole($_) } @files ], [ map { -s } @files ], 'and room for all of its pages');

$node->stop;
done_testing();
