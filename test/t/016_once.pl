# Does a request with a key have one effect over HTTP: repeated, at once with its like, and for how long?
use strict;
use warnings;

use PostgREST;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => PostgREST::missing() if PostgREST::missing();

my $node = PostgREST::server('once');

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

my $key = sql("SELECT key FROM ledger_agents.create_organization_key('one')");
my $other_key = sql("SELECT key FROM ledger_agents.create_organization_key('other')");
my $http = PostgREST->start($node);

# Arguments of PostgREST's call().
sub with_key
{
	my ($function, $body, $idempotency_key, %with) = @_;

	return ($function, $body, key => $key, headers => { 'Idempotency-Key' => $idempotency_key }, %with);
}

sub call
{
	return $http->call(with_key(@_));
}

# Status and error.
sub outcome
{
	return join ' ', $_[0]{status}, $_[0]{body}{error} ? $_[0]{body}{error}{code} : ();
}

sub agents
{
	return sql('SELECT count(*) FROM ledger_agents.agents');
}

#
# Repeated
#
my %create = (externalId => 'c', customerId => 'u');
my $first = call('create_agent', \%create, 'k');
is(outcome($first), '200', 'an agent is made');
is_deeply(call('create_agent', \%create, 'k')->{body}, $first->{body}, 'the same key and body: the same answer');
is(call('create_agent', '{ "customerId":"u",  "externalId" : "c" }', 'k')->{text}, $first->{text}, 'however the body is written');
is(outcome(call('create_agent', { %create, name => 'n' }, 'k')), '409 idempotency_key_reused', 'another body');
is(outcome(call('create_agent', \%create, 'K')), '409 external_id_taken', 'another key');
is(outcome(call('create_agent', \%create, 'k', key => $other_key)), '409 external_id_taken', 'another principal has keys of its own');
is(outcome(call('create_agent', \%create, 'k', key => undef, jwt => { organization_id => 'default', sub => 'u' })), '409 external_id_taken', 'so have claims');
is(agents(), '1', 'one agent was made');

my %register = (externalId => 'r', userId => 'u', name => 'n');
my $registered = call('register_agent', \%register, 'k');
like($registered->{body}{token}, qr/^at_live_/, 'another function has keys of its own; it gives a token');
is_deeply(call('register_agent', \%register, 'k')->{body}, { %{ $registered->{body} }, token => undef }, 'repeated, without the secret');
my ($agent, $token) = @{ $registered->{body} }{ 'id', 'token' };
my $issued = call('create_agent_token', { agentId => $agent, name => 't' }, 'k');
is_deeply(call('create_agent_token', { agentId => $agent, name => 't' }, 'k')->{body}, { %{ $issued->{body} }, token => undef }, 'a token is issued once');
is(sql('SELECT count(*) FROM ledger_agents.agent_tokens'), '2', 'there are two');

is(outcome(call('create_policy', { name => 5 }, 'p')), '400 invalid_type', 'an error');
is(outcome(call('create_policy', { name => 'p' }, 'p')), '200', 'is mended with its key');
is(outcome(call('create_policy', { name => 'q' }, $_->[0])), $_->[1], 'a key of ' . length($_->[0])) for [ '', '400 invalid_length' ], [ 'x' x 256, '400 invalid_length' ], [ 'x' x 255, '200' ];

# What spends: the header is its own key.
my $spent = call('authorize', { amount => 5 }, 'a', key => $token);
is("$spent->{body}{idempotencyKey} $spent->{body}{decision}", 'a approved', 'authorize takes the header as its key');
is_deeply(call('authorize', { amount => 5 }, 'a', key => $token)->{body}, { %{ $spent->{body} }, replayed => JSON::PP::true }, 'and repeats its decision');
is_deeply($http->call('authorize', { amount => 5, idempotencyKey => 'a' }, key => $token)->{body}, { %{ $spent->{body} }, replayed => JSON::PP::true }, 'as with the key in the body');
is_deeply(call('authorize', { amount => 5, agentId => $agent }, 'a')->{body}, { %{ $spent->{body} }, replayed => JSON::PP::true }, 'whoever asks: the key is the agent\'s');
is(outcome(call('authorize', { amount => 6 }, 'a', key => $token)), '409 idempotency_key_reused', 'another amount');
is(outcome(call('authorize', { amount => 5, idempotencyKey => 'b' }, 'a', key => $token)), '400 idempotency_key_conflict', 'header and body have each a key');
is(outcome(call('authorize', { amount => 5, idempotencyKey => 'b' }, 'b', key => $token)), '200', 'or both the same');
my $id = $spent->{body}{id};
is(call('capture', { authorizationId => $id }, 'c')->{body}{capturedAmount}, 5, 'a capture') for 1, 2;
is(call('refund', { authorizationId => $id, amount => 2 }, 'f')->{body}{refundedAmount}, 2, 'a refund') for 1, 2;
is(sql("SELECT string_agg(kind::text, ' ' ORDER BY kind::text) FROM ledger_agents.authorization_entries"), 'capture refund', 'each was done once');

