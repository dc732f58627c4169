# Clients that spend (load.py) while a test does something to their server, and what they were told.
#
# The journals are kept outside of the database, by who was told. What stands in them must stand in the books, and nothing else.
package Load;

use strict;
use warnings;

use File::Basename qw(dirname);
use IPC::Open2 ();
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More ();
use Time::HiRes qw(time usleep);

use constant PATIENCE => 120;

# Agents of every kind, and whom the clients are going to buy for.
sub prepare
{
	my ($class, $node, $clients) = @_;

	$node->safe_psql('postgres', <<"SQL");
CREATE EXTENSION ledger_agents;
CREATE TABLE purchases (key text PRIMARY KEY, authorization_id uuid NOT NULL);
SELECT ledger_agents.update_customer('limited', '{"spending_limit": 1000000000, "spending_limit_frequency": "perMonth"}');
SELECT ledger_agents.register_agent('free' || n, 'customer') FROM generate_series(1, 3) n;
SELECT ledger_agents.register_agent('tight' || n, 'customer', spending_limit => 20000, spending_limit_frequency => 'allTime') FROM generate_series(1, 2) n;
SELECT ledger_agents.register_agent('rolling', 'customer', spending_limit => 30000, spending_limit_frequency => 'per24HourPeriod');
SELECT ledger_agents.register_agent('wide' || n, 'limited') FROM generate_series(1, 2) n;
SELECT ledger_agents.register_agent('client' || n, 'customer') FROM generate_series(1, $clients) n;
SELECT ledger_agents.create_card(id, type => 'multi', spending_limit => 10000000) FROM ledger_agents.register_agent('carded', 'customer');
SELECT ledger_agents.update_organization('{"transaction_events": true}');
SQL
	return;
}

