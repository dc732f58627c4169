# If the server fails us anywhere, is nothing left of it?
#
# A build for this test (src/fault.h) can fail wherever it asks the server for a statement, a row or a lock. Each step of
# a story in which every verb has a part (faults.sql) fails at its first such place, then at its second, until it is
# done before that; once by an error, once by the query's cancel. Each time the error must come out as it was raised,
# and after a rollback to a savepoint the session must be as before, the step must answer as if nothing had been, and the
# books must be right. At the end every row must be what a story without failures has left.
#
# FAULTS=all goes through it in all the ways that there are (FAULTS="later repeatable_read" in some), and looks at the invariants after each
# tenth failure.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Variant;

# Databases by how the story goes there: settings; how the steps fail (see faults.sql), or only some of them; what the transaction has done before each;
# whether one session does all.
my $before = q{SELECT faults.say('SELECT decision FROM ledger_agents.authorize(faults.agent(''acme''), 1, organization_id => ''acme'')') FROM faults.agent('acme') AS a WHERE a IS NOT NULL};
my $all = $ENV{FAULTS} // '';
my $money = $all ? '' : '^(authorize|capture|increment|reverse|refund|record_spend|sweep|evaluate)';
my %way = (
	directly => { settings => '', fails => $all ? '{error,cancel}' : '{mixed}', prelude => 'SELECT' },
	by_statements => { settings => '-c ledger_agents.direct_access=off', fails => $all ? '{error,cancel}' : '{turned}', steps => $money, prelude => 'SELECT', one_session => 1 },
	later => { settings => '', fails => '{mixed,turned}', prelude => $before, one_session => 1 },
	repeatable_read => { settings => '-c default_transaction_isolation=repeatable\ read', fails => '{mixed,turned}', prelude => $before },
);
my @ways = $all eq 'all' ? sort keys %way : $all ? split(' ', $all) : qw(directly by_statements);

Variant::build('fault\.h', 'FAULT=1');
my $node = PostgreSQL::Test::Cluster->new('faults');
$node->init;
$node->append_conf('postgresql.conf', "timezone = 'UTC'\nfsync = off\nautovacuum = off\nlog_min_messages = warning\nlog_statement = none\n");
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE story');
my $status = $node->psql('story', slurp_file('test/t/faults.sql'), on_error_die => 0, stderr => \my $complaints, extra_params => [ '-v', 'ON_ERROR_STOP=1' ]);
is($complaints, '', 'the story can be told') or BAIL_OUT('no story');

is( $node->safe_psql('story', <<'SQL'), '', 'every function that asks the server for anything has a part in it');
SELECT p.oid::regprocedure FROM pg_proc p
WHERE p.pronamespace IN ('ledger_agents'::regnamespace, 'ledger_agents_api'::regnamespace) AND p.prolang = (SELECT oid FROM pg_language WHERE lanname = 'c')
  AND p.prorettype <> ALL ('{trigger,event_trigger}'::regtype[])
  AND NOT EXISTS (SELECT FROM faults.call c WHERE c.call ~ format('%s\.%s\(', p.pronamespace::regnamespace, p.proname))
  AND p.proname NOT IN ('window_of', 'normal_merchant', 'merchant_matches', 'sign_event', 'chain_item', 'act_as_operator', 'act_as_auditor',
    'read_statistics', 'reset_statistics', 'grant_access', 'visible_organization', 'visible_agent', 'visible_spend', 'visible_card_spend', 'engine_time', 'iso_duration',
    'library_version', 'shipped_objects')
ORDER BY 1
SQL

