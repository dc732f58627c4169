# Does a secret stay where it belongs?
#
# The server logs every statement, its duration and its plan, and keeps statistics of all of them. Secrets are given as
# the README says, as parameters, by pgbench, by a driver and over HTTP, and the settings are those that it asks for. After
# every way of getting, using and misusing a secret, each of them is looked for in the logs, in statistics, in what
# clients were told, in every table, in a dump, and in the server's files. Controls show that it is found where it is
# typed into a statement, and what each of the settings is for.
use strict;
use warnings;

use File::Basename qw(dirname);
use File::Find;
use IPC::Run ();
use JSON::PP;
use PostgREST;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

use constant WEBHOOK_SECRET => 'whsec_canary_' . '5d0c3f9a' x 8;

my $node = PostgreSQL::Test::Cluster->new('secrets');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
timezone = 'UTC'
autovacuum = off
shared_preload_libraries = 'pg_stat_statements, auto_explain'
CONF
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION ledger_agents;
CREATE EXTENSION pg_stat_statements;
CREATE ROLE app LOGIN;
SELECT ledger_agents.grant_access('app', 'api');
CREATE SCHEMA peek;
CREATE FUNCTION peek.settings() RETURNS text LANGUAGE sql
RETURN concat_ws(' ', current_setting('request.headers', true), current_setting('request.jwt.claims', true), current_setting('request.cookies', true));
SQL
# From here on everything is told that can be told, but for parameters.
$node->append_conf('postgresql.conf', <<'CONF');
log_statement = all
log_min_duration_statement = 0
log_duration = on
log_error_verbosity = verbose
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
pg_stat_statements.track = all
pg_stat_statements.track_utility = on
auto_explain.log_min_duration = 0
auto_explain.log_analyze = on
auto_explain.log_buffers = on
auto_explain.log_triggers = on
auto_explain.log_settings = on
auto_explain.log_nested_statements = on
CONF
$node->append_conf('postgresql.conf', "auto_explain.log_parameter_max_length = 0\n")
  if $node->safe_psql('postgres', 'SHOW server_version_num') >= 160000;
$node->restart;

my $dir = PostgreSQL::Test::Utils::tempdir;
my $app = $node->connstr('postgres') . ' user=app';
my %secrets;
my $told = '';

# Every way to get one. What the call answers is the only place where it appears.
my ($agent, $first) = split /\|/, $node->safe_psql('postgres', q{SELECT id, token FROM ledger_agents.register_agent('a', 'customer')});
my ($second_id, $second) = split /\|/, $node->safe_psql('postgres', "SELECT id, token FROM ledger_agents.create_agent_token('$agent', 'name', '2100-01-01')");
my ($third_id, $third) = split /\|/, $node->safe_psql('postgres', "SELECT id, token FROM ledger_agents.rotate_agent_token('$second_id', '1 hour')");
$secrets{'token of register_agent'} = $first;
$secrets{'token of create_agent_token'} = $second;
$secrets{'token of rotate_agent_token'} = $third;
$secrets{'token by JSON'} = $node->safe_psql('postgres',
	q{SELECT ledger_agents_api.register_agent('{"externalId": "b", "userId": "customer", "name": "n"}') ->> 'token'});
is(scalar(grep { /^at_live_[0-9a-f]{76}$/ } values %secrets), 4, 'four tokens were issued');
my ($key_id, $key) = split /\|/, $node->safe_psql('postgres', "SELECT id, key FROM ledger_agents.create_organization_key('name', '2100-01-01')");
my ($next_key_id, $next_key) = split /\|/, $node->safe_psql('postgres', "SELECT id, key FROM ledger_agents.rotate_organization_key('$key_id', '1 hour')");
$secrets{'key of create_organization_key'} = $key;
$secrets{'key of rotate_organization_key'} = $next_key;
is(scalar(grep { /^lk_live_[0-9a-f]{76}$/ } values %secrets), 2, 'and two keys');
$secrets{'secret of a webhook'} = WEBHOOK_SECRET;

# The last 64 characters are the secret; a piece of them gives too much away, too.
sub piece
{
	my ($secret) = @_;

	return lc substr(length $secret > 64 ? substr($secret, -64) : $secret, 0, 24);
}