# Clients of a prepared node, every third with synchronous_commit off. plain: they do nothing but spend, and nobody reads the
# events; unprepared: none of them prepares a transaction; name: what their names and so their keys begin with.
sub start
{
	my ($class, $node, %with) = @_;
	my $directory = PostgreSQL::Test::Utils::tempdir;
	my $agents = $node->safe_psql('postgres', <<'SQL');
SELECT json_agg(json_build_array(a.id, c.id)) FROM ledger_agents.agents a LEFT JOIN ledger_agents.cards c ON c.agent_id = a.id
WHERE a.external_id NOT LIKE 'client%'
SQL
	my %own = map { split /\|/ } split /\n/,
		$node->safe_psql('postgres', "SELECT external_id, id FROM ledger_agents.agents WHERE external_id LIKE 'client%'");
	my @clients;
	for my $n (1 .. keys %own)
	{
		my $asynchronous = !$with{plain} && $n % 3 == 0;
		push @clients, {
			name => ($with{name} // 'client') . $n,
			agent => $own{"client$n"},
			spends_only => $asynchronous || $with{plain} ? JSON::PP::true : JSON::PP::false,
			keeps_declines => $asynchronous ? JSON::PP::false : JSON::PP::true,
			options => $asynchronous ? '-c synchronous_commit=off' : ''
		};
	}
	my $self = bless { directory => $directory, seed => $with{seed}, read => {}, parent => $$, clients => @clients + ($with{plain} ? 0 : 1) }, $class;
	my $plan = encode_json(
		{
			conninfo => $with{conninfo} // $node->connstr('postgres') . ' application_name=load',
			seed => $with{seed},
			directory => $directory,
			clients => \@clients,
			prepares => $with{unprepared} ? JSON::PP::false : JSON::PP::true,
			events => $with{plain} ? JSON::PP::false : JSON::PP::true,
			agents => decode_json($agents),
			passing => $with{passing} // []
		});
	$self->{pid} = IPC::Open2::open2($self->{from}, $self->{to}, '/usr/bin/python3', dirname(__FILE__) . '/load.py');
	syswrite $self->{to}, "$plan\n";
	return $self;
}

# What the clients have come to: told, connected, interrupted, outlived.
sub ask
{
	my ($self, $command) = @_;

	syswrite $self->{to}, "$command\n" or die "the clients are gone";
	defined(my $line = readline $self->{from}) or die "the clients are gone";
	my $state = decode_json($line);
	return $state unless defined $state->{problem};
	Test::More::fail('a client finds what it was told before');
	die "seed $self->{seed}: $state->{problem}";
}

# Until one of these numbers is that high.
sub await
{
	my ($self, $what, $wanted) = @_;
	my $deadline = time + PATIENCE;

	while ($self->ask('count')->{$what} < $wanted)
	{
		die "seed $self->{seed}: the clients are not $what any more" if time > $deadline;
		usleep(2_000);
	}
	return;
}

# Until all of them have a connection, which they can lose. Returns how many were lost before.
sub await_connected
{
	my ($self) = @_;

	$self->await('connected', $self->{clients});
	return $self->ask('count')->{interrupted};
}

# Until they were told that much more than now.
sub await_told
{
	my ($self, $more) = @_;

	return $self->await('told', $self->ask('count')->{told} + $more);
}

sub stop
{
	my ($self) = @_;
	my $state = $self->ask('stop');

	close $self->{to};
	waitpid delete $self->{pid}, 0;
	return $state;
}

# Lines of all journals, those not read before only; without the beginning of one that is being written.
sub new_lines
{
	my ($self) = @_;
	my $new = '';

	for my $file (glob "$self->{directory}/journal_*")
	{
		open my $handle, '<', $file or die "cannot read $file: $!";
		seek $handle, $self->{read}{$file} // 0, 0;
		local $/;
		my $text = readline($handle) // '';
		$text =~ s/[^\n]*\z//;
		$self->{read}{$file} += length $text;
		$new .= $text;
	}
	return $new;
}

sub all_lines
{
	my ($self) = @_;

	$self->{read} = {};
	return $self->new_lines;
}

# Runs a query over lines of journals, which it finds in a table "journal". It waits for no standby, there may be none.
sub compare
{
	my ($self, $node, $lines, $query) = @_;

	my $file = "$self->{directory}/lines";

	unlink $file;
	append_to_file($file, $lines);
	return $node->safe_psql('postgres', <<"SQL");
SET synchronous_commit = off;
CREATE TEMP TABLE journal (what text, client text, key text, kind text, agent uuid, id uuid, decision text, change bigint, transaction bigint);
\\copy journal FROM '$file' (NULL '')
ANALYZE journal;
$query
SQL
}

# Sessions with synchronous_commit off may lose what is no approval.
my $asynchronous = q{(j.client IN (SELECT 'client' || n FROM generate_series(3, 999, 3) n) AND j.decision = 'declined')};

# What was told and is not there, or otherwise. While the clients go on, too.
my $not_kept = <<"SQL";
SELECT 'lost', j.* FROM journal j LEFT JOIN ledger_agents.authorizations a ON a.idempotency_key = j.key AND a.agent_id = j.agent
WHERE j.what = 'told' AND (a.id IS NULL OR a.id <> j.id OR a.decision::text <> j.decision) AND NOT $asynchronous;
SELECT 'entry lost', j.* FROM journal j LEFT JOIN ledger_agents.authorization_entries e ON e.idempotency_key = j.key
WHERE j.what = 'entry' AND j.kind <> 'increment' AND (e.authorization_id IS NULL OR e.authorization_id <> j.id);
SELECT 'increment lost', j.* FROM journal j LEFT JOIN ledger_agents.authorizations a ON a.id = j.id
WHERE j.what = 'entry' AND j.kind = 'increment' AND (a.id IS NULL OR a.decision::text <> j.decision);
SELECT 'event lost', j.* FROM journal j LEFT JOIN ledger_agents.event_positions p ON p.position = CASE j.what WHEN 'event' THEN j.key::bigint END
WHERE j.what = 'event' AND p.event_id IS DISTINCT FROM j.id;
SQL

sub not_kept
{
	my ($self, $node) = @_;

	return $self->compare($node, $self->new_lines, $not_kept);
}

# How many of the approvals that were told just now a standby does not show. Sessions with synchronous_commit off do not wait for that.
sub not_seen
{
	my ($self, $standby) = @_;
	my @ids;

	for my $file (glob "$self->{directory}/journal_client[124578]")
	{
		my @told = slurp_file($file) =~ /^told\t(?:[^\t]*\t){4}([^\t]+)\tapproved\t.*\n/mg;
		push @ids, @told > 20 ? @told[ -20 .. -1 ] : @told;
	}
	my $list = join ',', @ids;
	return $standby->safe_psql('postgres', "SELECT count(*) FROM unnest('{$list}'::uuid[]) told WHERE NOT EXISTS (SELECT FROM ledger_agents.authorizations a WHERE a.id = told)");
}

# What is there and nobody was told, or asked for; what is torn; what is counted otherwise. Once the clients have come to an end.
my $differs = <<"SQL";
$not_kept
SELECT 'phantom', a.id, a.idempotency_key FROM ledger_agents.authorizations a
WHERE a.increment_of IS NULL AND NOT EXISTS (SELECT FROM journal j WHERE j.what = 'told' AND j.key = a.idempotency_key);
SELECT 'phantom increment', a.id FROM ledger_agents.authorizations a
WHERE a.increment_of IS NOT NULL AND NOT EXISTS (SELECT FROM journal j WHERE j.what = 'entry' AND j.id = a.id);
SELECT 'phantom entry', e.id, e.kind, e.idempotency_key FROM ledger_agents.authorization_entries e
WHERE NOT EXISTS (SELECT FROM journal j WHERE j.what = 'entry' AND j.key = e.idempotency_key)
	AND NOT EXISTS (SELECT FROM journal j WHERE j.what = 'told' AND j.kind = 'record' AND j.id = e.authorization_id);
SELECT 'two of one key', idempotency_key FROM ledger_agents.authorizations WHERE increment_of IS NULL GROUP BY 2 HAVING count(*) > 1;
SELECT 'torn', p.key, j.key FROM purchases p
FULL JOIN (SELECT * FROM journal WHERE what = 'told' AND kind = 'purchase' AND decision = 'approved') j ON j.key = p.key AND j.id = p.authorization_id
WHERE p.key IS NULL OR j.key IS NULL;
SELECT 'counted otherwise', k.scope_id, k.total_spent, j.spent FROM ledger_agents.counters k
FULL JOIN (SELECT agent::text, sum(change) AS spent FROM journal WHERE what IN ('told', 'entry') GROUP BY 1) j ON j.agent = k.scope_id
WHERE k.scope IS NULL OR k.scope = 'agent' AND k.total_spent <> coalesce(j.spent, 0);
SELECT 'counted otherwise', k.scope_id FROM ledger_agents.counter_audit k
WHERE k.total_spent <> k.total_sum OR k.scope = 'agent' AND (k.sequence <> k.last_sequence OR k.sequence <> k.decisions);
SELECT 'above a limit', a.external_id FROM ledger_agents.agents a JOIN ledger_agents.counters k ON k.scope_id = a.id::text
WHERE a.spending_limit_frequency = 'allTime' AND k.total_spent - coalesce((SELECT sum(amount) FROM ledger_agents.authorizations r WHERE r.agent_id = a.id AND r.recorded), 0) > a.spending_limit;
SELECT 'answered otherwise', j.key, again.* FROM journal j JOIN ledger_agents.authorizations a ON a.id = j.id,
	LATERAL ledger_agents.authorize(a.agent_id, a.amount, card_id => a.card_id, idempotency_key => a.idempotency_key) again
WHERE j.what = 'told' AND j.kind <> 'record' AND NOT $asynchronous AND (again.id <> j.id OR again.decision::text <> j.decision OR NOT again.replayed);
SELECT 'prepared', gid FROM pg_prepared_xacts;
SELECT * FROM ledger_agents.check_invariants();
SQL

sub differs
{
	my ($self, $node) = @_;

	return $self->compare($node, $self->all_lines, $differs);
}

# Every event that there is was given to the consumer once, but for what it had no more time to fetch.
sub missed_events
{
	my ($self, $node) = @_;

	return $self->compare($node, $self->all_lines, <<'SQL');
SELECT count(*) FILTER (WHERE n > 1) AS twice,
	(SELECT count(*) FROM ledger_agents.events e WHERE NOT EXISTS (SELECT FROM journal j WHERE j.what = 'event' AND j.id = e.id)
		AND NOT EXISTS (SELECT FROM ledger_agents.poll_events('consumer', 1000) p WHERE p.id = e.id)) AS missed
FROM (SELECT count(*) AS n FROM journal WHERE what = 'event' GROUP BY id) s
SQL
}

# How many of each kind were told, and how many "approved" and "declined" of sessions with synchronous_commit off.
sub kinds
{
	my ($self) = @_;
	my %kinds;

	for my $line (split /\n/, $self->all_lines)
	{
		my ($what, $client, $key, $kind, $agent, $id, $decision) = split /\t/, $line;
		next if $what eq 'sent';
		$kinds{$kind}++;
		$kinds{$decision}++ if $client =~ /^client(\d+)/ && $1 % 3 == 0;
	}
	return %kinds;
}

# The clients are gone, in the middle of whatever they did.
sub abandon
{
	my ($self) = @_;
	my $pid = delete $self->{pid};

	return unless $pid && $$ == $self->{parent};
	kill 'KILL', $pid;
	waitpid $pid, 0;
	return;
}

sub DESTROY
{
	my ($self) = @_;

	local ($?, $!);
	$self->abandon;
	return;
}

1;
