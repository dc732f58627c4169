# Are the published bodies answered with the published fields, and is whatever is wrong with a request said in one way?
use strict;
use warnings;

use JSON::PP;
use PostgREST;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => PostgREST::missing() if PostgREST::missing();

my $node = PostgREST::server('answers');

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

my $key = sql("SELECT key FROM ledger_agents.create_organization_key('test')");
my $http = PostgREST->start($node);

sub call
{
	my ($function, $body, %with) = @_;

	return $http->call($function, $body, key => $key, %with);
}

sub fields
{
	return join ' ', sort keys %{ $_[0] };
}

#
# The published bodies, every field of them, with values that are in range
#
my $template = call('create_policy', { name => 'template', blockedMccs => ['7995'] })->{body}{id};
my %register = (
	externalId => 'x1', userId => 'u', name => 'n', description => 'd', spendingLimit => 123, spendingLimitFrequency => 'perTransaction',
	onLimitExceeded => 'suspend', maxCards => 123, defaultCardLimit => 123, defaultCardLimitFrequency => 'perTransaction',
	defaultPolicyId => $template, metadata => {});
my $registered = call('register_agent', \%register);
is($registered->{status}, 200, 'register: 200');
is(fields($registered->{body}), 'created externalId id name object status token tokenId userId', 'register: the published fields');
is_deeply([ @{ $registered->{body} }{ 'object', 'created', 'externalId', 'userId', 'name', 'status' } ], [ 'agent', JSON::PP::true, 'x1', 'u', 'n', 'active' ], 'register: and what they say');
my ($agent, $token) = @{ $registered->{body} }{ 'id', 'token' };
my $again = call('register_agent', { %register, spendingLimit => 999 });
is_deeply($again->{body}, { %{ $registered->{body} }, created => JSON::PP::false, token => undef, tokenId => undef }, 'registered again: the same agent, and null for the token');

my %limits = (perAuth => 123, perDay => 123, perMonth => 123);
my %policy = (
	requireIntent => JSON::PP::true, requireAttestation => JSON::PP::true, requireApproval => JSON::PP::true, autoApproveBelow => 123,
	attestationWindowMinutes => 60, cooldownMinutes => 123, ttlMinutes => 123, ttlDays => 123, limits => \%limits, allowedMccs => ['5411'],
	blockedMccs => ['7995'], allowedMerchants => ['<string>'], lockToFirstMerchant => JSON::PP::true);
my %create = (
	customerId => 'c', externalId => 'x2', name => 'n', status => 'active', limits => { amount => 123, currency => 'USD', interval => 'monthly' },
	policy => \%policy, metadata => {});
my $created = call('create_agent', \%create);
is($created->{status}, 200, 'create: 200');
my ($id, $at) = @{ $created->{body} }{ 'id', 'createdAt' };
is_deeply($created->{body}, { %create, id => $id, createdAt => $at }, 'create: what was sent, id and createdAt');
like($at, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/, 'create: an instant in ISO 8601');

my %update = (
	name => 'other', description => 'd', status => 'active', spendingLimit => 123, spendingLimitFrequency => 'perTransaction', onLimitExceeded => 'suspend',
	metadata => { a => 1 });
sql(qq{SELECT ledger_agents.update_agent('$agent', '{"default_require_approval": true, "default_auto_approve_below": 123}')});
my $updated = call('update_agent', { agentId => $agent, %update });
is($updated->{status}, 200, 'update: 200');
is( fields($updated->{body}),
	'cardCount createdAt currentSpend defaultAutoApproveBelow defaultRequireApproval description externalId id maxCards metadata name onLimitExceeded spendingLimit spendingLimitFrequency status userId',
	'update: the published fields, but deregisteredAt, which has no value');
is_deeply({ map { $_ => $updated->{body}{$_} } keys %update }, \%update, 'update: what was sent');
like($updated->{text}, qr/"createdAt": 1\d{12}\b/, 'update: an instant in milliseconds');
like(call('deregister_agent', { agentId => $id })->{text}, qr/"deregisteredAt": 1\d{12}\b/, 'deregisteredAt, once it has a value');
is(call($_->[0], decode_json(slurp_file("example/$_->[1].json")))->{status}, 200, "example/$_->[1].json") for [ 'register_agent', 'register' ], [ 'create_agent', 'create' ];

