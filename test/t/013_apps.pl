# Do the programs of example/app do what they are there to show, each with its own stack?
#
# They print the same lines, so each question is asked of all of them: what they make of answers and of errors, which they
# try again, and what they find when a connection is cut before or after COMMIT was carried out. The errors that are to be
# tried again are real ones: somebody waits, somebody was faster, and a deadlock.
use strict;
use warnings;

use Cut;
use File::Spec;
use IPC::Run ();
use PostgREST;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $apps = File::Spec->rel2abs('example/app');
my $dir = PostgreSQL::Test::Utils::tempdir;
my $timeout = $PostgreSQL::Test::Utils::timeout_default;
my @processes;

END
{
	local $?;
	$_->kill_kill(grace => 1) for grep { $_->pumpable } @processes;
}

# A command in a directory of its own, with standard output and errors in {out} and {err}.
sub start
{
	my ($where, $command, %environment) = @_;
	my $process = { out => '', err => '' };

	mkdir $where;
	local %ENV = (%ENV, %environment);
	$process->{handle} = IPC::Run::start($command, '<', \undef, '>', \$process->{out}, '2>', \$process->{err},
		init => sub { chdir $where or die "$where: $!" }, IPC::Run::timeout($timeout));
	push @processes, $process->{handle};
	return $process;
}

# The whole output, and after it the exit status where that is not 0.
sub finish
{
	my ($process) = @_;

	$process->{handle}->finish;
	my $status = $process->{handle}->result;
	return $process->{out} . ($status ? "exit status $status\n" : '');
}

sub wait_for
{
	my ($what, $condition) = @_;

	for (1 .. 100 * $timeout)
	{
		return if $condition->();
		usleep(10_000);
	}
	die "this did not happen: $what";
}

# A superuser's session that stays.
sub session
{
	my ($connection) = @_;
	my $session = { in => '', out => '' };

	# It never ends its own transaction for a deadlock: the other one has to.
	local $ENV{PGOPTIONS} = '-c deadlock_timeout=1h';
	$session->{handle} = IPC::Run::start([ 'psql', '-XAtq', '-d', $connection ], '<', \$session->{in}, '>&', \$session->{out},
		IPC::Run::timeout($timeout));
	push @processes, $session->{handle};
	return $session;
}

sub tell_session
{
	my ($session, $sql) = @_;

	$session->{out} = '';
	$session->{in} .= "$sql;\n\\echo -- done\n";
	$session->{handle}->pump_nb;
}

sub answer_of
{
	my ($session) = @_;

	$session->{handle}->pump until $session->{out} =~ /^-- done\n/m;
	return $session->{out} =~ s/^-- done\n//mr;
}

sub ask
{
	my ($session, $sql) = @_;

	tell_session($session, $sql);
	return answer_of($session);
}

sub close_session
{
	my ($session) = @_;

	$session->{in} .= "\\q\n";
	$session->{handle}->finish;
}

#
# A server, and what the tests need beside the example's own set-up: triggers that make trouble for some orders.
#
my $node = PostgreSQL::Test::Cluster->new('apps');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
listen_addresses = '127.0.0.1'
timezone = 'UTC'
lc_messages = 'C'
deadlock_timeout = '10ms'
ledger_agents.clock = '2026-03-02 09:00:00Z'
log_statement = 'all'
log_parameter_max_length = 0
CONF
$node->start;
$node->safe_psql('postgres', join "\n", 'CREATE EXTENSION ledger_agents;', slurp_file('example/postgrest/roles.sql'),
	slurp_file("$apps/shop.sql"), slurp_file("$apps/place_order.sql"), <<'SQL');
CREATE SEQUENCE shop.attempts;
CREATE FUNCTION shop.trouble() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
	-- As in 'fails 55P03 2': the first two attempts do.
	words text[] := string_to_array(NEW.id, ' ');
