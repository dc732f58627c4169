# Is the interface served as it is described: its OpenAPI, methods, pages of other origins, what is raised, a standby?
use strict;
use warnings;

use POSIX ();
use PostgREST;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => PostgREST::missing() if PostgREST::missing();

my $node = PostgreSQL::Test::Cluster->new('postgrest');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', "lc_messages = 'C'\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION ledger_agents');
my $key = $node->safe_psql('postgres', "SELECT key FROM ledger_agents.create_organization_key('test')");

# An application's own functions around ours, which have no argument and so can be asked by GET.
$node->safe_psql('postgres', <<'SQL');
CREATE SCHEMA wrapped;
CREATE FUNCTION wrapped.agents() RETURNS jsonb LANGUAGE sql STABLE RETURN ledger_agents_api.list_agents('{}');
CREATE FUNCTION wrapped.spend() RETURNS jsonb LANGUAGE sql VOLATILE RETURN ledger_agents_api.authorize('{"amount": 1}');
SQL
my $http = PostgREST->start($node, PGRST_DB_SCHEMAS => 'ledger_agents_api,wrapped');
$node->safe_psql('postgres', 'GRANT USAGE ON SCHEMA wrapped TO ledger_agents_web');

# What the database has of a kind.
sub value
{
	my ($query) = @_;

	return $node->safe_psql('postgres', $query);
}

my $answer = $http->call('register_agent', { externalId => 'a', userId => 'u', name => 'A' }, key => $key);
is($answer->{status}, 200, 'an agent is registered');
my ($agent, $token) = @{ $answer->{body} }{ 'id', 'token' };
like($token, qr/^at_live_/, 'it has a token');
like($answer->{headers}{'content-type'}, qr{^application/json}, 'the answer is JSON');

#
# OpenAPI
#
my $openapi = $http->request('GET', '/');
is($openapi->{status}, 200, 'GET / describes the interface');
is($openapi->{body}{info}{title}, 'ledger_agents', 'its title');
like($openapi->{body}{info}{description}, qr/^JSON interface of ledger_agents.*Api-Key/s, 'its description');
my $paths = $openapi->{body}{paths};
my @rpc = sort map { m{^/rpc/(.+)} } keys %$paths;
is(join(' ', @rpc), value(q{SELECT string_agg(proname, ' ' ORDER BY proname COLLATE "C") FROM pg_proc WHERE pronamespace = 'ledger_agents_api'::regnamespace AND prorettype <> 'trigger'::regtype}),
	'every function is there');