#
# Errors
#
sub is_error
{
	my ($answer, $status, $type, $code, $param, $what) = @_;
	my $error = ref $answer->{body} eq 'HASH' ? $answer->{body}{error} : undef;
	my @said = ($answer->{status}, $error ? map { $error->{$_} // '' } 'type', 'code', 'param' : $answer->{text});

	is("@said", join(' ', $status, $type, $code, $param // ''), $what);
	is(fields($answer->{body}) . ': ' . fields($error // {}), 'error: code message ' . (defined $param ? 'param ' : '') . 'type', '... in one form');
	return;
}
my $before = sql('SELECT count(*) FROM ledger_agents.agents');
my $nobody = '01890a5d-ac96-774b-bcce-b302099a8057';
is_error(call('register_agent', { externalId => 'e', userId => 'u' }), 400, 'invalid_request_error', 'null_value', 'name', 'a required field is missing');
is_error(call('register_agent', { %register, nmae => 'x' }), 400, 'invalid_request_error', 'unknown_field', 'nmae', 'an unknown field');
is_error(call('create_agent', { %create, externalId => 'e', limits => { ammount => 5 } }), 400, 'invalid_request_error', 'unknown_field', 'limits.ammount', 'one that lies deeper');
is_error(call('register_agent', { %register, spendingLimit => '5' }), 400, 'invalid_request_error', 'invalid_type', 'spendingLimit', 'a number in quotes');
is_error(call('create_agent', { %create, externalId => 'e', status => 'disabled' }), 400, 'invalid_request_error', 'invalid_value', 'status', 'a status to create with');
is_error(call('register_agent', { %register, defaultPolicyId => $nobody, externalId => 'e' }), 404, 'not_found_error', 'unknown_policy', 'defaultPolicyId', 'an unknown template');
is_error(call('update_agent', { agentId => $agent, userId => 'v' }), 400, 'invalid_request_error', 'unknown_field', 'userId', 'what no update changes');
is_error(call('authorize', { amount => 0 }, key => $token), 400, 'invalid_request_error', 'invalid_amount', 'amount', 'an amount of nothing');
is_error(call('authorize', { amount => 1 }, key => undef), 401, 'authentication_error', 'not_authenticated', undef, 'nobody');
is_error(call('update_agent', { agentId => $agent }, key => $token), 403, 'permission_error', 'not_allowed', undef, 'an agent that may not');
is_error(call('get_agent', { agentId => $_ }), 404, 'not_found_error', 'unknown_agent', 'agentId', "an agent '$_'") for $nobody, 'research-assistant', '';
is_error(call('get_authorization', { authorizationId => 'x' }), 404, 'not_found_error', 'unknown_authorization', 'authorizationId', 'an id that is no uuid');
is_error(call('create_agent', { %create, externalId => 'x1' }), 409, 'conflict_error', 'external_id_taken', 'externalId', 'a name that is taken');
is_error(call('register_agent', { %register, userId => 'v' }), 409, 'conflict_error', 'external_id_taken', 'externalId', 'by another customer');
is_error(call('update_agent', { agentId => $id, name => 'n' }), 409, 'conflict_error', 'agent_deregistered', 'agentId', 'a state that does not allow it');

# Bodies that are no object; what is no JSON at all does not come as far as the database, or no further.
is_error(call('authorize', $_), 400, 'invalid_request_error', 'invalid_type', undef, "the body $_") for '[]', '[{"amount": 1}]', '5', '"x"', 'null', 'true';
for my $body ([ 'x', '400 PGRST102' ], [ '{"amount": 1', '400 PGRST102' ], [ '', '400 22P02' ], [ "{\"merchant\": \"\xff\"}", '400 PGRST102' ],
	[ '{"merchant": "\u0000"}', '400 22P05' ], [ '{"a":' x 20000 . '1' . '}' x 20000, '413 54001' ])
{
	my $answer = call('authorize', $body->[0]);

	is("$answer->{status} " . ($answer->{body}{code} // ''), $body->[1], 'PostgREST refuses ' . substr($body->[0], 0, 20));
}
is(call('authorize', '{"amount": 1}', headers => { 'Content-Type' => $_ })->{status}, 404, "a body of $_ has no function") for 'text/plain', 'application/octet-stream';
is(call('authorize', { agentId => $agent, amount => 1 }, headers => { Accept => 'text/html' })->{status}, 415, 'an answer of another kind is not to be had');
is(call('authorise', { amount => 1 })->{status}, 404, 'a function that does not exist');
is(sql('SELECT count(*) FROM ledger_agents.agents'), $before, 'no error has made an agent');
is(sql('SELECT count(*) FROM ledger_agents.authorizations'), '0', 'or a decision');

#
# Declines
#
my ($spender) = split /\|/, sql(q{SELECT id FROM ledger_agents.register_agent('spender', 'u', spending_limit => 100, spending_limit_frequency => 'allTime')});
my %too_much = (agentId => $spender, amount => 101);
my $declined = call('authorize', \%too_much);
is("$declined->{status} $declined->{body}{decision} $declined->{body}{reason}", '200 declined agent_limit_exceeded', 'a decline is an answer');
is($declined->{body}{maxApprovable}, 100, '... that says what would do');
is(sql("SELECT decision, amount FROM ledger_agents.authorizations WHERE id = '$declined->{body}{id}'"), 'declined|101', '... and is stored');
for my $prefer ('decline=402', 'return=representation, decline=402', 'count=none,decline=402', 'Decline=402')
{
	my $preferred = call('authorize', \%too_much, headers => { Prefer => $prefer });

	is($preferred->{status}, 402, "Prefer: $prefer");
	is(fields($preferred->{body}), fields($declined->{body}), '... the same answer');
	is(sql("SELECT count(*) FROM ledger_agents.authorizations WHERE id = '$preferred->{body}{id}'"), '1', '... stored');
}
is(call('authorize', \%too_much, headers => { Prefer => $_ })->{status}, 200, "Prefer: $_") for 'decline=403', 'return=minimal', 'xdecline=402';
is(call('authorize', \%too_much, headers => { Prefer => 'handling=strict, decline=402' })->{body}{code}, 'PGRST122', 'PostgREST refuses ours where it is to be strict');
is(call('evaluate', \%too_much, headers => { Prefer => 'decline=402' })->{status}, 200, 'evaluate has decided nothing');
my $kept = call('authorize', { agentId => $spender, amount => 1 }, headers => { Prefer => 'decline=402, tx=rollback' });
is("$kept->{status} $kept->{body}{decision}", '200 approved', 'an approval is 200');
is(sql("SELECT count(*) FROM ledger_agents.authorizations WHERE id = '$kept->{body}{id}'"), '1', 'and nobody can prefer it undone');
is(call('increment', { authorizationId => $kept->{body}{id}, amount => 100 }, headers => { Prefer => 'decline=402' })->{status}, 402, 'an increment, too');
is(sql('SELECT * FROM ledger_agents.check_invariants()'), '', 'the books are right');

$http->stop;
$node->stop;
done_testing();
