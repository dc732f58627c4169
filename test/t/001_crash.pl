# Does an approval that was told outlive every crash?
#
# Clients spend and do all that becomes of a spend, and write down what was acknowledged, outside of the database (Load.pm).
# A hundred times the server is ended in the middle of that: by an immediate stop, by killing a backend, the checkpointer or
# the WAL writer, which makes the server start over, or by letting whoever writes WAL, in COMMIT above all, die before it is
# written, when half of it is, or after; and sometimes once more while it recovers. CRASH_COUNT and CRASH_SEED make it more
# often, and otherwise.
#
# The server runs with fsync off. What that leaves out is that the kernel writes to the disk, and the kernel lives on: what a
# process has written before it is killed is read again by the next. WAL that only lies in shared memory is lost, fsync or
# not, and a WAL writer that hardly ever wakes leaves all of it there.
use strict;
use warnings;

use Load;
use Machine;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

use constant CLIENTS => 6;

my $count = $ENV{CRASH_COUNT} // 100;
my $seed = $ENV{CRASH_SEED} // 1;
my $machine = Machine::missing() ? undef : Machine->new;

my $node = PostgreSQL::Test::Cluster->new('crash');
$node->init;
# Little to do again after a crash.
$node->append_conf('postgresql.conf', <<'CONF');
fsync = off
shared_buffers = 4MB
checkpoint_timeout = 30s
checkpoint_completion_target = 0
wal_writer_delay = 10s
autovacuum = off
restart_after_crash = on
max_prepared_transactions = 20
timezone = 'UTC'
CONF

sub start_node
{
	return $machine ? $machine->around(sub { $node->start }) : $node->start;
}

start_node();
Load->prepare($node, CLIENTS);
# 17 and 18 (17.11, 18.6), when the checkpointer dies at the end of a recovery, miss the prepared transactions that were just
# written to pg_twophase ("removing future two-phase state file", of another name than the file has) until they recover the
# next time: whoever has prepared one is told that there is none, and later waits for it.
my $prepares = $node->safe_psql('postgres', 'SHOW server_version_num') < 170000;
my $load = Load->start($node, seed => $seed, unprepared => !$prepares);

# One process of this server that has such a name.
sub kill_one
{
	my ($type) = @_;
	my @pids = split /\n/, $node->safe_psql('postgres', <<"SQL");
SELECT pid FROM pg_stat_activity WHERE backend_type = '$type' AND pid <> pg_backend_pid() ORDER BY pid
SQL
	kill('KILL', $pids[ rand @pids ]) == 1 or die "there is no $type";
	return;
}

sub die_writing
{
	my ($point) = @_;
	my $died = $machine->died;

	$machine->let_die($point, 1 + int rand 40);
	for (1 .. 100 * $PostgreSQL::Test::Utils::timeout_default)
	{
		return if $machine->died > $died;
		usleep(5_000);
	}
	die "seed $seed: nobody has written WAL";
}

# It dies again while it recovers, or soon after.
sub die_recovering
{
	$node->stop('immediate');
	$machine->let_die(Machine::BEFORE + int rand 3, 1 + int rand 3);
	$machine->around(sub { $node->start(fail_ok => 1) }) or start_node();
	return;
}

my %ways = (
	'immediate stop' => [ 20, sub { $node->stop('immediate'); start_node() } ],
	'kill -9 of a backend' => [ 20, sub { kill_one('client backend') } ],
	'kill -9 of the checkpointer' => [ 8, sub { kill_one('checkpointer') } ],
	'kill -9 of the WAL writer' => [ 7, sub { kill_one('walwriter') } ]);
if ($machine)
{
	$ways{'kill -9 before WAL is written'} = [ 15, sub { die_writing(Machine::BEFORE) } ];
	$ways{'kill -9 while WAL is written'} = [ 15, sub { die_writing(Machine::HALFWAY) } ];
	$ways{'kill -9 after WAL was written'} = [ 15, sub { die_writing(Machine::AFTER) } ];
	$ways{'kill -9 while it recovers'} = [ 6, \&die_recovering ];
}

# As often as its weight says, in an order of the seed's.
sub draw_way
{
	my $all = 0;
	$all += $_->[0] for values %ways;
	my $at = rand $all;

	for my $way (sort keys %ways)
	{
		return $way if ($at -= $ways{$way}[0]) < 0;
	}
	die 'no way';
}

srand $seed;
my %done;
for my $crash (1 .. $count)
{
	my $way = draw_way();
	my $before = $load->await_connected;

	$load->await_told(20 + int rand 150);
	$ways{$way}[1]->();
	# All lose their connections, and find back by themselves.
	$load->await('interrupted', $before + CLIENTS);
	$load->await_told(CLIENTS);
	$done{$way}++;
	is($load->not_kept($node), '', "crash $crash, $way: what was told is kept") or die "seed $seed";
	next if $crash % 25;
	$load->ask('pause');
	is($load->differs($node), '', "after $crash crashes the books are those of the clients, and all keys are answered as before") or die "seed $seed";
	$load->ask('resume');
}
my $state = $load->stop;
is($load->differs($node), '', 'in the end the books are those of the clients') or die "seed $seed";
is($load->missed_events($node), '0|0', 'no event came twice as another one, and none was left out');
my %kinds = $load->kinds;
note("$_: $done{$_} times") for sort keys %done;
note("$_: $kinds{$_}") for sort keys %kinds;
note("interrupted: $state->{interrupted}, prepared transactions that outlived a crash: $state->{outlived}");
if ($count >= 100)
{
	is_deeply([ grep { !$done{$_} } sort keys %ways ], [], 'the server was ended in every way');
	is_deeply([ grep { !$kinds{$_} } qw(spend purchase many capture reverse refund increment record event), $prepares ? 'prepared' : () ], [], 'in the middle of everything');
	cmp_ok($state->{outlived}, '>', 0, 'prepared transactions have outlived crashes') if $prepares;
	cmp_ok($kinds{approved}, '>', 300, 'many approvals were told to sessions with synchronous_commit off');
	cmp_ok($kinds{declined}, '>', 50, 'and many declines');
}
is( $node->safe_psql('postgres', "SELECT count(*) FROM ledger_agents.authorizations WHERE idempotency_key LIKE 'undone-%'"),
	'0', 'what was rolled back is not there');

# The control: the same test does see an approval that is lost.
my $agent = $node->safe_psql('postgres', "SELECT id FROM ledger_agents.agents WHERE external_id = 'free1'");

sub survives
{
	my ($durable, $key) = @_;

	my $told = $node->safe_psql('postgres', <<"SQL");
SET synchronous_commit = off;
SET ledger_agents.durable_approvals = $durable;
SELECT decision FROM ledger_agents.authorize('$agent', 1, idempotency_key => '$key');
SQL
	die "not approved: $told" unless $told eq 'approved';
	$node->stop('immediate');
	start_node();
	return $node->safe_psql('postgres', "SELECT count(*) FROM ledger_agents.authorizations WHERE idempotency_key = '$key'");
}

my $lost = 0;
for my $try (1 .. 10)
{
	# The WAL writer may happen to wake just then.
	last if ($lost = !survives('off', "control-off-$try"));
}
ok($lost, 'with ledger_agents.durable_approvals off, an approval that was told can be lost');
is(join(' ', map { survives('on', "control-on-$_") } 1 .. 3), '1 1 1', 'with the default it is not');
is($node->safe_psql('postgres', 'SELECT * FROM ledger_agents.check_invariants()'), '', 'the books are right after either');

$node->stop;
done_testing();