# Using one, as the role of an application and by the extended protocol: pgbench sends its variables as parameters.
sub use_token
{
	my ($token, $call, $mode) = @_;
	my $script = "$dir/use.sql";

	unlink $script;
	append_to_file($script, <<"SQL");
BEGIN;
SELECT agent_id AS who FROM ledger_agents.authenticate(:token) \\gset
$call
COMMIT;
SQL
	my ($out, $err) = ('', '');
	IPC::Run::run(
		[
			'pgbench', '-n', '-t', '1', '-M', $mode, '-D', "token=$token", '-f', $script, '-U', 'app', '-h', $node->host,
			'-p', $node->port, 'postgres'
		],
		'>', \$out, '2>', \$err);
	$told .= $out . $err;
	return $out . $err;
}

# The same by a driver: statements and their parameters, in one transaction.
sub bound
{
	my ($connection, $steps, %how) = @_;
	my $plan = encode_json({ connection => $connection, steps => $steps, %how });
	my ($out, $err) = ('', '');

	IPC::Run::run([ '/usr/bin/python3', dirname(__FILE__) . '/bound.py' ], '<', \$plan, '>', \$out, '2>', \$err);
	$told .= $out . $err;
	return $out . $err;
}

for my $mode ('extended', 'prepared')
{
	like(use_token($first, "SELECT decision FROM ledger_agents.authorize(amount => 1);", $mode),
		qr/processed: 1\/1/, "$mode: a token is used");
	# An error in a transaction that has one, and errors about the secret itself.
	like(use_token($first, "SELECT ledger_agents.authorize(amount => 0);", $mode), qr/amount must be greater/, "$mode: an error with a principal");
	like(use_token($first, "SELECT ledger_agents.authenticate('at_live_00');", $mode), qr/authentication failed/, "$mode: another one");
	for my $wrong (substr($first, 0, -1), substr($first, 0, -1) . 'x', $first . 'f', uc $third)
	{
		like(use_token($wrong, '', $mode), qr/authentication failed/, "$mode: a wrong secret is refused");
	}
	like(use_token($key, "SELECT name FROM ledger_agents.update_agent('$agent', '{}');", $mode), qr/processed: 1\/1/, "$mode: a key is used");
	like(use_token($key, "SELECT ledger_agents.create_organization_key('');", $mode), qr/name must have/, "$mode: an error with a key");
	like(use_token(substr($key, 0, -1) . 'x', '', $mode), qr/authentication failed/, "$mode: a wrong key is refused");
}
is($node->safe_psql('postgres', 'SELECT count(*) FROM ledger_agents.authorizations'), '2', 'two spends were made with one');

my $authenticate = 'SELECT agent_id FROM ledger_agents.authenticate(%s)';
is(bound($app, [ [ $authenticate, [$first] ], [ 'SELECT decision FROM ledger_agents.authorize(amount => %s)', [1] ] ]),
	"$agent\napproved\n", 'driver: a token is used');
like(bound($app, [ [ $authenticate, [$first] ], [ $authenticate, [$second] ] ]), qr/another principal is set/, 'driver: another one is refused');
like(bound($app, [ [ $authenticate, [ substr($first, 0, -1) . 'x' ] ] ]), qr/authentication failed/, 'driver: a wrong secret is refused');
like(bound($app, [ [ "$authenticate, generate_series(1, %s / 0)", [ $first, 1 ] ] ]), qr/division by zero/, 'driver: an error of the statement itself');
like( bound($node->connstr('postgres'),
		[ [ q{SELECT header FROM ledger_agents.poll_events('c', 1) AS e, ledger_agents.sign_event(e, %s)}, [WEBHOOK_SECRET] ] ]),
	qr/^t=\d+,v1=[0-9a-f]{64}$/, 'driver: an event is signed');