# The rows of a story that went that way.
sub tell_story
{
	my ($database, $way) = @_;
	my $calls = $node->safe_psql('story', sprintf <<'SQL', $way->{fails}, $way->{steps} // '', $way->{prelude}, $all ? 'true' : 'false');
SELECT format('CALL faults.take(%%s, %%L, %%L, %%L);', n, CASE WHEN call ~ e THEN f ELSE '{}' END, p, l) FROM faults.step, (VALUES ('%s', '%s', $$%s$$, '%s')) AS v (f, e, p, l) ORDER BY n
SQL

	$node->safe_psql('postgres', "CREATE DATABASE $database TEMPLATE story");
	local $ENV{PGOPTIONS} = "-c client_min_messages=error $way->{settings}";
	for my $session ($way->{one_session} ? $calls : split /\n/, $calls)
	{
		my ($status, undef, $error) = $node->psql($database, $session, extra_params => [ '-v', 'ON_ERROR_STOP=1' ]);
		next if $status == 0;
		judge($database);
		fail("the story $database: $error");
		done_testing();
		exit 1;
	}
	return $node->safe_psql($database, 'SELECT * FROM faults.rows()');
}

my $expected = tell_story('twin', { settings => '', fails => '{}', prelude => 'SELECT', one_session => 1 });
is($node->safe_psql('twin', 'SELECT n, wrong FROM faults.trial'), '', 'a story without failures leaves right books');
isnt($expected, '', 'and rows');

my %failed;

sub judge
{
	my ($database) = @_;

	is($node->safe_psql($database, <<'SQL'), '', "$database: each failure is one, and the only trace of itself");
SELECT concat_ws(', ', c.call, 'place ' || t.place, failed, CASE WHEN cancels THEN 'canceled' END) || ': ' || wrong
FROM faults.trial t JOIN faults.call c USING (n) WHERE is_last AND wrong IS NOT NULL ORDER BY t.n, t.place LIMIT 20
SQL
	for (split /\n/, $node->safe_psql($database, 'SELECT failed, count(*) FROM faults.trial WHERE failed IS NOT NULL GROUP BY 1'))
	{
		my ($place, $number) = /^(.*)\|(\d+)$/;
		$failed{$place} += $number;
	}
	return;
}

# Steps that would have to wait: each fails instead, or gives up.
{
	my $other = $node->background_psql('twin');

	$other->query_safe("BEGIN");
	$other->query_safe("SELECT faults.say(\$\$SELECT decision FROM ledger_agents.authorize(faults.agent('$_->[0]'), 1, organization_id => '$_->[1]')\$\$)") for [ a => 'default' ], [ acme => 'acme' ];
	local $ENV{PGOPTIONS} = '-c ledger_agents.lock_timeout=30';
	for my $step (split /\n/, $node->safe_psql('twin', 'SELECT n FROM faults.waiting ORDER BY n'))
	{
		$node->psql('twin', "CALL faults.take($step, '{error,cancel}', 'SELECT', false)");
	}
	$other->quit;
	judge('twin');
}

for my $name (@ways)
{
	my $rows = tell_story($name, $way{$name});

	judge($name);
	my $told = $expected;
	# Where a transaction keeps its snapshot the use of a secret is not noted.
	s/^ledger_agents\.\w+_uses .*\n//mg for $name eq 'repeatable_read' ? ($told, $rows) : ();

	ok($rows eq $told, "$name: in the end every row is as without failures") or do
	{
		my ($old, $new) = map { my $file = $node->basedir . "/$_->[0]"; append_to_file($file, "$_->[1]\n"); $file } [ twin => $told ], [ $name => $rows ];
		diag(scalar `diff $old $new | head -n 20; wc -l $old $new; tail -n 5 $new`);
	};
}

my @unreached = grep { !$failed{$_} } map { slurp_file($_) =~ /\bla_fault\("([^"]+)"\)/g } glob 'src/*.c';
is_deeply(\@unreached, [], 'every place of the source has failed');
note("$failed{$_} failures $_") for sort keys %failed;

my $log = slurp_file($node->logfile);
my @warnings = grep { /WARNING|PANIC|TRAP|leak/ } split /\n/, $log;
is("@warnings[0 .. ($#warnings < 9 ? $#warnings : 9)]", '', 'the log complains of no leak');

$node->stop;
done_testing();
