# Does an approval that was told outlive the primary, and how much is lost without a synchronous standby?
#
# Clients spend, and know both servers (Load.pm). In the middle of that the primary is ended, as often as PROMOTIONS (20) says, the
# standby takes over, and the old primary becomes its standby, by pg_rewind or from a new base backup in turns. Every fourth time
# the primary has crashed before, while clients waited for the standby. PROMOTION_SEED does it otherwise.
# Afterwards a few times without a synchronous standby: then the loss is what the standby had not received, exactly the last
# ones in the order of commits, and nothing else.
#
# fsync is off: it is servers that end here, not machines (see 001_crash.pl).
use strict;
use warnings;

use File::Path qw(rmtree);
use IPC::Run ();
use Load;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use constant CLIENTS => 6;

my $count = $ENV{PROMOTIONS} // 20;
my $seed = $ENV{PROMOTION_SEED} // 1;
srand $seed;

my %conf;
my $primary = PostgreSQL::Test::Cluster->new('north');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', <<'CONF');
fsync = off
restart_after_crash = on
shared_buffers = 16MB
wal_log_hints = on
wal_keep_size = 256MB
wal_retrieve_retry_interval = 20ms
wal_writer_delay = 10s
autovacuum = off
max_prepared_transactions = 20
synchronous_standby_names = ''
timezone = 'UTC'
CONF
$primary->start;
Load->prepare($primary, CLIENTS);
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('south');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$primary->append_conf('postgresql.conf', 'primary_conninfo = \'' . $standby->connstr . " application_name=north'\n");
$conf{ $_->name } = slurp_file($_->data_dir . '/postgresql.conf') for $primary, $standby;
$standby->start;

sub follows
{
	my ($how) = @_;

	return $primary->poll_query_until('postgres', "SELECT $how FROM pg_stat_replication WHERE state = 'streaming'")
		|| die 'the standby does not follow';
}

# The same settings for both, from now on.
sub set_conf
{
	my ($setting) = @_;

	$conf{$_} .= "$setting\n" for sort keys %conf;
	for my $node ($primary, $standby)
	{
		$node->append_conf('postgresql.conf', $setting);
		$node->reload;
	}
	return;
}

sub take_over
{
	$standby->promote;
	($primary, $standby) = ($standby, $primary);
	return;
}

# What was the primary, and is stopped, becomes the standby.
sub rebuild
{
	my ($by_rewind) = @_;
	my $data = $standby->data_dir;

	if ($by_rewind)
	{
		# Servers before 16 have their new timeline in the control file only after a checkpoint.
		$primary->safe_psql('postgres', 'CHECKPOINT');
		PostgreSQL::Test::Utils::system_or_bail('pg_rewind', '--no-sync', '-D', $data, '--source-server', $primary->connstr('postgres') . ' options=-csynchronous_commit=off');
	}
	else
	{
		rmtree($data);
		PostgreSQL::Test::Utils::system_or_bail('pg_basebackup', '--no-sync', '-c', 'fast', '-X', 'stream', '-D', $data, '-h', $primary->host, '-p', $primary->port);
	}
	# Either has brought the settings of the other one, with its port.
	unlink "$data/postgresql.conf";
	append_to_file("$data/postgresql.conf", $conf{ $standby->name });
	append_to_file("$data/standby.signal", '');
	$standby->start;
	return;
}

#
# With a synchronous standby nothing is lost.
#
set_conf("synchronous_standby_names = '*'");
follows("sync_state = 'sync'");
my $conninfo = sprintf 'host=%s,%s port=%s,%s dbname=postgres target_session_attrs=read-write application_name=load',
	$primary->host, $standby->host, $primary->port, $standby->port;
my $load = Load->start($primary, seed => $seed, conninfo => $conninfo);

# The standby receives nothing any more.
sub cut
{
	$standby->append_conf('postgresql.conf', "primary_conninfo = ''");
	$standby->reload;
	$primary->poll_query_until('postgres', 'SELECT count(*) = 0 FROM pg_stat_replication') or die 'the standby still receives';
	return;
}

sub clients_that_wait
{
	$primary->poll_query_until('postgres', "SELECT count(*) > 1 FROM pg_stat_activity WHERE application_name = 'load' AND wait_event = 'SyncRep'")
		or die "seed $seed: nobody waits for the standby";
	return;
}

# What waits for the standby, which receives nothing any more, is committed here when the primary crashes and comes back. Who asks
# again must not be told of it yet.
sub crash_before
{
	my $before = $load->await_connected;

	cut();
	clients_that_wait();
	kill 'KILL', $primary->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE application_name = 'load' LIMIT 1");
	$load->await('interrupted', $before + CLIENTS);
	clients_that_wait();
	return;
}