# What others see of a session while it works.
sub seen_while
{
	my ($steps, %how) = @_;
	my $plan = "$dir/plan";
	my ($out, $err) = ('', '');

	# A file, because nothing would feed it from here.
	unlink $plan;
	append_to_file($plan, encode_json({ connection => $app, steps => $steps, %how }));
	my $running = IPC::Run::start([ '/usr/bin/python3', dirname(__FILE__) . '/bound.py' ], '<', $plan, '>', \$out, '2>', \$err);

	$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE usename = 'app' AND wait_event = 'PgSleep'")
	  or die "it does not sleep: $out $err";
	my $seen = $node->safe_psql('postgres', 'SELECT a::text FROM pg_stat_activity a');
	$node->safe_psql('postgres', "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE usename = 'app'");
	$running->finish;
	$told .= $out . $err;
	like($out, qr/canceling statement/, 'a statement is canceled');
	return $seen;
}

my $sleeping = [ [ "SELECT agent_id, pg_sleep($PostgreSQL::Test::Utils::timeout_default) FROM ledger_agents.authenticate(%s)", [$second] ] ];
my $activity = seen_while($sleeping);
like($activity, qr/authenticate\(\$1\)/, 'others see the statement of a session that works');

#
# Over HTTP: the header Api-Key and JWTs, in requests that succeed and that fail
#
my $http_log = '';

sub over_http
{
	my $http = PostgREST->start($node, PGRST_DB_POOL => 1, PGRST_LOG_LEVEL => 'info', PGRST_DB_SCHEMAS => 'ledger_agents_api,peek');
	# What is set in a request, from its inside.
	my $settings = sub {
		return $http->request('POST', '/rpc/settings', headers => { 'Content-Profile' => 'peek' }, body => {}, @_)->{text};
	};
	my $tried = sub {
		my ($status, $what, @request) = @_;
		my $answer = $http->request('POST', @request);

		is($answer->{status}, $status, "HTTP: $what");
		$told .= join ' ', $answer->{text}, %{ $answer->{headers} };
		return $answer->{body};
	};
	my %again = ('Idempotency-Key' => 'once');
	my @issue = ('/rpc/create_agent_token', key => $key, headers => \%again, body => { agentId => $agent, name => 'over HTTP' });
	my $issued = $http->request('POST', @issue)->{body};
	my $jwt = PostgREST::jwt({ role => 'ledger_agents_web', organization_id => 'default', sub => 'somebody' });
	my $forged = PostgREST::jwt({ role => 'ledger_agents_web', organization_id => 'default' }, WEBHOOK_SECRET);

	like($issued->{token}, qr/^at_live_[0-9a-f]{76}$/, 'HTTP: a token is issued');
	$secrets{'token over HTTP'} = $issued->{token};
	$secrets{'secret of JWTs'} = PostgREST::SECRET;
	# Their signatures.
	$secrets{'JWT'} = $jwt;
	$secrets{'forged JWT'} = $forged;

	my $replayed = $tried->(200, 'the same request again', @issue);
	is_deeply([ @$replayed{ 'id', 'token' } ], [ $issued->{id}, undef ], 'gets the same answer, without the secret');
	$tried->(409, 'its key for another request', @issue[ 0 .. 4 ], body => { agentId => $agent });
	$tried->(200, 'a spend with a token', '/rpc/authorize', key => $issued->{token}, body => { amount => 1 });
	$tried->(200, 'with a JWT', '/rpc/get_agent', jwt => $jwt, body => { agentId => $agent });
	$tried->(200, 'a cookie', '/rpc/get_agent', key => $key, headers => { Cookie => "session=$first" }, body => { agentId => $agent });
	$tried->(401, 'a wrong key', '/rpc/authorize', key => substr($key, 0, -1) . 'x', body => { amount => 1 });
	$tried->(401, 'a JWT with a signature of another', '/rpc/authorize', jwt => $forged, body => { amount => 1 });
	$tried->(401, 'what is no JWT', '/rpc/authorize', jwt => $first, body => { amount => 1 });
	$tried->(401, 'claims that name nobody', '/rpc/authorize', jwt => { role => 'ledger_agents_web', organization_id => $first }, body => { amount => 1 });
	$tried->(400, 'a wrong amount', '/rpc/authorize', key => $first, body => { amount => 0 });
	$tried->(400, 'a malformed body', '/rpc/authorize', key => $first, body => '{"amount": ');
	$tried->(404, 'an unknown function', '/rpc/nothing', key => $first, body => { amount => 1 });
	$tried->(404, 'a token as the id of an agent', '/rpc/get_agent', key => $key, body => { agentId => $first });
	$tried->(400, 'a token where none belongs', '/rpc/authorize', key => $first, body => { amount => 1, token => $first });
	$tried->(400, 'a key as a currency', '/rpc/authorize', key => $first, body => { amount => 1, currency => $key });
	is($http->request('GET', '/', key => $first)->{status}, 200, 'HTTP: the description');

	# One connection serves all, and what a request brought is gone with it, also after errors.
	like($settings->(jwt => $jwt), qr/somebody/, 'HTTP: a request sees what it brought');
	unlike($settings->(), qr/somebody|authorization|api-key/, 'the next one sees nothing of it');
	like($settings->(key => $first), qr/api-key/, 'nor of a key');
	$tried->(400, 'one more error', '/rpc/authorize', key => $first, body => { amount => 0 });
	unlike($settings->(), qr/somebody|authorization|api-key/, 'nor of what failed');
	$tried->(401, 'who brings nothing is nobody', '/rpc/authorize', body => { amount => 1 });

	$activity .= $node->safe_psql('postgres', 'SELECT a::text FROM pg_stat_activity a');
	# What it has printed comes when it is waited for.
	$http->{process}->pump_nb for 1 .. 10;
	$http->stop;
	$http_log = $http->{log};
	like($http_log, qr{"POST /rpc/authorize HTTP/1.1" 401}, "PostgREST's log has the requests");
}

