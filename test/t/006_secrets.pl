# Does a secret stay where it belongs?
#
# The server logs every statement and its duration. Secrets are given as the README
# says, as parameters, and the parameters of statements are not logged. After every
# way of getting, using and misusing a token, each of them is looked for in the
# log, in what clients were told, in every table and in a dump.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('secrets');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
timezone = 'UTC'
autovacuum = off
log_statement = all
log_min_duration_statement = 0
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
log_error_verbosity = verbose
CONF
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION ledger_agents;
CREATE ROLE app LOGIN;
SELECT ledger_agents.grant_access('app', 'api');
SQL

my $dir = PostgreSQL::Test::Utils::tempdir;
my @secrets;
my $errors = '';

# Every way to get one. What the call answers is the only place where it appears.
my ($agent, $first) = split /\|/, $node->safe_psql('postgres', q{SELECT id, token FROM ledger_agents.register_agent('a', 'customer')});
push @secrets, $first;
my ($second_id, $second) = split /\|/, $node->safe_psql('postgres', "SELECT id, token FROM ledger_agents.create_agent_token('$agent', 'name', '2100-01-01')");
push @secrets, $second;
my ($third_id, $third) = split /\|/, $node->safe_psql('postgres', "SELECT id, token FROM ledger_agents.rotate_agent_token('$second_id', '1 hour')");
push @secrets, $third;
push @secrets, $node->safe_psql('postgres',
	q{SELECT ledger_agents_api.register_agent('{"externalId": "b", "userId": "customer", "name": "n"}') ->> 'token'});
is(scalar(grep { /^at_live_[0-9a-f]{76}$/ } @secrets), 4, 'four tokens were issued');
my ($key_id, $key) = split /\|/, $node->safe_psql('postgres', "SELECT id, key FROM ledger_agents.create_organization_key('name', '2100-01-01')");
push @secrets, $key;
my ($next_key_id, $next_key) = split /\|/, $node->safe_psql('postgres', "SELECT id, key FROM ledger_agents.rotate_organization_key('$key_id', '1 hour')");
push @secrets, $next_key;
is(scalar(grep { /^lk_live_[0-9a-f]{76}$/ } @secrets), 2, 'and two keys');

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
	$errors .= $out . $err;
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
$node->safe_psql('postgres', "SELECT ledger_agents.revoke_agent_token('$third_id')");
like(use_token($third, '', 'extended'), qr/authentication failed/, 'a revoked one is refused');
$node->safe_psql('postgres', "SELECT ledger_agents.revoke_organization_key('$next_key_id')");
like(use_token($next_key, '', 'extended'), qr/authentication failed/, 'so is a revoked key');
is($node->safe_psql('postgres', 'SELECT count(*) FROM ledger_agents.authorizations'), '2', 'two spends were made with one');

# The log grows by what was said until here.
$node->stop;
my $log = slurp_file($node->logfile);
$node->start;
like($log, qr/authenticate\(\$1\)/, 'the log has the statements that were given secrets');
like($log, qr/duration: .* ms/, 'and their durations');

my $tables = $node->safe_psql('postgres', $node->safe_psql('postgres', <<'SQL'));
SELECT string_agg(format('SELECT t::text FROM %s t', oid::regclass), ' UNION ALL ') FROM pg_class
WHERE relnamespace = 'ledger_agents'::regnamespace AND relkind = 'r'
SQL
my $dump = "$dir/dump";
$node->command_ok([ 'pg_dump', '-f', $dump, 'postgres' ], 'pg_dump');

# The last 64 characters are the secret; a piece of them gives too much away, too.
for my $number (0 .. $#secrets)
{
	my $piece = substr($secrets[$number], -64, 24);
	my $name = 'secret ' . ($number + 1);

	ok(index($log, $piece) < 0, "$name is not in the server's log");
	ok(index($errors, $piece) < 0, "$name is in no error that a client was shown");
	ok(index($tables, $piece) < 0, "$name is in no table");
	ok(index(slurp_file($dump), $piece) < 0, "$name is not in a dump");
	ok(index($tables, unpack('H*', $piece)) < 0, "$name is not in a table as bytes");
}

# A token in the wrong place: no message repeats a value that may be one. (The server's own does, for what it cannot read
# as a uuid; no argument of that type is a place for a secret.)
for my $secret ($first, $key)
{
	my $piece = substr($secret, -64, 24);
	for my $call (
		"SELECT ledger_agents.get_agent(external_id => :token);",
		"SELECT ledger_agents.authorize(amount => 1, currency => :token);",
		"SELECT ledger_agents.authorize(amount => 1, mcc => :token);",
		"SELECT ledger_agents.authorize(amount => 1, country => :token);",
		"SELECT ledger_agents.list_agents(after => :token);",
		"SELECT ledger_agents.list_agents(status => :token);",
		"SELECT ledger_agents.list_authorizations(decision => :token);")
	{
		ok(index(lc use_token($secret, $call, 'extended'), $piece) < 0, "not repeated by: $call");
	}
}

# The control: what is looked for is found where it is.
ok(index($tables, substr($first, 0, 20)) >= 0, 'what may be shown is in a table');
$node->psql('postgres', "SELECT ledger_agents.authenticate('$first')");
$node->stop;
ok(index(slurp_file($node->logfile), substr($first, -64, 24)) >= 0, 'a secret that is written into the statement is found in the log');

done_testing();