my @short;
for my $path (grep { $_ ne '/' } sort keys %$paths)
{
	for my $method (sort grep { ref $paths->{$path}{$_} eq 'HASH' } keys %{ $paths->{$path} })
	{
		my $operation = $paths->{$path}{$method};

		push @short, "$method $path"
		  unless ($operation->{summary} // '') =~ /^.{4,100}$/ && ($operation->{description} // '') =~ /^\S.{9,}/s;
	}
}
is(join(', ', @short), '', 'every path has a summary of one line, and a description');
unlike($openapi->{text}, qr/\b(?:lk|at)_live_/, 'no secret is in it');

#
# Methods
#
my $rows = 'SELECT (SELECT count(*) FROM ledger_agents.authorizations), (SELECT count(*) FROM ledger_agents.agents)';
my $before = value($rows);
for my $method ('PUT', 'PATCH', 'DELETE')
{
	is($http->request($method, '/rpc/authorize', body => { amount => 1 }, key => $token)->{status}, 405, "$method is no way to call a function");
}
for my $path ('/rpc/authorize', '/rpc/authorize?amount=1', '/rpc/register_agent?externalId=b', '/rpc/get_agent', '/rpc/nothing')
{
	is($http->request('GET', $path, key => $key)->{status}, 404, "GET $path has no document to give, and is not found");
}
is($http->request('GET', '/rpc/pre_request', key => $key)->{status}, 204, 'pre_request may be called, once more');
my %profile = (headers => { 'Accept-Profile' => 'wrapped', 'Content-Profile' => 'wrapped' });
$answer = $http->request('GET', '/rpc/agents', key => $key, %profile);
is($answer->{body}{data}[0]{id}, $agent, 'a function of the application may be asked by GET');
is($http->request('HEAD', '/rpc/agents', key => $key, %profile)->{status}, 200, 'and by HEAD');
for my $method ('GET', 'HEAD')
{
	$answer = $http->request($method, '/rpc/spend', key => $token, %profile);
	is($answer->{status}, 405, "$method spends nothing");
	is($answer->{body}{code}, '25006', 'since it is read-only') if $method eq 'GET';
}
is(value($rows), $before, 'and nothing was done');
is($http->call('spend', {}, key => $token, %profile)->{body}{decision}, 'approved', 'POST spends');

# What only reads runs read-only: the use of a key is not noted.
my $reader = value("SELECT key FROM ledger_agents.create_organization_key('reader')");
my $used = "SELECT last_used_at IS NOT NULL FROM ledger_agents.list_organization_keys() WHERE name = 'reader'";
is($http->call('list_agents', {}, key => $reader)->{status}, 200, 'a function that only reads');
is(value($used), 'f', 'writes nothing');
is($http->call('create_policy', { name => 'p' }, key => $reader)->{status}, 200, 'one that writes');
is(value($used), 't', 'notes the use of its key');

#
# A page of another origin
#
my %preflight = (
	Origin => 'https://console.example.com',
	'Access-Control-Request-Method' => 'POST',
	'Access-Control-Request-Headers' => 'api-key,content-type,idempotency-key,prefer');
$answer = $http->request('OPTIONS', '/rpc/authorize', headers => {%preflight});
is($answer->{status}, 200, 'a preflight');
is($answer->{headers}{'access-control-allow-origin'}, '*', 'any origin may call');
my %allowed = map { lc $_ => 1 } split /, */, $answer->{headers}{'access-control-allow-headers'};
is(join(' ', grep { !$allowed{$_} } 'api-key', 'authorization', 'content-type', 'idempotency-key', 'prefer'), '', 'with our headers');
like($answer->{headers}{'access-control-allow-methods'}, qr/\bPOST\b.*\bPATCH\b/, 'and methods');
for my $secret ($token, undef)
{
	$answer = $http->call('get_agent', { agentId => $agent }, defined $secret ? (key => $secret) : (), headers => { Origin => $preflight{Origin} });
	is($answer->{status}, $secret ? 200 : 401, 'the call itself');
	is($answer->{headers}{'access-control-allow-origin'}, '*', 'may be read by the page, an error, too');
}

#
# What is raised
#
my $holder = $node->background_psql('postgres');
$holder->query_safe("BEGIN; SELECT ledger_agents.authorize('$agent', 1)");
($answer) = $http->at_once([ call => 'authorize', { amount => 1 }, key => $token ]);
is($answer->{status}, 500, 'who waits too long for another one');
is($answer->{body}{code}, '55P03', 'is told so');

my $canceler = fork // die "cannot fork: $!";
if ($canceler == 0)
{
	# Who waits is ended by an administrator, as soon as somebody waits.
	$node->poll_query_until('postgres', q{
		SELECT count(*) = 1 FROM (SELECT pg_cancel_backend(pid) FROM pg_stat_activity
		WHERE usename = 'ledger_agents_authenticator' AND wait_event_type = 'Lock') AS canceled});
	POSIX::_exit(0);
}
$answer = $http->call('authorize', { amount => 1 }, key => $token, headers => { 'Idempotency-Key' => 'canceled' });
waitpid $canceler, 0;
is($answer->{status}, 500, 'a request that is canceled');
is($answer->{body}{code}, '57014', 'is told so');
unlike($answer->{text}, qr/\bat_live_/, 'without its secret');
$holder->query_safe('ROLLBACK');
$holder->quit;
is(value('SELECT count(*) FROM ledger_agents.authorizations'), '1', 'and has done nothing');
$answer = $http->call('authorize', { amount => 1 }, key => $token, headers => { 'Idempotency-Key' => 'canceled' });
is($answer->{body}{decision}, 'approved', 'it may come again with its key');
is($answer->{body}{replayed}, JSON::PP::false, 'and is decided then');

#
# The example
#
my $printed = $http->example('calls', [], LEDGER_AGENTS_KEY => $key);
like($printed, qr/^All was as told\.$/m, 'the calls of the example are answered as it tells');
unlike($printed, qr/(?:lk|at)_live_[0-9a-f]{13}/, 'without printing secrets');
is(value('SELECT * FROM ledger_agents.check_invariants()'), '', 'the books are right');
$http->stop;

#
# A standby
#
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$http = PostgREST->start($standby);
is($http->call('evaluate', { amount => 1 }, key => $token)->{body}{decision}, 'approved', 'a standby evaluates');
is($http->call('list_agents', {}, key => $key)->{status}, 200, 'and reads');
is($http->call('list_agents', {}, key => "${key}0")->{status}, 401, 'for whoever may');
# PostgREST begins a transaction that writes, which a standby refuses before any function is called.
$answer = $http->call('authorize', { amount => 1 }, key => $token);
is("$answer->{status} $answer->{body}{code}", '400 0A000', 'what would write is refused');
$http->stop;
$standby->stop;
$node->stop;
done_testing();