BEGIN
	IF words[1] = 'fails' AND nextval('shop.attempts') <= words[3]::int THEN
		RAISE 'no luck' USING ERRCODE = words[2];
	ELSIF words[1] = 'deadlock' THEN
		PERFORM pg_advisory_xact_lock(1);
		PERFORM pg_advisory_xact_lock(2);
	END IF;
	RETURN NEW;
END
$$;
CREATE TRIGGER trouble BEFORE INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.trouble();
CREATE FUNCTION shop.end_at_commit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
	IF nextval('shop.attempts') = 1 THEN
		PERFORM pg_terminate_backend(pg_backend_pid());
	END IF;
	RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER end_at_commit AFTER INSERT ON shop.orders DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW WHEN (NEW.id = 'cut before') EXECUTE FUNCTION shop.end_at_commit();
SQL

#
# The stacks. All but HTTP have a database of their own.
#
my $node_program = (grep { -x } map { "$_/node" } split /:/, $ENV{PATH})[0] // '/usr/bin/node';
my @stacks = (
	{
		name => 'python',
		missing => system("/usr/bin/python3 -c 'import psycopg' 2>/dev/null") == 0 ? undef : 'no psycopg',
		command => [ '/usr/bin/python3', "$apps/shop.py" ]
	},
	{
		name => 'node',
		missing => -d 'example/node_modules/pg' ? undef : 'no pg: npm could not be reached when the tests were set up',
		command => [ $node_program, "$apps/shop.mjs" ]
	},
	{
		name => 'java',
		missing => -e '/usr/share/java/postgresql.jar' ? undef : 'no JDBC driver',
		build => [ 'javac', '-Xlint:all', '-Werror', '-cp', '/usr/share/java/postgresql.jar', '-d', '.', "$apps/Shop.java" ],
		command => [ 'java', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-cp', '.:/usr/share/java/postgresql.jar', 'Shop' ]
	},
	{
		name => 'go',
		missing => -e '/usr/share/gocode/src/github.com/jackc/pgx/v4' ? undef : 'no pgx',
		build => [ '/usr/bin/go', 'build', '-o', 'shop', "$apps/shop.go" ],
		command => ["$dir/go/shop"]
	},
	{
		name => 'http',
		missing => PostgREST::missing(),
		command => [ $node_program, "$apps/shop_http.mjs" ],
		over_http => 1
	});
my %go = (
	GO111MODULE => 'off', GOPATH => '/usr/share/gocode', GOCACHE => "$dir/go-cache", GOFLAGS => '', GOENV => 'off',
	CGO_ENABLED => '0');
$_->{building} = start("$dir/$_->{name}", $_->{build}, %go) for grep { $_->{build} && !$_->{missing} } @stacks;

for my $stack (grep { !$_->{missing} } @stacks)
{
	$stack->{database} = $stack->{over_http} ? 'postgres' : $stack->{name};
	$node->safe_psql('template1', "CREATE DATABASE $stack->{database} TEMPLATE postgres") unless $stack->{over_http};
	$stack->{key} = $node->safe_psql($stack->{database}, "SELECT key FROM ledger_agents.create_organization_key('shop')");
}

# Runs a program; by another port, if one is given.
sub start_app
{
	my ($stack, $port, @arguments) = @_;

	return start("$dir/$stack->{name}", [ @{ $stack->{command} }, @arguments ],
		PGHOST => '127.0.0.1',
		PGPORT => $port // $node->port,
		PGUSER => 'shop_app',
		PGDATABASE => $stack->{database},
		SHOP_KEY => $stack->{key},
		SHOP_URL => 'http://127.0.0.1:' . ($port // $stack->{http_port} // 0));
}

sub run_app
{
	my ($stack, @arguments) = @_;

	return finish(start_app($stack, undef, @arguments));
}

sub query
{
	my ($stack, $sql) = @_;

	return $node->safe_psql($stack->{database}, $sql);
}

# How long a program waits for its agent.
sub set_patience
{
	my ($stack, $time) = @_;

	query($stack, "ALTER ROLE shop_app SET ledger_agents.lock_timeout = '$time';
		ALTER FUNCTION shop.place_order SET ledger_agents.lock_timeout = '$time'");
}

#
# What they print for answers, and for an error that is none of those to be tried again.
#
sub test_answers
{
	my ($stack) = @_;
	my $shown = '';

	for ([ 1, 12900, 'STAPLES' ], [ 2, 40000, 'DELTA AIR' ], [ 3, 60000, 'DELTA AIR' ], [ 1, 12900, 'STAPLES' ], [ 1, 12901, 'STAPLES' ])
	{
		$shown .= join(' ', '$ shop shopper', @$_) . "\n" . run_app($stack, 'shopper', @$_);
	}
	is($shown, <<'TEXT', "$stack->{name}: registers once, and tells approvals from declines and from errors");
$ shop shopper 1 12900 STAPLES
agent shopper: registered
order 1: approved
$ shop shopper 2 40000 DELTA AIR
agent shopper: known
order 2: declined: agent_limit_exceeded; 37100 would pass now, 40000 from 2026-04-01T00:00Z
$ shop shopper 3 60000 DELTA AIR
agent shopper: known
order 3: declined: agent_limit_exceeded; 37100 would pass now, 60000 never
$ shop shopper 1 12900 STAPLES
agent shopper: known
order 1: approved (decided before)
$ shop shopper 1 12901 STAPLES
agent shopper: known
order 1: failed: 22023 idempotency_key_reused
exit status 1
TEXT
	is(query($stack, 'SELECT count(*) FROM ledger_agents.agent_tokens'), '1', "$stack->{name}: no second token");
	is((stat "$dir/$stack->{name}/shopper.token")[2] & 0777, 0600, "$stack->{name}: which nobody else may read");
	$stack->{agent} = query($stack, "SELECT id FROM ledger_agents.agents WHERE external_id = 'shopper'");
}

# Somebody else decides for the agent and does not come to an end.
sub test_busy
{
	my ($stack) = @_;
	my $other = session($node->connstr($stack->{database}));

	set_patience($stack, '1s');
	ask($other, "BEGIN; SELECT FROM ledger_agents.authorize('$stack->{agent}', 1)");
	my $app = start_app($stack, undef, 'shopper', 'busy', 100, 'STAPLES');
	wait_for('55P03', sub { $app->{handle}->pump_nb; $app->{out} =~ /55P03/ });
	ask($other, 'ROLLBACK');
	like(finish($app), qr/^agent shopper: known\n(order busy: 55P03, trying again\n)+order busy: approved\n$/,
		"$stack->{name}: a lock that could not be had");
	close_session($other);
	set_patience($stack, '1min');
}

# Two that hold what the other one waits for: the program its agent, and somebody else what the order needs.
sub test_deadlock
{
	my ($stack) = @_;
	my ($first, $other, $watch) = map { session($node->connstr($stack->{database})) } 1 .. 3;
	my $waits = sub {
		my ($which) = @_;
		sub { ask($watch, "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'advisory' AND $which") eq "1\n" }
	};

	ask($first, 'SELECT FROM pg_advisory_lock(1)');
	ask($other, 'BEGIN; SELECT FROM pg_advisory_xact_lock(2)');
	my $app = start_app($stack, undef, 'shopper', 'deadlock', 100, 'STAPLES');
	wait_for('the program has its agent', $waits->('objid = 1 AND objsubid = 1'));
	tell_session($other, "SELECT FROM ledger_agents.authorize('$stack->{agent}', 1)");
	wait_for('somebody waits for it', $waits->('objsubid >= 1000'));
	ask($first, 'SELECT FROM pg_advisory_unlock(1)');
	is(answer_of($other), '', "$stack->{name}: a deadlock, of which it is the victim");
	ask($other, 'ROLLBACK');
	is(finish($app), "agent shopper: known\norder deadlock: 40P01, trying again\norder deadlock: approved\n",
		"$stack->{name}: and after which it tries again");
	close_session($_) for $first, $other, $watch;
}

# Somebody else spends between the program's snapshot and its decision.
sub test_serialization
{
	my ($stack) = @_;
	my ($other, $watch) = map { session($node->connstr($stack->{database})) } 1 .. 2;

	query($stack, "ALTER ROLE shop_app SET default_transaction_isolation = 'repeatable read'");
	ask($other, "BEGIN; SELECT FROM ledger_agents.authorize('$stack->{agent}', 1)");
	my $app = start_app($stack, undef, 'shopper', 'late', 100, 'STAPLES');
	wait_for('the program waits', sub {
		ask($watch, "SELECT count(*) FROM pg_locks WHERE NOT granted AND objsubid >= 1000") eq "1\n";
	});
	ask($other, 'COMMIT');
	is(finish($app), "agent shopper: known\norder late: 40001, trying again\norder late: approved\n",
		"$stack->{name}: a snapshot that is too old");
	query($stack, 'ALTER ROLE shop_app RESET default_transaction_isolation');
	close_session($_) for $other, $watch;
}

# PostgREST tries those again itself.
sub test_serialization_over_http
{
	my ($stack) = @_;

	query($stack, 'ALTER SEQUENCE shop.attempts RESTART');
	is(run_app($stack, 'shopper', 'fails 40001 2', 100, 'STAPLES'), "agent shopper: known\norder fails 40001 2: approved\n",
		"$stack->{name}: nobody is told of a snapshot that is too old");
	is(query($stack, 'SELECT last_value FROM shop.attempts'), '3', "$stack->{name}: and it was tried three times");
}

sub test_hopeless
{
	my ($stack) = @_;

	query($stack, 'ALTER SEQUENCE shop.attempts RESTART');
	my $again = "order fails 40P01 99: 40P01, trying again\n";
	is(run_app($stack, 'shopper', 'fails 40P01 99', 100, 'STAPLES'),
		'agent shopper: known' . "\n" . $again x 4 . "order fails 40P01 99: failed: 40P01\nexit status 1\n",
		"$stack->{name}: five times, and no more");
	is(query($stack, 'SELECT last_value FROM shop.attempts'), '5', "$stack->{name}: five attempts were made");
	query($stack, 'ALTER SEQUENCE shop.attempts RESTART');
	is(run_app($stack, 'shopper', 'fails P0001 1', 100, 'STAPLES'),
		"agent shopper: known\norder fails P0001 1: failed: P0001\nexit status 1\n", "$stack->{name}: another error, once");
	is(query($stack, 'SELECT last_value FROM shop.attempts'), '1', "$stack->{name}: one attempt was made");
}

# The server ends the connection when it is to commit: nothing was done.
sub test_cut_before_commit
{
	my ($stack) = @_;

	query($stack, 'ALTER SEQUENCE shop.attempts RESTART');
	like(run_app($stack, 'shopper', 'cut before', 100, 'STAPLES'),
		qr/^agent shopper: known\n(order cut before: connection lost, trying again\n)+order cut before: approved\n$/,
		"$stack->{name}: the connection is lost before COMMIT is carried out");
	is(query($stack, 'SELECT last_value FROM shop.attempts'), '2', "$stack->{name}: two attempts came to COMMIT");
}

# The server has committed, and its answer does not arrive: that of the registration, and that of the order.
sub test_cut_after_commit
{
	my ($stack) = @_;
	my $cut = $stack->{over_http}
	  ? Cut->start($stack->{http_port}, qr/^HTTP\/1\.1 200/, 1, 4)
	  : Cut->start($node->port, qr/COMMIT\0/, 1, 4);

	is(finish(start_app($stack, $cut->port, 'traveler', 'cut after', 100, 'STAPLES')), <<'TEXT', "$stack->{name}: the connection is lost after COMMIT was carried out");
agent traveler: connection lost, trying again
agent traveler: known, new token
order cut after: connection lost, trying again
order cut after: approved (decided before)
TEXT
	is(query($stack, "SELECT count(*) FROM ledger_agents.agents WHERE external_id = 'traveler'"), '1', "$stack->{name}: one agent");
	$cut->stop;
}

# Over HTTP, too, who has no row of its own just asks.
sub test_plain
{
	my ($stack) = @_;
	my $shown = join '', map { run_app($stack, '--plain', 'shopper', @$_, 'STAPLES') } [ 1, 100 ], [ 1, 100 ], [ 1, 101 ], [ 2, 60000 ];

	is($shown =~ s/^agent shopper: known\n//mgr, <<'TEXT', "$stack->{name}: without an order");
order 1: approved
order 1: approved (decided before)
order 1: failed: idempotency_key_reused
exit status 1
order 2: declined: agent_limit_exceeded; 36600 would pass now, 60000 never
TEXT
}

# Each order with its authorization, and nothing else; and the counters.
sub test_books
{
	my ($stack) = @_;

	is(query($stack, "SELECT replace(id, 'fails 40001 2', 'late'), amount, decision, reason FROM shop.orders ORDER BY 1"), <<'TEXT' =~ s/\n$//r, "$stack->{name}: the orders");
1|12900|approved|
2|40000|declined|agent_limit_exceeded
3|60000|declined|agent_limit_exceeded
busy|100|approved|
cut after|100|approved|
cut before|100|approved|
deadlock|100|approved|
late|100|approved|
TEXT
	my @both = (
		"SELECT 'order-' || id, authorization_id, amount, decision, reason FROM shop.orders",
		"SELECT idempotency_key, id, amount, decision::text, reason::text FROM ledger_agents.authorizations WHERE idempotency_key LIKE 'order-%'");
	is(query($stack, "($both[0] EXCEPT $both[1]) UNION ALL ($both[1] EXCEPT $both[0])"), '',
		"$stack->{name}: each has its authorization, and no other order has one");
	is(query($stack, "SELECT a.current_spend = (SELECT sum(counted_amount) FROM ledger_agents.authorizations WHERE agent_id = a.id)
			AND a.current_spend = (SELECT sum(amount) FROM shop.orders WHERE decision = 'approved' AND id <> 'cut after')
			+ (SELECT coalesce(sum(counted_amount), 0) FROM ledger_agents.authorizations
				WHERE agent_id = a.id AND (idempotency_key IS NULL OR idempotency_key LIKE 'ask-%'))
		FROM ledger_agents.get_agent('$stack->{agent}') AS a"), 't', "$stack->{name}: they are what the agent has spent");
	is(query($stack, 'SELECT * FROM ledger_agents.check_invariants()'), '', "$stack->{name}: the books are right");
}

for my $stack (@stacks)
{
	SKIP:
	{
		skip "$stack->{name}: $stack->{missing}", 1 if $stack->{missing};
		if ($stack->{building})
		{
			is(finish($stack->{building}), '', "$stack->{name}: it compiles") or diag($stack->{building}{err});
		}
		if ($stack->{over_http})
		{
			$stack->{http} = PostgREST->start($node, PGRST_DB_SCHEMAS => 'ledger_agents_api, shop');
			($stack->{http_port}) = $stack->{http}->url =~ /(\d+)$/;
		}
		set_patience($stack, '1min');
		test_answers($stack);
		test_busy($stack);
		test_deadlock($stack);
		$stack->{over_http} ? test_serialization_over_http($stack) : test_serialization($stack);
		test_hopeless($stack);
		test_cut_before_commit($stack);
		test_cut_after_commit($stack);
		test_plain($stack) if $stack->{over_http};
		test_books($stack);
		$stack->{http}->stop if $stack->{over_http};
	}
}

unlike(slurp_file($node->logfile), qr/(?:at|lk)_live_[0-9A-Za-z_-]{20}/, 'no secret is in the log');
$node->stop;
done_testing();
