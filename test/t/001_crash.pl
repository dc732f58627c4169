# Does an approval that was told outlive every crash?
#
# Clients spend and write down what was acknowledged, outside of the database and
# only once the server has said that it is committed. Half of them have
# synchronous_commit off. Twenty times the server is ended in the middle of that:
# by an immediate stop, or by killing one backend, which makes the server start
# over. Whatever was written down must still be so.
use strict;
use warnings;

use IPC::Run qw(start finish);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

use constant ROUNDS => 20;
use constant CLIENTS => 4;
use constant CALLS => 3000;

# WAL that only lies in shared memory is lost with it, fsync or not; a WAL writer
# that hardly ever wakes leaves much of it there.
my $node = PostgreSQL::Test::Cluster->new('crash');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
wal_writer_delay = 10s
autovacuum = off
restart_after_crash = on
timezone = 'UTC'
CONF
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION ledger_agents;
SELECT ledger_agents.register_agent('free' || n, 'customer') FROM generate_series(1, 3) n;
SELECT ledger_agents.register_agent('tight' || n, 'customer', spending_limit => 20000, spending_limit_frequency => 'allTime')
FROM generate_series(1, 3) n;
SQL
my @agents = split /\n/, $node->safe_psql('postgres', 'SELECT id FROM ledger_agents.agents ORDER BY external_id');

# key => [id, decision], as told
my %told;
# keys of sessions that may lose a decline, because they asked for that
my %asynchronous;
my $dir = PostgreSQL::Test::Utils::tempdir;

sub amount_of
{
	my ($key) = @_;
	my ($number) = $key =~ /-(\d+)$/;
	return 1 + $number % 97;
}

sub call_of
{
	my ($key) = @_;
	my ($number) = $key =~ /-(\d+)$/;
	return sprintf "ledger_agents.authorize('%s', %d, idempotency_key => '%s')",
		$agents[ $number % @agents ], amount_of($key), $key;
}

# What one client says. Every tenth call is taken back, every tenth gives money back in the same transaction.
sub script_of
{
	my ($round, $client) = @_;
	my $file = "$dir/script_${round}_$client.sql";
	my @lines;

	for my $n (1 .. CALLS)
	{
		my $key = "$round-$client-" . ($n * 7 + $client);
		my $call = call_of($key);
		if ($n % 10 == 0)
		{
			(my $undone = $call) =~ s/=> '/=> 'undone-/;
			push @lines, "BEGIN;", "SELECT id FROM $undone \\g /dev/null", "ROLLBACK;";
		}
		elsif ($n % 10 == 5)
		{
			push @lines, "BEGIN;",
				"SELECT id, decision FROM $call \\gset",
				"SELECT ledger_agents.reverse(:'id', 1) WHERE :'decision' = 'approved' \\g /dev/null",
				"COMMIT;",
				"\\echo $key :id :decision";
		}
		else
		{
			push @lines, "SELECT '$key', id, decision FROM $call;";
		}
	}
	append_to_file($file, join("\n", @lines, ''));
	return $file;
}

# The clients of a round: their handles and the files in which they write down what they were told.
sub start_clients
{
	my ($round) = @_;
	my @clients;

	for my $client (1 .. CLIENTS)
	{
		my $told = "$dir/told_${round}_$client";
		my $commit = $client % 2 ? 'on' : 'off';
		my $script = script_of($round, $client);
		my $handle = start(
			[
				'psql', '-XAtq', '-F', ' ', '-v', 'ON_ERROR_STOP=1', '-f', $script, '-d',
				$node->connstr('postgres') . " application_name=load options='-c synchronous_commit=$commit'"
			],
			'<', '/dev/null', '>', $told, '2>', "$told.err");
		push @clients, { handle => $handle, told => $told, asynchronous => $commit eq 'off' };
	}
	return @clients;
}

sub lines_told
{
	my $count = 0;

	for my $client (@_)
	{
		$count += () = slurp_file($client->{told}) =~ /\n/g if -e $client->{told};
	}
	return $count;
}

# Waits until the clients were told that much.
sub await_lines
{
	my ($wanted, @clients) = @_;

	for (1 .. 100 * $PostgreSQL::Test::Utils::timeout_default)
	{
		return if lines_told(@clients) >= $wanted;
		usleep(10_000);
	}
	die "the clients were told too little: " . join('', map { slurp_file("$_->{told}.err") } @clients);
}

