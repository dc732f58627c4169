# Does one of several copies spend, and only one?
#
# Copies of every kind are made of one database: by template, by a dump (also of a copy, and while it is spending), by
# logical replication, of the files. Whoever has the rows and is not the one refuses until it is adopted. COPIES_SECONDS
# is how long the origin spends during dumps; COPIES_SEED chooses what.
use strict;
use warnings;

use Pgbench;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seconds = $ENV{COPIES_SECONDS} || 4;
my $seed = $ENV{COPIES_SEED} || int(rand(1_000_000));
my $dir = PostgreSQL::Test::Utils::tempdir;
my $refused = '55000 not_adopted';

my $origin = PostgreSQL::Test::Cluster->new('origin');
$origin->init(allows_streaming => 'logical');
$origin->append_conf('postgresql.conf', "timezone = 'UTC'\n");
$origin->start;
my $other = PostgreSQL::Test::Cluster->new('other');
$other->init;
$other->append_conf('postgresql.conf', "timezone = 'UTC'\n");
$other->start;

# The answer, or SQLSTATE and name of the error.
sub answer
{
	my ($node, $database, $sql) = @_;
	my ($status, $out, $err) = $node->psql($database, "\\set VERBOSITY verbose\n$sql");

	return $out if $status == 0 && $err !~ /ERROR/;
	return "$1 $2" if $err =~ /ERROR:  (\w{5}):.*?DETAIL:  (\w+):/s;
	return $err;
}

my $spend = q{SELECT decision FROM ledger_agents.authorize((SELECT id FROM ledger_agents.agents WHERE external_id = 'a'), 1)};

sub spends
{
	return answer($_[0], $_[1], $spend);
}

sub adopt
{
	$_[0]->safe_psql($_[1], 'SELECT ledger_agents.adopt()');
}

# What the books say, in a line; and that they are right.
sub books
{
	my ($node, $database) = @_;

	return $node->safe_psql($database, <<'SQL');
SELECT concat_ws(' ', (SELECT count(*) FROM ledger_agents.check_invariants()), count(*), sum(counted_amount), max(id::text))
FROM ledger_agents.authorizations
SQL
}

# What ails a database, but for how servers of tests are set.
sub ails
{
	my ($node, $database) = @_;

	return $node->safe_psql($database, q{SELECT concat_ws(' ', finding, object) FROM ledger_agents.health_check() WHERE object <> 'fsync' ORDER BY 1});
}

sub dump_and_restore
{
	my ($from, $database, $to, $copy, $format) = @_;
	my $file = "$dir/$copy";

	$from->command_ok([ 'pg_dump', '-d', $from->connstr($database), "-F$format", ($format eq 'd' ? ('-j', 2) : ()), '-f', $file ], "$copy: pg_dump -F$format");
	$to->safe_psql('postgres', "CREATE DATABASE $copy TEMPLATE template0");
	restore($to, $copy, $format);
}

sub restore
{
	my ($to, $copy, $format) = @_;
	my $file = "$dir/$copy";

	if ($format eq 'p')
	{
		$to->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $to->connstr($copy), '-o', "$file.out", '-f', $file ], "$copy: psql");
	}
	else
	{
		$to->command_ok([ 'pg_restore', '--exit-on-error', ($format eq 'd' ? ('-j', 2) : ()), '-d', $to->connstr($copy), $file ], "$copy: pg_restore");
	}
}

$origin->safe_psql('postgres', 'CREATE DATABASE shop');
$origin->safe_psql('shop', <<'SQL');
CREATE EXTENSION ledger_agents;
SELECT ledger_agents.update_customer('c', '{"spending_limit": 1000000}');
SELECT ledger_agents.register_agent('a', 'c', spending_limit => 100000, spending_limit_frequency => 'allTime');
SQL
Pgbench::agents($origin, 'shop');
is(spends($origin, 'shop'), 'approved', 'the origin spends');
is(ails($origin, 'shop'), '', 'and is healthy');

#
# A copy by template, in the same server.
#
$origin->safe_psql('postgres', 'CREATE DATABASE twin TEMPLATE shop');
is(spends($origin, 'twin'), $refused, 'template: refuses');
is(ails($origin, 'twin'), 'not_adopted twin', 'template: health_check() says so');
adopt($origin, 'twin');
is(spends($origin, 'twin'), 'approved', 'template: adopted, it spends');
is(ails($origin, 'twin'), '', 'template: and is healthy');
is(spends($origin, 'shop'), 'approved', 'template: the origin is not concerned');

