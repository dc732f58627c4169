# Who is a request from, through a real PostgREST, and does anybody learn of another tenant?
#
# The other tenant's names and ids are canaries: no answer may have one.  One connection serves all requests, so that
# whoever comes next sits where somebody else has just sat.
use strict;
use warnings;

use PostgREST;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => PostgREST::missing() if PostgREST::missing();

my $node = PostgREST::server('jwt');

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

sql(<<'SQL');
CREATE ROLE no_rights NOLOGIN;
SQL
my $http = PostgREST->start($node, PGRST_DB_POOL => 1);
sql('GRANT no_rights TO ledger_agents_authenticator');
my @told;		# every answer that is given

sub call
{
	my ($function, $body, %with) = @_;
	my $answer = $http->call($function, $body, %with);

	push @told, "$answer->{text} " . join ' ', map { "$_: " . ($answer->{headers}{$_} // '') } keys %{ $answer->{headers} };
	return $answer;
}

# Status and code of an answer, in either form.
sub outcome
{
	my $body = $_[0]{body};

	return "$_[0]{status} " . (ref $body ne 'HASH' ? '' : ref $body->{error} ? $body->{error}{code} : $body->{code} // 'ok');
}

# The organization that has no row yet.
is(outcome(call('list_agents', {}, jwt => { organization_id => 'default' })), '200 ok', 'the organization default is there before it has a row');

# Two tenants, of one shape.
my (%key, %token, %agent, %intent, %spend);
for my $org ('mine', 'canary-org')
{
	sql("SELECT ledger_agents.create_organization('$org', 'name of $org')");
	sql("SELECT ledger_agents.create_policy('policy of $org', '{\"requireIntent\": false}', organization_id => '$org')");
	$key{$org} = sql("SELECT key FROM ledger_agents.create_organization_key('key of $org', organization_id => '$org')");
	for my $name ("agent-of-$org", "sibling-of-$org")
	{
		($agent{$name}, $token{$name}) = split /\|/,
		  sql("SELECT id, token FROM ledger_agents.register_agent('$name', 'customer-of-$org', spending_limit => 777777, organization_id => '$org')");
		$intent{$name} = sql("SELECT id FROM ledger_agents.declare_intent('$agent{$name}', summary => 'summary of $org', organization_id => '$org')");
		$spend{$name} = sql("SELECT id FROM ledger_agents.authorize('$agent{$name}', 13, idempotency_key => 'key-of-$org', organization_id => '$org')");
	}
}
my ($mine, $sibling, $foreign) = @agent{ 'agent-of-mine', 'sibling-of-mine', 'agent-of-canary-org' };
my $claims = { organization_id => 'mine', sub => 'user-7' };

#
# A JWT
#
my $soon = time + 600;
is(outcome(call('list_agents', {}, jwt => { %$claims, exp => $soon, role => 'ledger_agents_web' })), '200 ok', 'a JWT with the role');
is(outcome(call('list_agents', {}, jwt => { %$claims, exp => $soon })), '200 ok', 'and without one');
my $answer = call('create_agent', { externalId => 'by claims', customerId => 'customer-of-mine' }, jwt => $claims);
is(outcome($answer), '200 ok', 'the organization acts by its claims');
is(sql("SELECT principal, database_role FROM ledger_agents.configuration_changes WHERE object_id = '$answer->{body}{id}'"),
	'claims:user-7|ledger_agents_web', 'and is recorded by its subject');
$answer = call('authorize', { amount => 1 }, jwt => { %$claims, agent_id => $mine });
is($answer->{body}{agentId}, $mine, 'an agent by its claims');
is(outcome(call('update_agent', { agentId => $mine, spendingLimit => 1 }, jwt => { %$claims, agent_id => $mine })), '403 not_allowed', 'may not what agents may not');
is(outcome(call('get_agent', { agentId => $sibling }, jwt => { %$claims, agent_id => $mine })), '404 unknown_agent', 'and knows no other');
$answer = $http->example('make-jwt', [ '--lifetime', 60, '--subject', 'maker', 'mine', $mine ]);
chomp $answer;
is(call('get_agent', { agentId => $mine }, jwt => $answer)->{body}{externalId}, 'agent-of-mine', 'make-jwt makes one');

my $good = PostgREST::jwt($claims);
my ($head, $payload, $signature) = split /\./, $good;
my $none = PostgREST::jwt($claims, '', 'none');
$none =~ s/[^.]+$//;
for my $refused (
	[ PostgREST::jwt($claims, 'another-secret-0123456789abcdef-0123456789'), 'of another secret' ],
	[ PostgREST::jwt({ %$claims, exp => time - 600 }), 'expired' ],
	[ PostgREST::jwt({ %$claims, nbf => time + 600 }), 'not valid yet' ],
	[ PostgREST::jwt({ %$claims, exp => 'soon' }), 'of a time that is none' ],
	[ $none, 'of the algorithm none' ],
	[ PostgREST::jwt($claims, undef, 'HS512'), 'of another algorithm than it says' ],
	[ PostgREST::jwt('no JSON'), 'whose claims are no JSON' ],
	[ PostgREST::jwt('["organization_id"]'), 'whose claims are no object' ],
	[ PostgREST::jwt('null'), 'whose claims are null' ],
	[ "$head.$payload", 'without a signature' ],
	[ (split /\./, PostgREST::jwt({ organization_id => 'canary-org' }))[0, 1] . ".$signature", 'of other claims than were signed' ],
	[ $key{mine}, 'that is a key' ],
	[ PostgREST::jwt({ organization_id => 'nowhere' }), 'of an organization that does not exist' ],
	[ PostgREST::jwt({ organization_id => 'nowhere', agent_id => $mine }), 'of an agent in no organization' ],
	[ PostgREST::jwt({ %$claims, agent_id => $foreign }), 'of another tenant\'s agent' ],
	[ PostgREST::jwt({ %$claims, agent_id => '01890a5d-ac96-774b-bcce-b302099a8057' }), 'of an agent that does not exist' ],
	[ PostgREST::jwt({ %$claims, agent_id => undef }), 'whose agent is null' ],
	[ PostgREST::jwt({ %$claims, agent_id => 'agent-of-mine' }), 'whose agent is a name' ],
	[ PostgREST::jwt({ agent_id => $mine }), 'of an agent alone' ],
	[ PostgREST::jwt({ organization_id => undef }), 'whose organization is null' ],
	[ PostgREST::jwt({ organization_id => ['mine'] }), 'whose organization is a list' ],
	[ PostgREST::jwt({ %$claims, sub => 5 }), 'whose subject is a number' ],
	[ PostgREST::jwt({}), 'that claims nothing' ],
	[ PostgREST::jwt({ organisation_id => 'mine', role => 'ledger_agents_web' }), 'that claims nothing of ours' ])
{
	my ($jwt, $what) = @$refused;

	$answer = call('list_agents', {}, jwt => $jwt);
	is($answer->{status}, 401, "a JWT $what");
	ok(!exists $answer->{body}{data}, '... is told nothing') if ref $answer->{body} eq 'HASH';
}

# What the database says of a role PostgREST hands on; the JWT was signed, so that it is its issuer who is wrong.
my $superuser = sql('SELECT current_user');
for my $role ([ no_rights => '403 42501' ], [ ledger_agents_authenticator => '403 42501' ], [ $superuser => '403 42501', 'superuser' ], [ no_role => '400 22023' ])
{
	my ($name, $want, $what) = @$role;

	is(outcome(call('list_agents', {}, jwt => { %$claims, role => $name })), $want, 'a JWT of the role ' . ($what // $name) . ' is refused');
}

#
# Api-Key
#
is(outcome(call('list_agents', {}, key => $key{mine})), '200 ok', 'a key');
my ($revoked_id, $revoked) = split /\|/, sql("SELECT id, key FROM ledger_agents.create_organization_key('revoked', organization_id => 'mine')");
my ($expired_id, $expired) = split /\|/, sql("SELECT id, key FROM ledger_agents.create_organization_key('expired', organization_id => 'mine')");
my ($token_id, $token) = split /\|/, sql("SELECT id, token FROM ledger_agents.create_agent_token('$mine', 'revoked', organization_id => 'mine')");
is(join(' ', map { outcome(call('list_agents', {}, key => $_)) } $revoked, $expired, $token), '200 ok 200 ok 200 ok', 'keys and a token work');
sql("SELECT ledger_agents.revoke_organization_key('$revoked_id', 'mine'), ledger_agents.revoke_agent_token('$token_id', 'mine')");
sql("UPDATE ledger_agents.organization_keys SET expires_at = created_at WHERE id = '$expired_id'");
for my $refused (
	[ $revoked, 'revoked' ], [ $expired, 'expired' ], [ $token, 'revoked, of an agent' ], [ '', 'empty' ], [ 'x', 'short' ],
	[ substr($key{mine}, 0, -1), 'cut' ], [ uc $key{mine}, 'in upper case' ], [ "Bearer $key{mine}", 'with a word before it' ], [ 'lk_live_' . '0' x 76, 'unknown' ])
{
	is(outcome(call('list_agents', {}, key => $refused->[0])), '401 PT401', "a key that is $refused->[1]");
}
is(outcome(call('list_agents', {})), '401 not_authenticated', 'nobody');
is(outcome(call('authorize', { agentId => $mine, amount => 1 })), '401 not_authenticated', 'nobody spends');
is(outcome(call('list_agents', {}, headers => { Authorization => 'Basic ' . $key{mine} })), '401 not_authenticated', 'another scheme is nobody');

# Two at once: the header Api-Key is who it is, and a JWT has to be one.
is(call('authorize', { amount => 1 }, key => $token{'sibling-of-mine'}, jwt => { %$claims, agent_id => $mine })->{body}{agentId}, $sibling, 'the key wins over claims');
is(outcome(call('list_agents', {}, key => $key{mine}, jwt => PostgREST::jwt($claims, 'x' x 40))), '401 PGRST301', 'but not over a JWT that is forged');
is(outcome(call('list_agents', {}, key => 'x', jwt => $claims)), '401 PT401', 'a wrong key is not made up for by claims');

# A tenant's kill switch: its keys read on, and declines are answers.
sql("SELECT ledger_agents.create_organization('stopped')");
my $stopped = sql("SELECT key FROM ledger_agents.create_organization_key('stopped', organization_id => 'stopped')");
my ($agent_stopped, $token_stopped) = split /\|/, sql("SELECT id, token FROM ledger_agents.register_agent('a', 'c', organization_id => 'stopped')");
is(call('update_organization', { status => 'suspended' }, key => $stopped)->{body}{status}, 'suspended', 'an organization is suspended');
$answer = call('authorize', { amount => 1 }, key => $token_stopped);
is("$answer->{status} $answer->{body}{reason}", '200 organization_suspended', 'its agents are declined');
is(call('get_agent', { agentId => $agent_stopped }, key => $stopped)->{body}{status}, 'active', 'its key reads');
is(call('update_organization', { status => 'active' }, key => $stopped)->{body}{status}, 'active', 'and ends it');

#
# One connection, many identities
#
is(sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'ledger_agents_authenticator' AND query !~ '^LISTEN'"), '1', 'one connection serves all');
my @principals = (
	[ [ key => $token{'agent-of-mine'} ], $mine ],
	[ [], 'not_authenticated' ],
	[ [ key => $token{'sibling-of-mine'} ], $sibling ],
	[ [ jwt => { %$claims, agent_id => $mine } ], $mine ],
	[ [ key => 'x' ], 'PT401' ],
	[ [ jwt => {} ], 'not_authenticated' ],
	[ [ key => $key{mine} ], 'null_value' ],
	[ [ jwt => { %$claims, role => 'no_rights' } ], '42501' ],
	[ [ jwt => $claims ], 'null_value' ],
	[ [ headers => { 'X-Api-Key' => $key{mine} } ], 'not_authenticated' ]);
srand 14;
my @turns = map { $principals[ rand @principals ] } 1 .. 200;
my @wrong;
for my $turn (@turns)
{
	# An error in between, and a body that PostgREST itself refuses.
	call('authorize', { amount => 0 }, @{ $turn->[0] }) if rand() < 0.2;
	call('authorize', 'x', @{ $turn->[0] }) if rand() < 0.2;
	$answer = call('authorize', { amount => 1 }, @{ $turn->[0] });
	my $who = $answer->{body}{agentId} // $answer->{body}{error}{code} // $answer->{body}{code};
	push @wrong, "$who instead of $turn->[1]" if $who ne $turn->[1];
}
is(join(', ', @wrong), '', 'whoever comes is who it is, whoever came before');
@wrong = grep { $_->[0]{status} != 200 || $_->[0]{body}{agentId} ne $_->[1] } do
{
	my @spenders = ([ 'agent-of-mine', $mine ], [ 'sibling-of-mine', $sibling ]) x 10;
	my @answers = $http->at_once(map { [ call => 'authorize', { amount => 1 }, key => $token{ $_->[0] } ] } @spenders);
	map { [ $answers[$_], $spenders[$_][1] ] } 0 .. $#answers;
};
is(scalar(@wrong), 0, 'also at once');

#
# Another tenant
#
for my $who ([ 'a key', key => $key{mine} ], [ 'claims', jwt => $claims ], [ 'an agent', key => $token{'agent-of-mine'} ])
{
	my ($name, @who) = @$who;
	my @found;

	for my $call (
		[ get_agent => agentId => $foreign ], [ get_agent => externalId => 'agent-of-canary-org' ], [ agent_budget => agentId => $foreign ],
		[ authorize => agentId => $foreign, amount => 1 ], [ authorize => agentId => $foreign, amount => 1, idempotencyKey => 'key-of-canary-org' ],
		[ evaluate => agentId => $foreign, amount => 1 ], [ get_authorization => authorizationId => $spend{'agent-of-canary-org'} ],
		[ explain_authorization => authorizationId => $spend{'agent-of-canary-org'} ], [ get_intent => intentId => $intent{'agent-of-canary-org'} ],
		[ declare_intent => agentId => $foreign, summary => 's' ], [ cancel_intent => intentId => $intent{'agent-of-canary-org'} ],
		[ attest => agentId => $foreign, summary => 's' ])
	{
		my ($function, %body) = @$call;

		$answer = call($function, \%body, @who);
		push @found, "$function: " . outcome($answer) unless $answer->{status} == 404 && $answer->{body}{error}{type} eq 'not_found_error';
	}
	is(join(', ', @found), '', "$name: another tenant's ids are unknown");
	is(outcome(call($_, { limit => 100 }, @who)), '200 ok', "$name: $_") for 'list_agents', 'list_authorizations', 'list_intents';
}
for my $call (
	[ capture => authorizationId => $spend{'agent-of-canary-org'} ], [ reverse => authorizationId => $spend{'agent-of-canary-org'} ],
	[ update_agent => agentId => $foreign, name => 'n' ], [ deregister_agent => agentId => $foreign ], [ approve_intent => intentId => $intent{'agent-of-canary-org'} ],
	[ create_card => agentId => $foreign ], [ create_agent_token => agentId => $foreign ], [ list_agent_tokens => agentId => $foreign ],
	[ get_customer => customerId => 'customer-of-canary-org' ], [ effective_policy => agentId => $foreign ])
{
	my ($function, %body) = @$call;

	is(outcome(call($function, \%body, key => $key{mine})) =~ /^404 unknown_/ ? '404' : 'not 404', '404', "another tenant's are unknown to $function");
}
call('register_agent', { externalId => 'agent-of-canary-org', userId => 'u', name => 'n' }, key => $key{mine});
call('poll_events', { consumer => 'c', limit => 1000 }, key => $key{mine});
call('list_agents', {}, key => $_) for ($revoked, $token);

# Names that we have sent ourselves come back in what we own.
my @secret = (
	map({ $agent{$_}, $intent{$_}, $spend{$_} } 'agent-of-canary-org', 'sibling-of-canary-org'),
	'name of canary-org', 'policy of canary-org', 'summary of canary-org', 'sibling-of-canary-org', 'customer-of-canary-org');
my $told = join "\n", @told;
is(scalar(grep { index($told, $_) >= 0 } $sibling, 'sibling-of-mine', 'customer-of-mine'), 3, 'our own names were told');
is(join(' ', grep { index($told, $_) >= 0 } @secret), '', 'nothing of another tenant is in any of ' . @told . ' answers');
is(join(' ', grep { index($told, substr($_, 20)) >= 0 } values %key, values %token, $revoked, $expired), '', 'nor is a secret that was sent');
is(sql('SELECT * FROM ledger_agents.check_invariants()'), '', 'the books are right');
is(sql("SELECT count(*) FROM ledger_agents.authorizations WHERE organization_id = 'canary-org'"), '2', 'the other tenant has what it had');

$http->stop;
$node->stop;
done_testing();