#
# At once
#
my @answers = $http->at_once(map { [ call => with_key('create_agent', { externalId => 'at once', customerId => 'u' }, 'together') ] } 1 .. 24);
is(scalar(grep { $_->{status} == 200 && $_->{text} eq $answers[0]{text} } @answers), 24, '24 at once: all get one answer');
is(sql("SELECT count(*) FROM ledger_agents.agents WHERE external_id = 'at once'"), '1', 'one agent was made');
@answers = $http->at_once(map { [ call => with_key('create_agent', { externalId => "body $_", customerId => 'u' }, 'one of them') ] } 1 .. 12);
is(join(' ', sort map { outcome($_) } @answers), join(' ', '200', ('409 idempotency_key_reused') x 11), 'of 12 bodies with one key one is done');
is(sql("SELECT count(*) FROM ledger_agents.agents WHERE external_id LIKE 'body %'"), '1', 'and no other');
@answers = $http->at_once(map { [ call => 'create_agent', { externalId => 'without', customerId => 'u' }, key => $key ] } 1 .. 12);
is(join(' ', sort map { outcome($_) } @answers), join(' ', '200', ('409 external_id_taken') x 11), 'without a key the others are errors');
@answers = $http->at_once(map { [ call => 'register_agent', { %register, externalId => 'registered' }, key => $key ] } 1 .. 12);
is(scalar(grep { $_->{status} == 200 && $_->{body}{id} eq $answers[0]{body}{id} } @answers), 12, 'a registration is the same for all');
is(scalar(grep { defined $_->{body}{token} } @answers), 1, 'and one gets the token');
@answers = $http->at_once(map { [ call => with_key('register_agent', { %register, externalId => 'keyed' }, 'keyed') ] } 1 .. 12);
is(scalar(grep { defined $_->{body}{token} } @answers), 1, 'with a key as well') or diag join "\n", map { $_->{text} } @answers;

my $before = sql("SELECT count(*) FROM ledger_agents.authorizations");
@answers = $http->at_once(map { [ call => with_key('authorize', { amount => 7 }, 'twin', key => $token) ] } 1 .. 24);
is(scalar(grep { $_->{status} == 200 && $_->{body}{id} eq $answers[0]{body}{id} } @answers), 24, 'authorize: 24 at once get one decision');
is(scalar(grep { !$_->{body}{replayed} } @answers), 1, 'one has made it');
is(sql("SELECT count(*) - $before FROM ledger_agents.authorizations"), '1', 'and one is stored');
my ($limited, $limited_token) = split /\|/, sql(q{SELECT id, token FROM ledger_agents.register_agent('limited', 'u', spending_limit => 50)});
@answers = $http->at_once(map { [ call => with_key('authorize', { amount => 10 }, "purchase $_", key => $limited_token) ] } 1 .. 12);
is(join(' ', sort map { $_->{body}{decision} } @answers), join(' ', ('approved') x 5, ('declined') x 7), 'of 12 purchases the 5 pass that the limit allows');
is(sql('SELECT * FROM ledger_agents.check_invariants()'), '', 'the books are right');

#
# 24 hours, by the engine's clock, which connections take from the database when they are made
#
sub at_instant
{
	my ($instant) = @_;

	$http->stop;
	sql("ALTER DATABASE postgres SET ledger_agents.clock = '$instant'");
	$http = PostgREST->start($node);
	return;
}
at_instant('2100-03-02 09:00Z');
$first = call('create_agent', { externalId => 'day', customerId => 'u' }, 'day');
is(outcome($first), '200', 'an answer');
at_instant('2100-03-03 08:59:59.999999Z');
is_deeply(call('create_agent', { externalId => 'day', customerId => 'u' }, 'day')->{body}, $first->{body}, 'is remembered for 24 hours');
at_instant('2100-03-03 09:00Z');
is(outcome(call('create_agent', { externalId => 'day', customerId => 'u' }, 'day')), '409 external_id_taken', 'and no longer');
is(outcome(call('create_agent', { externalId => 'next', customerId => 'u' }, 'day')), '200', 'its key is free');
is_deeply(call('authorize', { amount => 5 }, 'a', key => $token)->{body}{id}, $spent->{body}{id}, 'a decision is remembered as long as it is kept');

$http->stop;
$node->stop;
done_testing();