for my $promotion (1 .. $count)
{
	my $commit = $promotion % 4 < 2 ? 'on' : 'remote_apply';

	set_conf("synchronous_commit = $commit") if $promotion == 1 || $promotion % 2 == 0;
	$load->await_told(50 + int rand 100);
	if ($commit eq 'remote_apply')
	{
		is($load->not_seen($standby), '0', "promotion $promotion: with synchronous_commit = remote_apply the standby shows what was told");
	}
	crash_before() if $promotion % 4 == 3;
	my $before = $load->await_connected;
	$primary->stop('immediate');
	take_over();
	is($load->not_kept($primary), '', "promotion $promotion, synchronous_commit = $commit: what was told is kept") or die "seed $seed";
	rebuild($promotion % 2);
	$load->await('interrupted', $before + CLIENTS);
	$load->await_told(CLIENTS);
	next if $promotion % 10;
	$load->ask('pause');
	is($load->differs($primary), '', "after $promotion promotions the books are those of the clients, and all keys are answered as before") or die "seed $seed";
	$load->ask('resume');
}
my $state = $load->stop;
is($load->differs($primary), '', 'in the end the books are those of the clients') or die "seed $seed";
is($load->missed_events($primary), '0|0', 'no event came twice as another one, and none was left out');
my %kinds = $load->kinds;
note("$_: $kinds{$_}") for sort keys %kinds;
note("interrupted: $state->{interrupted}, prepared transactions that outlived a promotion: $state->{outlived}");
cmp_ok($kinds{approved}, '>', 100, 'many approvals were told to sessions with synchronous_commit off') if $count >= 20;

#
# Without one the loss is what the standby had not received: the clients were told of commits up to some place in the WAL of
# the old primary, and what the new one goes on from is another place before it.
#
set_conf("synchronous_standby_names = ''");

# Where the new primary went on, in the newest of its histories.
sub switched_at
{
	my ($last) = reverse sort glob $primary->data_dir . '/pg_wal/*.history';
	my @lines = grep { /\S/ } split /\n/, slurp_file($last);
	my ($high, $low) = $lines[-1] =~ m{^\d+\t(\w+)/(\w+)} or die "what is this: $lines[-1]";

	return hex($high) << 32 | hex $low;
}

# Transaction => where its commit stands in the WAL of the server that was stopped.
sub commits_since
{
	my ($lsn, $timeline) = @_;
	# It ends with an error where the WAL ends.
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'pg_waldump', '-p', $standby->data_dir . '/pg_wal', '-t', $timeline, '-r', 'Transaction', '-s', $lsn ], '>', \$out, '2>', \$err);
	my %commits;

	while ($out =~ m{tx:\s*(\d+), lsn: (\w+)/(\w+), .*desc: COMMIT }g)
	{
		$commits{$1} = hex($2) << 32 | hex $3;
	}
	return %commits;
}

my $rounds = $count < 20 ? 1 : 2 + int $count / 20;
for my $round (1 .. $rounds)
{
	follows("sync_state = 'async'");
	my $lsn = $primary->lsn('flush');
	my $timeline = $primary->safe_psql('postgres', 'SELECT timeline_id FROM pg_control_checkpoint()');
	my $clients = Load->start($primary, seed => $seed + $round, plain => 1, name => "round$round-");

	$clients->await_told(50 + int rand 100);
	cut();
	$clients->await_told(20 + int rand 100);
	$primary->stop('immediate');
	$clients->abandon;
	my @told = grep { $_->[0] eq 'told' } map { [ split /\t/ ] } split /\n/, $clients->all_lines;
	undef $clients;
	take_over();

	my %commits = commits_since($lsn, $timeline);
	is_deeply([ grep { !$commits{ $_->[8] } } @told ], [], "without a synchronous standby, $round: every commit that was told is in the WAL of the old primary") or die "seed $seed";
	my %kept = map { $_ => 1 } split /\n/,
		$primary->safe_psql('postgres', "SELECT idempotency_key FROM ledger_agents.authorizations WHERE idempotency_key LIKE '%round$round-%'");
	my @order = sort { $commits{ $a->[8] } <=> $commits{ $b->[8] } } @told;
	my @lost = map { $_->[2] } grep { !$kept{ $_->[2] } } @order;
	my $switched = switched_at();
	my @after = map { $_->[2] } grep { $commits{ $_->[8] } >= $switched } @order;
	note(sprintf '%d of %d were lost', scalar @lost, scalar @told);
	cmp_ok(scalar(@lost), '>=', 20, "$round: some were lost");
	is_deeply(\@lost, \@after, "$round: exactly those that were committed after what the standby had received");
	is($primary->safe_psql('postgres', 'SELECT * FROM ledger_agents.check_invariants()'), '', "$round: the books of the rest are right");
	my ($key, $agent) = @{ (grep { $_->[2] eq $lost[0] } @told)[0] }[ 2, 4 ];
	is($primary->safe_psql('postgres', "SELECT replayed FROM ledger_agents.authorize('$agent', 1, idempotency_key => '$key')"), 'f', "$round: who asks again for one that was lost gets a new decision");
	rebuild($round % 2);
}

$primary->stop;
$standby->stop;
done_testing();
