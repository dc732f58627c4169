# Spending in the background, by pgbench, while something else happens to the server.
package Pgbench;

use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Utils;

# Twenty agents that may spend nearly anything; what they spend is captured, in part reversed, or left held.
sub agents
{
	my ($node, $database) = @_;

	$node->safe_psql($database, q{SELECT ledger_agents.register_agent('load' || i, 'load', spending_limit => 1000000000, spending_limit_frequency => 'allTime') FROM generate_series(1, 20) i});
}

# Starts it for so many seconds; $seed repeats the same choices.
sub start
{
	my ($node, $database, $seconds, $seed) = @_;
	my $file = PostgreSQL::Test::Utils::tempdir . '/load.pgbench';
	my $load = { out => '', err => '', seed => $seed };

	append_to_file($file, <<'SQL') unless -e $file;
\set agent random(1, 20)
\set amount random(2, 50)
\set kind random(1, 4)
\if :kind = 1
SELECT status FROM ledger_agents.capture((SELECT id FROM ledger_agents.authorize((SELECT id FROM ledger_agents.agents WHERE external_id = 'load' || :agent), :amount)));
\elif :kind = 2
SELECT status FROM ledger_agents.reverse((SELECT id FROM ledger_agents.authorize((SELECT id FROM ledger_agents.agents WHERE external_id = 'load' || :agent), :amount)), 1);
\else
SELECT decision FROM ledger_agents.authorize((SELECT id FROM ledger_agents.agents WHERE external_id = 'load' || :agent), :amount);
\endif
SQL
	$load->{run} = IPC::Run::start([ 'pgbench', '-n', '-c', 4, '-j', 1, '-T', $seconds, "--random-seed=$seed", '-f', $file,
			'-h', $node->host, '-p', $node->port, $database ],
		'<', \undef, '>', \$load->{out}, '2>', \$load->{err});
	# It has begun when something was decided.
	$node->poll_query_until($database, 'SELECT count(*) > 20 FROM ledger_agents.authorizations a JOIN ledger_agents.agents g ON g.id = a.agent_id WHERE g.customer_id = \'load\'')
		or die "the load does not begin: $load->{err}";
	return $load;
}

# Waits for its end; true if no client was ended by an error.
sub ended
{
	my ($load) = @_;

	return IPC::Run::finish($load->{run});
}

1;
