# Do the views do over HTTP what an API does: documented requests, filters, pages, keys, errors?
use strict;
use warnings;

use JSON::PP;
use PostgREST;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => PostgREST::missing() if PostgREST::missing();

my $node = PostgREST::server('view');

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

my $key = sql("SELECT key FROM ledger_agents.create_organization_key('one')");
my ($agent, $token) = split /\|/, sql(q{SELECT id, token FROM ledger_agents.register_agent('buyer', 'acme', policy => '{"requireCard": false}', max_cards => 99)});
my $http = PostgREST->start($node);

# Method, path, settings of request(), and preferences.
sub ask
{
	my ($method, $path, %with) = @_;
	my %headers = %{ $with{headers} // {} };

	$headers{Prefer} = $with{prefer} if $with{prefer};
	$headers{Accept} = "application/vnd.pgrst.object+json;nulls=stripped" if $with{object};
	delete @with{ 'prefer', 'object' };
	return $http->request($method, $path, key => $key, %with, headers => \%headers);
}

sub outcome
{
	my ($answer) = @_;

	return join ' ', $answer->{status}, ref $answer->{body} eq 'HASH' && $answer->{body}{code} ? ($answer->{body}{code}, ($answer->{body}{details} // '') =~ /^(\w+):/) : ();
}

#
# The third published request: PATCH, with the body as it stands
#
my %update = (
	name => 'other', description => 'd', status => 'active', spendingLimit => 123, spendingLimitFrequency => 'perTransaction', onLimitExceeded => 'suspend',
	metadata => { a => 1 });
my @page = qw(id userId name status createdAt externalId description deregisteredAt spendingLimit spendingLimitFrequency currentSpend onLimitExceeded maxCards cardCount
  metadata defaultRequireApproval defaultAutoApproveBelow);
my $updated = ask('PATCH', "/agents?id=eq.$agent&select=" . join(',', @page), body => \%update, prefer => 'return=representation', object => 1);
is($updated->{status}, 200, 'update: 200');
is_deeply([ sort keys %{ $updated->{body} } ], [ sort grep { !/^(deregisteredAt|default)/ } @page ], 'update: the published fields that have a value');
is_deeply({ map { $_ => $updated->{body}{$_} } keys %update }, \%update, 'update: and what was sent');
like($updated->{body}{createdAt}, qr/^\d{13}$/, 'update: createdAt in epoch milliseconds');
is_deeply($http->call('update_agent', { agentId => $agent }, key => $key)->{body}, $updated->{body}, 'the function answers the same');
my $body = slurp_file("$ENV{TESTDIR}/example/update.json");
is(ask('PATCH', "/agents?id=eq.$agent", body => $body)->{status}, 204, 'the body in example/, as it stands');
is(outcome(ask('PATCH', "/agents?id=eq.$agent", body => { spendingLimit => undef, description => undef })), '204', 'a null clears');
is(sql("SELECT spending_limit IS NULL AND description IS NULL AND on_limit_exceeded = 'suspend' FROM ledger_agents.agents"), 't', 'and what is absent stays');
is(sql(q{SELECT string_agg(DISTINCT split_part(principal, ':', 1), ' ') FROM ledger_agents.configuration_changes WHERE action = 'update'}), 'key', 'the record says who it was');

#
# Filters, orders and pages
#
sql("SELECT ledger_agents.authorize('$agent', n, merchant => 'M' || n % 3) FROM generate_series(1, 25) AS n");
my ($after, @seen) = ('');
for (1 .. 10)
{
	my $some = ask('GET', "/authorizations?select=id,amount&order=id.desc&limit=7$after")->{body};

	last unless @$some;
	push @seen, map { $_->{amount} } @$some;
	$after = "&id=lt.$some->[-1]{id}";
}
is("@seen", join(' ', reverse 1 .. 25), 'pages by id');
my $range = ask('GET', '/authorizations?select=amount&merchant=eq.M1&amount=gte.10&order=amount', prefer => 'count=exact', headers => { Range => '1-2', 'Range-Unit' => 'items' });
is(outcome($range) . ' ' . $range->{headers}{'content-range'}, '206 1-2/6', 'a part of what a filter leaves');
is_deeply($range->{body}, [ { amount => 13 }, { amount => 16 } ], 'and which one');
is_deeply(ask('GET', '/authorizations?select=amount&or=(amount.eq.3,and(amount.gt.23,merchant.neq.M0))&order=amount')->{body}, [ { amount => 3 }, { amount => 25 } ], 'or and and');
is(scalar @{ ask('GET', '/authorizations?limit=3', key => $token)->{body} }, 3, 'an agent sees its own');
is_deeply(ask('GET', '/agents?metadata->>plan=eq.none')->{body}, [], 'nothing is an empty list');
my $columns = ask('GET', '/')->{body}{definitions}{agents}{properties};
is_deeply($columns->{status}{enum}, [ 'active', 'suspended', 'deregistered' ], 'the OpenAPI lists what a column may be');
like($columns->{spendingLimit}{description}, qr/minor units/, 'and what it is');

#
# POST, with a key
#
sub post
{
	my ($path, $sent, $idempotency_key, %with) = @_;

	return ask('POST', $path, body => $sent, prefer => 'return=representation', object => 1, headers => { 'Idempotency-Key' => $idempotency_key }, %with);
}
my $card = post('/cards', { agentId => $agent, purpose => 'p' }, 'c1');
is(outcome($card), '201', 'a card is made');
is(post('/cards', { agentId => $agent, purpose => 'p' }, 'c1')->{body}{id}, $card->{body}{id}, 'the same key: the same card');
is(outcome(post('/cards', { agentId => $agent, purpose => 'q' }, 'c1')), '409 PT409 idempotency_key_reused', 'another body');
my %once = (key => $key, body => { agentId => $agent, purpose => 'at once' }, headers => { 'Idempotency-Key' => 'c2', Prefer => 'return=representation' });
my %ids = map { $_->{body}[0]{id} // "? $_->{text}" => 1 } $http->at_once(map { [ 'request', 'POST', '/cards', %once ] } 1 .. 8);
is(scalar keys %ids, 1, 'eight at once make one card');
is(sql("SELECT count(*) FROM ledger_agents.cards WHERE purpose = 'at once'"), '1', 'indeed');
is(outcome(ask('POST', '/cards', body => [ map { { agentId => $agent, purpose => "list $_" } } 1 .. 2 ], headers => { 'Idempotency-Key' => 'c3' })), '409 PT409 idempotency_key_reused', 'a key is of one row');
is(outcome(ask('POST', '/cards', body => [ map { { agentId => $agent, purpose => "list $_" } } 1 .. 2 ])), '201', 'without one a list is all or nothing');
is(sql("SELECT count(*) FROM ledger_agents.cards WHERE purpose LIKE 'list%'"), '2', 'here: all');
is(outcome(ask('POST', '/cards', body => [ { agentId => $agent, purpose => 'none 1' }, { agentId => $agent, purpose => '' } ])), '400 PT400 invalid_length', 'and nothing where one of them is wrong');
is(sql("SELECT count(*) FROM ledger_agents.cards WHERE purpose LIKE 'none%'"), '0', 'indeed');

my $spend = post('/authorizations', { amount => 5, merchant => 'Tea' }, 's1', key => $token);
is("$spend->{status} $spend->{body}{decision} $spend->{body}{idempotencyKey}", '201 approved s1', 'a spend is decided; the header is its key');
is(post('/authorizations', { amount => 5, merchant => 'Tea' }, 's1', key => $token)->{body}{id}, $spend->{body}{id}, 'once');
is(outcome(post('/authorizations', { amount => 5, merchant => 'Tea', idempotencyKey => 'other' }, 's1', key => $token)), '400 PT400 idempotency_key_conflict', 'two keys');
sql("SELECT ledger_agents.update_agent('$agent', '{\"spending_limit\": 400, \"on_limit_exceeded\": \"decline\"}')");
my %large = (key => $token, body => { amount => 401 });
my $declined = ask('POST', '/authorizations', %large, prefer => 'return=representation', object => 1);
is("$declined->{status} $declined->{body}{decision} $declined->{body}{failedLimits}[0]{rule}", '201 declined spendingLimit', 'a decline is a row');
$declined = ask('POST', '/authorizations', %large, prefer => 'return=representation, decline=402', object => 1);
is("$declined->{status} $declined->{body}{reason}", '402 agent_limit_exceeded', 'or a 402, for who prefers that, with the row');
is(sql("SELECT count(*) FROM ledger_agents.authorizations WHERE decision = 'declined'"), '2', 'both are stored');

#
# Errors, in PostgREST's shape
#
is(outcome(ask('PATCH', "/agents?id=eq.$agent", body => { status => 'deregistered' })), '400 PT400 invalid_value', 'a wrong value');
is(outcome(ask('PATCH', "/agents?id=eq.$agent", body => { externalId => 'x' })), '400 PT400 unknown_field', 'what cannot be changed');
is(outcome(ask('PATCH', "/agents?id=eq.$agent", body => { nmae => 'x' })), '400 PGRST204', 'a column that does not exist');
is(outcome(ask('PATCH', "/agents?id=eq.$agent", body => { status => 'active' }, key => $token)), '403 PT403 not_allowed', 'what an agent may not');
is(outcome(ask('PATCH', "/agents?id=eq.$agent", body => { status => 'active' }, key => undef)), '401 42501 not_authenticated', 'nobody');
is(outcome(ask('GET', '/agents', key => undef)), '401 42501 not_authenticated', 'nobody reads nothing');
is(outcome(ask('GET', '/policies', key => $token)), '403 PT403 not_allowed', 'an agent reads no policies');
is(outcome(ask('GET', '/agents', key => 'lk_live_wrong')), '401 PT401 invalid_token', 'a wrong key');
is(outcome(ask('POST', '/cards', body => { agentId => '01890a5d-ac96-774b-bcce-b302099a8057' })), '404 PT404 unknown_agent', 'an unknown agent');
is(outcome(ask('GET', '/cards?id=eq.nonsense')), '400 22P02', 'an id that is no uuid');
is(ask('DELETE', "/cards?id=eq.$card->{body}{id}")->{status}, 204, 'a card is closed');
is(outcome(ask('PATCH', "/cards?id=eq.$card->{body}{id}", body => { status => 'active' })), '409 PT409 card_closed', 'and stays so');
is(outcome(ask('PUT', "/cards?id=eq.$card->{body}{id}", body => { id => $card->{body}{id} })) =~ /^[45]\d\d/, 1, 'PUT does nothing');
is(sql('SELECT count(*) FROM ledger_agents.check_invariants()'), '0', 'the books are right');

$http->stop;
$node->stop;
done_testing();