#
# Dumps of each kind, and of a copy, twice: before and after it is adopted.
#
for my $format ('p', 'c', 'd')
{
	my $copy = "copy_$format";

	dump_and_restore($origin, 'shop', $other, $copy, $format);
	is(books($other, $copy), books($origin, 'shop'), "$copy: everything is there");
	is(spends($other, $copy), $refused, "$copy: refuses");
	dump_and_restore($other, $copy, $other, "again_$format", $format);
	adopt($other, $copy);
	is(spends($other, $copy), 'approved', "$copy: adopted, it spends");
	is(spends($other, "again_$format"), $refused, "$copy: its own copy is another one");
	adopt($other, "again_$format");
	is(spends($other, "again_$format"), 'approved', "$copy: and is adopted by itself");
	is(books($other, "again_$format") =~ s/ \S+$//r, books($other, $copy) =~ s/ \S+$//r, "$copy: with the same books");
	is(ails($other, "again_$format"), '', "$copy: it is healthy");
}
# An adopted one, restored where the origin is.
dump_and_restore($other, 'copy_c', $origin, 'home', 'c');
is(spends($origin, 'home'), $refused, 'a copy that comes back refuses, too');

#
# While it spends: each dump is of one instant, and its books are right.
#
my $load = Pgbench::start($origin, 'shop', $seconds, $seed);
for my $format ('p', 'c', 'd')
{
	my $copy = "busy_$format";

	dump_and_restore($origin, 'shop', $other, $copy, $format);
	like(books($other, $copy), qr/^0 /, "$copy: dumped while it spent (seed $seed), the books are right");
	is(spends($other, $copy), $refused, "$copy: refuses");
	adopt($other, $copy);
	is(spends($other, $copy), 'approved', "$copy: adopted, it spends");
	like(books($other, $copy), qr/^0 /, "$copy: and the books remain right");
}
ok(Pgbench::ended($load), "no dump was in anybody's way (seed $seed)") or diag($load->{err});

#
# A move: the origin gives up, and what is dumped then is the last word.
#
$load = Pgbench::start($origin, 'shop', 60, $seed + 1);
$origin->safe_psql('shop', q{SELECT ledger_agents.disown('moves')});
my $last = books($origin, 'shop');
dump_and_restore($origin, 'shop', $other, 'moved', 'c');
is(books($other, 'moved'), $last, 'move: everything is there');
adopt($other, 'moved');
ok(!Pgbench::ended($load), 'move: whoever spent in the origin is told');
is(() = $load->{err} =~ /this database may not spend/g, 4, 'move: each of them');
is(books($origin, 'shop'), $last, 'move: and spends nothing more');
is(spends($other, 'moved'), 'approved', 'move: the new one does');
adopt($origin, 'shop');
is(spends($origin, 'shop'), 'approved', 'what was disowned can be adopted again');

#
# A copy of the files is what no identifier tells; it can be told by hand.
#
$origin->backup('files');
my $clone = PostgreSQL::Test::Cluster->new('clone');
$clone->init_from_backup($origin, 'files');
$clone->start;
is(spends($clone, 'shop'), 'approved', 'files: a clone is not told from a standby that took over');
$clone->safe_psql('shop', q{SELECT ledger_agents.disown('for looking at')});
is(spends($clone, 'shop'), $refused, 'files: disowned, it refuses');
$clone->stop;

#
# A subscriber: with the table of adoptions, and without.
#
sub catch_up
{
	my ($subscription) = @_;

	$origin->wait_for_catchup($subscription, 'replay', $origin->lsn('insert'));
}
$origin->safe_psql('shop', 'CREATE PUBLICATION everything FOR ALL TABLES');
my $tables = $origin->safe_psql('shop', q{SELECT string_agg(c.oid::regclass::text, ', ') FROM pg_class c WHERE relnamespace = 'ledger_agents'::regnamespace AND relkind = 'r' AND relname <> 'adoptions'});
$origin->safe_psql('shop', "CREATE PUBLICATION without FOR TABLE $tables");
for my $publication ('everything', 'without')
{
	my $connection = $origin->connstr('shop') =~ s/'/''/gr;

	$other->safe_psql('postgres', "CREATE DATABASE sub_$publication TEMPLATE template0");
	$other->safe_psql("sub_$publication", 'CREATE EXTENSION ledger_agents');
	$other->safe_psql("sub_$publication", "CREATE SUBSCRIPTION $publication CONNECTION '$connection' PUBLICATION $publication");
}
for my $publication ('everything', 'without')
{
	my $database = "sub_$publication";

	$other->poll_query_until($database, q{SELECT count(*) = 0 FROM pg_subscription_rel WHERE srsubstate NOT IN ('r', 's')}) or die 'no synchronization';
	catch_up($publication);
	is(books($other, $database), books($origin, 'shop'), "$database: has the rows");
	is(spends($other, $database), $refused, "$database: refuses");
}
my $session = $other->background_psql('sub_everything', on_error_stop => 0);

sub says		# the answer of a session that goes on
{
	my ($sql) = @_;

	$session->{stderr} = '';
	my $out = $session->query($sql);
	return $session->{stderr} =~ /not_adopted/ ? 'refuses' : $out;
}
is(says($spend), 'refuses', 'subscriber: a session refuses');
is(spends($origin, 'shop'), 'approved', 'subscriber: the publisher spends on');
catch_up('everything');
is(books($other, 'sub_everything'), books($origin, 'shop'), 'subscriber: which arrives');
# The second time a row is tried and taken back, which is nobody's business: here its key would be there twice.
$origin->safe_psql('shop', <<'SQL') for 1 .. 2;
SELECT decision FROM ledger_agents.authorize_many(
	ARRAY(SELECT (id, 1, NULL, NULL, NULL, NULL, NULL, NULL, 'key ' || n, NULL, NULL)::ledger_agents.spend_request
		FROM ledger_agents.agents, generate_series(1, 3) n WHERE external_id = 'a'))
SQL
catch_up('everything');
is(books($other, 'sub_everything'), books($origin, 'shop'), 'subscriber: a batch that is sent again does not');
adopt($origin, 'shop');
catch_up('everything');
is(says($spend), 'refuses', 'subscriber: the publisher is adopted once more, which concerns nobody');
# It takes over.
$origin->safe_psql('shop', q{SELECT ledger_agents.disown('taken over')});
catch_up('everything');
is($other->safe_psql('sub_everything', 'SELECT reason FROM ledger_agents.adoptions ORDER BY id DESC LIMIT 1'), 'taken over', 'subscriber: hears that the publisher gave up');
is(says($spend), 'refuses', 'subscriber: and still waits');
adopt($other, 'sub_everything');
is(says($spend), 'approved', 'subscriber: adopted, the session spends');
# By mistake the publisher does, too: whoever says so last is heard by both, but nothing is told backwards.
adopt($origin, 'shop');
catch_up('everything');
is(says($spend), 'refuses', 'subscriber: a session that spent refuses when an adoption arrives');
is($other->safe_psql('sub_everything', 'SELECT subenabled FROM pg_subscription WHERE subname = \'everything\''), 't', 'subscriber: nothing stopped');
$session->quit;
for my $publication ('everything', 'without')
{
	$other->safe_psql("sub_$publication", "DROP SUBSCRIPTION $publication");
}

#
# A restore that begins with DROP, and an owner who goes.
#
my $before = books($other, 'moved');
my ($out, $err) = run_command([ 'pg_restore', '--clean', '--if-exists', '-d', $other->connstr('moved'), "$dir/moved" ]);
like($err, qr/money_would_be_lost/, 'pg_restore --clean is told no');
is(books($other, 'moved'), $before, 'and nothing is lost');
{
	local $ENV{PGOPTIONS} = '-c ledger_agents.allow_drop=on';
	$other->command_ok([ 'pg_restore', '--clean', '--if-exists', '--exit-on-error', '-d', $other->connstr('moved'), "$dir/moved" ], 'who means it says so');
}
is(books($other, 'moved'), $last, 'then the dump is what is there');
is(spends($other, 'moved'), $refused, 'and waits to be adopted');
$other->safe_psql('postgres', 'CREATE ROLE owner SUPERUSER');
$other->safe_psql('postgres', 'CREATE DATABASE owned TEMPLATE template0');
$other->safe_psql('owned', <<'SQL');
SET ROLE owner;
CREATE EXTENSION ledger_agents;
SELECT ledger_agents.authorize((ledger_agents.register_agent('a', 'c')).id, 1);
SQL
like(answer($other, 'owned', 'DROP OWNED BY owner CASCADE'), qr/^55000 money_would_be_lost/, 'DROP OWNED of the owner is told no');
is(ails($other, 'owned'), '', 'another owner is no finding');

#
# Settings of the server.
#
$other->append_conf('postgresql.conf', "full_page_writes = off\nautovacuum = off\ntrack_counts = off\nmax_locks_per_transaction = 10\n");
$other->restart;
is(ails($other, 'owned'), join("\n", map { "setting $_" } qw(autovacuum full_page_writes max_locks_per_transaction track_counts)), 'settings of the server are named');

$_->stop for $origin, $other;
done_testing();