SKIP:
{
	skip PostgREST::missing(), 1 if PostgREST::missing();
	$node->safe_psql('postgres', slurp_file(dirname(__FILE__) . '/../../example/postgrest/roles.sql') . <<'SQL');
GRANT USAGE ON SCHEMA peek TO ledger_agents_web;
SQL
	over_http();
}

$node->safe_psql('postgres', "SELECT ledger_agents.revoke_agent_token('$third_id')");
like(use_token($third, '', 'extended'), qr/authentication failed/, 'a revoked one is refused');
$node->safe_psql('postgres', "SELECT ledger_agents.revoke_organization_key('$next_key_id')");
like(use_token($next_key, '', 'extended'), qr/authentication failed/, 'so is a revoked key');

# A token in the wrong place: no message repeats a value that may be one. (The server's own does, for what it cannot read
# as a uuid; no argument of that type is a place for a secret.)
for my $secret ($first, $key)
{
	for my $call (
		"SELECT ledger_agents.get_agent(external_id => :token);",
		"SELECT ledger_agents.authorize(amount => 1, currency => :token);",
		"SELECT ledger_agents.authorize(amount => 1, mcc => :token);",
		"SELECT ledger_agents.authorize(amount => 1, country => :token);",
		"SELECT ledger_agents.list_agents(after => :token);",
		"SELECT ledger_agents.list_agents(status => :token);",
		"SELECT ledger_agents.list_authorizations(decision => :token);")
	{
		ok(index(lc use_token($secret, $call, 'extended'), piece($secret)) < 0, "not repeated by: $call");
	}
}

#
# Where they are not
#
$node->safe_psql('postgres', 'ANALYZE; CHECKPOINT');
my $tables = $node->safe_psql('postgres', $node->safe_psql('postgres', <<'SQL'));
SELECT string_agg(format('SELECT t::text FROM %s t', oid::regclass), ' UNION ALL ') FROM pg_class
WHERE relnamespace = 'ledger_agents'::regnamespace AND relkind = 'r'
SQL
my $dump = "$dir/dump";
$node->command_ok([ 'pg_dump', '-f', $dump, 'postgres' ], 'pg_dump');
my %places = (
	"a client's answer or error" => $told,
	'a table' => $tables,
	'a dump' => slurp_file($dump),
	'pg_stat_statements' => $node->safe_psql('postgres', 'SELECT s::text FROM pg_stat_statements s'),
	'pg_stat_activity' => $activity,
	'pg_stats' => $node->safe_psql('postgres', 'SELECT s::text FROM pg_stats s'),
	"PostgREST's log" => $http_log);
