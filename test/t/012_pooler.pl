# Does anybody become somebody else behind a pooler in transaction mode?
#
# pgbouncer gives one server connection to fifty clients of ten tenants in turn. pooler.py makes their requests: with a
# key, a token, or nothing, ended in every way in which a transaction ends, and looks at whom each answer is for.
# POOLER_REQUESTS and POOLER_SEED make it go further and elsewhere.
use strict;
use warnings;

use File::Basename qw(dirname);
use IPC::Run ();
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

use constant TENANTS => 10;
use constant CLIENTS => 50;
use constant PATIENCE => 600;

# A number also in the document for pooler.py.
my $requests = 0 + ($ENV{POOLER_REQUESTS} // 20_000);
my $seed = $ENV{POOLER_SEED} // 12;
my $tenants = TENANTS;
my $clients = CLIENTS;

my $node = PostgreSQL::Test::Cluster->new('pooled');
$node->init;
$node->append_conf('postgresql.conf', <<"CONF");
timezone = 'UTC'
fsync = off
max_prepared_transactions = $clients
CONF
$node->start;

# In every organization an agent "shopper", one that is busy, and one for each client: "client 7 of tenant 7".
$node->safe_psql('postgres', <<"SQL");
CREATE EXTENSION ledger_agents;
CREATE ROLE app LOGIN;
SELECT ledger_agents.grant_access('app', 'api');
CREATE TABLE tenant AS
SELECT o.id, k.key, s.id AS shopper, b.id AS busy
FROM generate_series(0, $tenants - 1) AS n, ledger_agents.create_organization('tenant ' || n) AS o,
    ledger_agents.create_organization_key(organization_id => o.id) AS k,
    ledger_agents.register_agent('shopper', 'c', name => 'shopper of ' || o.id, organization_id => o.id) AS s,
    ledger_agents.register_agent('busy', 'c', name => 'busy of ' || o.id, organization_id => o.id) AS b;
CREATE TABLE client AS
SELECT n, t.id AS organization, a.id AS agent, a.name, a.token
FROM generate_series(0, $clients - 1) AS n, tenant AS t,
    ledger_agents.register_agent('client ' || n, 'c', name => format('client %s of %s', n, t.id), organization_id => t.id) AS a
WHERE t.id = 'tenant ' || n % $tenants;
SQL
my $document = $node->safe_psql('postgres', <<"SQL");
SELECT json_agg(json_build_object('organization', c.organization, 'name', c.name, 'agent', c.agent, 'token', c.token,
    'key', t.key, 'busy_agent', t.busy, 'foreign_organization', o.id, 'foreign_agent', o.shopper,
    'agents', (SELECT json_agg(id) FROM ledger_agents.agents WHERE organization_id = t.id)) ORDER BY n)
FROM client c JOIN tenant t ON t.id = c.organization JOIN tenant o ON o.id = 'tenant ' || (n + 1) % $tenants
SQL

my $dir = PostgreSQL::Test::Utils::tempdir_short;
my ($host, $port) = ($node->host, $node->port);
append_to_file("$dir/users", qq{"app" ""\n});
append_to_file("$dir/pgbouncer.ini", <<"INI");
[databases]
postgres = host=$host port=$port
[pgbouncer]
pool_mode = transaction
default_pool_size = 1
max_client_conn = 200
listen_addr =
listen_port = 6432
unix_socket_dir = $dir
auth_type = trust
auth_file = $dir/users
log_connections = 0
log_disconnections = 0
INI
my $log = '';
my $pooler = IPC::Run::start([ 'pgbouncer', "$dir/pgbouncer.ini" ], '<', \undef, '>&', \$log);

# Also when the test dies.
END
{
	local $?;
	$pooler->kill_kill(grace => 5) if $pooler;
}

my $pooled = "host=$dir port=6432 dbname=postgres user=app";
for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
{
	last if IPC::Run::run([ 'psql', '-X', '-d', $pooled, '-c', 'SELECT 1' ], '<', \undef, '>', \my $out, '2>', \my $err);
	$pooler->pump_nb;
	die "pgbouncer ended: $log" unless $pooler->pumpable;
	usleep(100_000);
}

my ($out, $err) = ('', '');
my $plan = encode_json(
	{
		pooled => $pooled,
		direct => $node->connstr('postgres'),
		requests => $requests,
		seed => $seed,
		clients => decode_json($document)
	});
my $ended = eval {
	IPC::Run::run([ '/usr/bin/python3', dirname(__FILE__) . '/pooler.py' ], '<', \$plan, '>', \$out, '2>', \$err, IPC::Run::timeout(PATIENCE));
};
die "the clients did not come to an end: $@ $err $out" unless $ended;
my $told = decode_json($out);
my %kinds = %{ $told->{kinds} };

is($told->{problem}, undef, 'every answer was for who asked, and nobody got none');
my $made = 0;
$made += $_ for values %kinds;
is($made, $requests, 'all requests were made');
is_deeply([ grep { !$kinds{$_} } qw(committed rolled_back alone nobody nobody_in_transaction failed undone released twice settings prepared left canceled canceled_waiting) ],
	[], 'of every kind');
# A process whose client hung up is not used again.
cmp_ok($told->{backends}, '<=', 1 + ($kinds{left} // 0), 'through one connection at a time');
note("$_: $kinds{$_}") for sort keys %kinds;

# What the server has is what the clients did.
is($node->safe_psql('postgres', <<'SQL'), '', 'every authorization stands where who asked for it belongs');
SELECT a.organization_id, a.metadata FROM ledger_agents.authorizations a
LEFT JOIN client c ON c.organization = a.organization_id AND c.agent = a.agent_id AND c.name = a.merchant AND c.name = a.metadata ->> 'client'
WHERE c.n IS NULL
SQL
my %spent = map { split /\|/ } split /\n/, $node->safe_psql('postgres', <<'SQL');
SELECT c.name, count(a.id) FROM client c LEFT JOIN ledger_agents.authorizations a ON (a.organization_id, a.agent_id) = (c.organization, c.agent) GROUP BY 1
SQL
is_deeply(\%spent, $told->{spent}, 'each client has what it committed, and nothing else');
cmp_ok(scalar(grep { $_ > 0 } values %spent), '==', CLIENTS, 'and everyone has committed something') if $requests >= 20_000;
is($node->safe_psql('postgres', 'SELECT count(*) FROM pg_prepared_xacts'), '0', 'no prepared transaction is left');
is($node->safe_psql('postgres', 'SELECT * FROM ledger_agents.check_invariants()'), '', 'the books are right');

$pooler->kill_kill(grace => 5);
undef $pooler;
$node->stop;
done_testing();