sub remember
{
	my (@clients) = @_;

	for my $client (@clients)
	{
		# The last line may have been cut off.
		for my $line (slurp_file($client->{told}) =~ /(.*)\n/g)
		{
			my ($key, $id, $decision) = split / /, $line;
			$told{$key} = [ $id, $decision ];
			$asynchronous{$key} = 1 if $client->{asynchronous};
		}
	}
}

# One backend that is spending, of this server; the others are ended by the server itself.
sub kill_one
{
	my $pid = $node->safe_psql('postgres',
		"SELECT pid FROM pg_stat_activity WHERE application_name = 'load' ORDER BY pid LIMIT 1");

	PostgreSQL::Test::Utils::system_or_bail('pg_ctl', 'kill', 'KILL', $pid);
}

# What is in the table and was told otherwise, or is not there.
sub not_kept
{
	my %stored =
		map { my ($key, @rest) = split /\|/; ($key => "@rest") }
		split /\n/,
		$node->safe_psql('postgres',
		'SELECT idempotency_key, id, decision FROM ledger_agents.authorizations WHERE idempotency_key IS NOT NULL');

	return grep {
		my $lost_decline = $asynchronous{$_} && $told{$_}[1] eq 'declined' && !defined $stored{$_};
		!$lost_decline && ($stored{$_} // '') ne "@{$told{$_}}"
	} sort keys %told;
}

# Asks again for some of what was told in the round; returns what is answered otherwise.
sub not_replayed
{
	my ($round) = @_;
	my @keys = grep { /^$round-/ && !($asynchronous{$_} && $told{$_}[1] eq 'declined') } sort keys %told;
	my @asked = @keys > 40 ? @keys[ map { int($_ * $#keys / 39) } 0 .. 39 ] : @keys;
	my @answers = split /\n/,
		$node->safe_psql('postgres', join '', map { "SELECT id, decision, replayed FROM " . call_of($_) . ";\n" } @asked);

	return grep { shift(@answers) ne "$told{$_}[0]|$told{$_}[1]|t" } @asked;
}

for my $round (1 .. ROUNDS)
{
	my $how = $round % 2 ? 'immediate stop' : 'kill -9 of one backend';
	my @clients = start_clients($round);

	await_lines(40 + 30 * ($round % 7), @clients);
	my $before = lines_told(@clients);
	if ($round % 2)
	{
		$node->stop('immediate');
		finish($_->{handle}) for @clients;
		$node->start;
	}
	else
	{
		kill_one();
		finish($_->{handle}) for @clients;
		$node->poll_query_until('postgres', 'SELECT 1', '1') or die 'the server did not come back';
	}
	remember(@clients);
	my $interrupted = grep { slurp_file("$_->{told}.err") =~ /connection|terminating/ } @clients;
	is($interrupted, CLIENTS, "round $round, $how: every client was in the middle of it");
	is_deeply([ not_kept() ], [], "round $round: what was told is kept");
	is_deeply([ not_replayed($round) ], [], "round $round: and told again to who asks again");
	is($node->safe_psql('postgres', 'SELECT * FROM ledger_agents.check_invariants()'), '', "round $round: the books are right");
}

cmp_ok(scalar(grep { $told{$_}[1] eq 'approved' && $asynchronous{$_} } keys %told),
	'>', 300, 'many approvals were told to sessions with synchronous_commit off');
cmp_ok(scalar(grep { $told{$_}[1] eq 'declined' } keys %told), '>', 50, 'and many declines');
is($node->safe_psql('postgres', "SELECT count(*) FROM ledger_agents.authorizations WHERE idempotency_key LIKE 'undone-%'"),
	'0', 'what was rolled back is not there');
is( $node->safe_psql('postgres', <<'SQL'),
SELECT count(*) FROM ledger_agents.agents a JOIN ledger_agents.counters k ON k.scope_id = a.id::text
WHERE k.total_spent > a.spending_limit
SQL
	'0', 'no limit was passed');

# The control: the same test does see an approval that is lost.
sub survives
{
	my ($durable, $key) = @_;

	my $told = $node->safe_psql('postgres', <<"SQL");
SET synchronous_commit = off;
SET ledger_agents.durable_approvals = $durable;
SELECT decision FROM ledger_agents.authorize('$agents[0]', 1, idempotency_key => '$key');
SQL
	die "not approved: $told" unless $told eq 'approved';
	$node->stop('immediate');
	$node->start;
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