$node->stop;
$places{"the server's log"} = slurp_file($node->logfile);
# Tables, indexes, what is left of deleted rows, the log of writes, statistics.
find({ no_chdir => 1, wanted => sub { $places{"the file $_"} = slurp_file($_) if -f $_ } }, $node->data_dir);

like($places{"the server's log"}, qr/authenticate\(\$1\)/, 'the log has the statements that were given secrets');
like($places{"the server's log"}, qr/duration: .* plan:/, 'their durations and plans');
like($places{"the server's log"}, qr/Query Text: SELECT .* FROM ledger_agents\.agents/, 'and those of statements inside functions');
like($places{'pg_stat_statements'}, qr/authenticate\(\$1\)/, 'the statistics have them, too');
ok(index($tables, substr($first, 0, 20)) >= 0, 'what may be shown is in a table');

sub where_is
{
	my ($piece) = @_;
	my $bytes = unpack 'H*', $piece;

	return grep { index($places{$_}, $piece) >= 0 || index($places{$_}, $bytes) >= 0 } sort keys %places;
}

$_ = lc $_ for values %places;
for my $name (sort keys %secrets)
{
	is_deeply([ where_is(piece($secrets{$name})) ], [], "the $name is nowhere");
}
ok(where_is(lc substr($first, 0, 20)) > 5, 'what may be shown is found in tables and files, the same way');

#
# Controls: a secret is found where it is given in another way, or where a setting is another one
#
$node->start;

# Whether the first token gets into the log by this statement, in a session of its own with these settings.
sub logs
{
	my ($statement, %how) = @_;
	my $settings = join ' ', map { "-c $_" } @{ delete $how{settings} // [] };
	my $before = -s $node->logfile;

	bound($node->connstr('postgres') . " options='$settings'", [ [ $statement, [$first] ] ], %how);
	return index(lc substr(slurp_file($node->logfile), $before), piece($first)) >= 0;
}

my $failing = "$authenticate, generate_series(1, 1 / (random() * 0)::int)";
my $condition = 'SELECT 1 WHERE ledger_agents.authenticate(%s) IS NOT NULL';
my @generic = ('plan_cache_mode=force_generic_plan');
my @verbose = ('auto_explain.log_verbose=on');

ok(!logs($authenticate), 'a parameter that is bound is not logged');
ok(logs($authenticate, client_side => 1), 'one that the driver writes into the statement is');
ok(logs($authenticate, settings => ['log_parameter_max_length=-1']), 'log_parameter_max_length: without it parameters are logged');
ok(!logs($failing), 'an error does not log them');
ok(logs($failing, settings => ['log_parameter_max_length_on_error=-1']), 'log_parameter_max_length_on_error: with it an error does');
ok(logs($authenticate, settings => \@verbose), 'auto_explain.log_verbose: verbose plans have the values of parameters');
ok(logs($condition), 'and conditions have them in any plan');
ok(!logs($authenticate, settings => [ @verbose, @generic ]), 'plans made for any value have none');
ok(!logs($condition, settings => \@generic), 'in conditions neither');
SKIP:
{
	skip 'auto_explain logs no parameters before 16', 1 if $node->safe_psql('postgres', 'SHOW server_version_num') < 160000;
	ok(logs($authenticate, settings => ['auto_explain.log_parameter_max_length=-1']), 'auto_explain.log_parameter_max_length: without it parameters are logged');
}
ok(index(seen_while($sleeping, client_side => 1), substr($second, -64, 24)) >= 0, 'a literal is seen in pg_stat_activity');
# From 18 on those of SET are not kept.
$node->safe_psql('postgres', "DO \$\$ BEGIN PERFORM '$first'; END \$\$; SELECT FROM ledger_agents.authenticate('$second')");
my $statistics = $node->safe_psql('postgres', 'SELECT string_agg(query, chr(10)) FROM pg_stat_statements');
ok(index($statistics, substr($first, -64, 24)) >= 0, 'pg_stat_statements keeps literals of commands');
ok(index($statistics, substr($second, -64, 24)) < 0, 'but not of queries');
$node->stop;

done_testing();
