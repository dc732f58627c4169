# Does every consumer get every event, once acknowledged and in order for each agent, while many write and readers die?
#
# Eight writers, seeded, spend for and rename four agents in transactions of random length, and take a quarter of them
# back. Two consumers read meanwhile. The sessions of the first are ended at random, in each place: with a poll not
# committed, between a poll and its acknowledgment, with an acknowledgment not committed. In the middle the database is
# dumped; the copy is read to the end, too.
use strict;
use warnings;

use IPC::Run qw(start finish);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use constant SEED => 7;
use constant WRITERS => 8;
use constant TRANSACTIONS => 60;

srand(SEED);
my $node = PostgreSQL::Test::Cluster->new('stream');
$node->init;
$node->append_conf('postgresql.conf', "timezone = 'UTC'\nlog_statement = none\n");
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE origin');
$node->safe_psql('origin', <<'SQL');
CREATE EXTENSION ledger_agents;
SELECT ledger_agents.register_agent('agent ' || n, 'c', spending_limit => 1, spending_limit_frequency => 'perTransaction',
	on_limit_exceeded => 'notify') FROM generate_series(1, 4) n;
SQL
my @agents = split /\n/, $node->safe_psql('origin', 'SELECT id FROM ledger_agents.agents ORDER BY external_id');
my $dir = PostgreSQL::Test::Utils::tempdir;

# Amounts and names tell which event is which: each is used once.
sub script_of
{
	my ($writer) = @_;
	my $script = '';

	for my $n (1 .. TRANSACTIONS)
	{
		my $unique = 1000 * $writer + $n + 1;
		# Sorted by agent, so that no deadlock ends a transaction.
		my @touched = grep { rand() < 0.4 } @agents;
		$script .= "BEGIN;\n";
		for my $agent (@touched)
		{
			$script .= sprintf "SELECT ledger_agents.authorize('%s', %d) \\g /dev/null\n", $agent, $unique if rand() < 0.6;
			$script .= sprintf "SELECT pg_sleep(%.3f) \\g /dev/null\n", rand() * 0.004;
			$script .= "SELECT ledger_agents.update_agent('$agent', '{\"name\": \"n$unique\"}') \\g /dev/null\n" if rand() < 0.4;
		}
		$script .= sprintf "SELECT pg_sleep(%.3f) \\g /dev/null\n", rand() * 0.01;
		$script .= rand() < 0.25 ? "ROLLBACK;\n" : "COMMIT;\n";
	}
	my $file = "$dir/writer$writer.sql";
	append_to_file($file, $script);
	return $file;
}

# One session of a reader that polls and acknowledges some times; it may be ended in a place that is drawn.
sub reader_script
{
	my ($consumer, $rounds, $dies) = @_;
	my $end = "SELECT pg_terminate_backend(pg_backend_pid()) \\g /dev/null\n";
	my $poll = "SELECT coalesce(string_agg(id::text, ' ' ORDER BY position), '') AS got, count(*) AS count,"
		. " (array_agg(id ORDER BY position DESC))[1] AS last FROM ledger_agents.poll_events('$consumer', 25) \\gset\n"
		. "\\echo got :got\n";
	my $ack = "SELECT :count > 0 AS any \\gset\n\\if :any\n"
		. "SELECT 'acked', acknowledged FROM ledger_agents.ack_events('$consumer', :'last');\n\\endif\n";
	my $script = ($poll . $ack) x $rounds;

	return $script if !$dies;
	# It is told nothing that is not committed.
	my @ends = (
		"BEGIN;\n$poll$end",
		"$poll$end",
		"${poll}BEGIN;\n" . ($ack =~ s/SELECT 'acked'.*;\n/SELECT ledger_agents.ack_events('$consumer', :'last') \\g \/dev\/null\n/r) . $end);
	return $script . $ends[ int rand @ends ];
}

sub start_reader
{
	my ($database, $reader, $rounds, $dies) = @_;

	$reader->{out} = $reader->{err} = '';
	$reader->{handle} = start([ 'psql', '-XAtq', '-d', $node->connstr($database) ],
		'<', \(my $script = reader_script($reader->{name}, $rounds, $dies)), '>', \$reader->{out}, '2>', \$reader->{err});
}

sub finish_reader
{
	my ($reader) = @_;

	finish($reader->{handle});
	$reader->{deaths}++ if $reader->{err} =~ /terminating connection/;
	$reader->{failed} .= $_ for grep { !/terminat|server closed|connection|before or while/ } split /^/, $reader->{err};
	for (split /\n/, $reader->{out})
	{
		push @{ $reader->{got} }, split / / if s/^got //;
		$reader->{acked} += $1 if /^acked\|(\d+)$/;
	}
}

# Reads until nothing comes any more; without a death a round with nothing new is the last one.
sub read_all
{
	my ($database, @readers) = @_;

	for my $reader (@readers)
	{
		my $before = -1;
		while ($before != ($reader->{acked} // 0))
		{
			$before = $reader->{acked} // 0;
			start_reader($database, $reader, 20, 0);
			finish_reader($reader);
		}
	}
}

my @readers = map { { name => $_, acked => 0, got => [], deaths => 0, failed => '' } } 'dies', 'lives';
my @writers = map {
	my ($err, $file) = ('', script_of($_));
	{ err => \$err, handle => start([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', $file, '-d', $node->connstr('origin') ], '<', '/dev/null', '>', \my $out, '2>', \$err) }
} 1 .. WRITERS;
my ($sessions, $dumped) = (0, 0);
while (grep { $_->{handle}->pumpable } @writers)
{
	start_reader('origin', $readers[0], 1 + int rand 3, rand() < 0.7);
	start_reader('origin', $readers[1], 3, 0);
	finish_reader($_) for @readers;
	if (++$sessions == 8)
	{
		$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/dump", 'origin' ], 'dumped in the middle');
		$dumped = $readers[1]{acked};
	}
	$_->{handle}->pump_nb for grep { $_->{handle}->pumpable } @writers;
}
finish($_->{handle}) for @writers;
is(join('', map { ${ $_->{err} } } @writers), '', 'the writers did all of their work');
my $while_writing = $readers[1]{acked};
cmp_ok($sessions, '>', 8, 'sessions of readers came and went meanwhile');
read_all('origin', @readers);

sub events_in
{
	my ($database) = @_;
	return split /\n/, $node->safe_psql($database, 'SELECT event_id FROM ledger_agents.event_positions ORDER BY position');
}

# Ids of events that stand before an earlier one of their agent: spends by the agent's sequence, changes by their record.
sub out_of_order
{
	my ($database) = @_;
	return $node->safe_psql($database, <<'SQL');
SELECT o.id FROM (
	SELECT e.id, x.sequence, lag(x.sequence) OVER (PARTITION BY x.agent_id ORDER BY p.position) AS previous
	FROM ledger_agents.event_positions p JOIN ledger_agents.events e ON e.id = p.event_id
	JOIN ledger_agents.authorizations x ON x.agent_id = e.agent_id AND x.amount = (e.data ->> 'amount')::bigint
	WHERE e.type = 'agent.limit_exceeded') o
WHERE o.sequence < o.previous
UNION ALL
SELECT o.id FROM (
	SELECT e.id, c.created_at, lag(c.created_at) OVER (PARTITION BY e.agent_id ORDER BY p.position) AS previous
	FROM ledger_agents.event_positions p JOIN ledger_agents.events e ON e.id = p.event_id
	JOIN ledger_agents.configuration_changes c ON c.object_id = e.agent_id::text AND c.new_values ->> 'name' = e.data ->> 'name'
	WHERE e.type = 'agent.updated') o
WHERE o.created_at < o.previous
SQL
}

my @events = events_in('origin');
cmp_ok($while_writing, '>', 50, 'much was read while it was written');
cmp_ok($node->safe_psql('origin', "SELECT least(count(*) FILTER (WHERE type = 'agent.updated'), count(*) FILTER (WHERE type = 'agent.limit_exceeded')) FROM ledger_agents.events"),
	'>', 100, 'there are many events of both kinds');
cmp_ok($readers[0]{deaths}, '>', 3, 'one reader was ended often');
is(out_of_order('origin'), '', 'the events of each agent are in order');
is($node->safe_psql('origin', 'SELECT count(*) FROM ledger_agents.events'), scalar @events, 'every event has a position');
for my $reader (@readers)
{
	my $name = "the reader that $reader->{name}";
	my %seen = map { $_ => 1 } @{ $reader->{got} };

	is(scalar(grep { !$seen{$_} } @events), 0, "$name got every event");
	is($reader->{acked}, scalar @events, "$name acknowledged each once as new");
	is($reader->{failed}, '', "$name met no error");
}
cmp_ok(scalar(@{ $readers[0]{got} }), '>', scalar @events, 'who is ended gets some again');
is(join(' ', @{ $readers[1]{got} }), join(' ', @events), 'who is never ended gets each once, in order');
is($node->safe_psql('origin', 'SELECT waiting FROM ledger_agents.list_event_consumers()'), "0\n0", 'nothing waits');
is($node->safe_psql('origin', 'SELECT * FROM ledger_agents.check_invariants()'), '', 'the books are right');

# The copy has what had no position when it was dumped, and its consumers stand where they stood.
$node->safe_psql('postgres', 'CREATE DATABASE copy TEMPLATE template0');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', 'copy', "$dir/dump" ], 'restored');
$node->safe_psql('copy', "SELECT ledger_agents.update_agent('$agents[0]', '{\"name\": \"restored\"}')");
my $stands = $node->safe_psql('copy', "SELECT acked_position FROM ledger_agents.event_consumers WHERE name = 'lives'");
my %copy = (name => 'lives', acked => 0, got => [], deaths => 0, failed => '');
read_all('copy', \%copy);
my @copied = events_in('copy');
is($stands, $dumped, 'the copy begins where the dump stood');
is($copy{acked}, @copied - $stands, 'the rest is acknowledged there');
is(join(' ', @{ $copy{got} }), join(' ', @copied[ $stands .. $#copied ]), 'each once, in order');
is($node->safe_psql('copy', 'SELECT count(*) FROM ledger_agents.events'), scalar @copied, 'none is left out');
is(out_of_order('copy'), '', 'those of each agent are in order');
is($node->safe_psql('copy', 'SELECT * FROM ledger_agents.check_invariants()'), '', 'the books of the copy are right');

$node->stop;
done_testing();
