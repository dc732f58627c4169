# Does the interface work through a real PostgREST?
use strict;
use warnings;

use PostgREST;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => PostgREST::missing() if PostgREST::missing();

my $node = PostgreSQL::Test::Cluster->new('postgrest');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION ledger_agents');
my $key = $node->safe_psql('postgres', "SELECT key FROM ledger_agents.create_organization_key('test')");
my $http = PostgREST->start($node);

my $answer = $http->call('register_agent', { externalId => 'a', userId => 'u', name => 'A' }, key => $key);
is($answer->{status}, 200, 'an agent is registered');
is($answer->{body}{created}, JSON::PP::true, 'it is new');
like($answer->{body}{token}, qr/^at_live_/, 'it has a token');

$answer = $http->call('authorize', { amount => 5 }, key => $answer->{body}{token});
is($answer->{body}{decision}, 'approved', 'with its token it may spend');

$answer = $http->call('authorize', { amount => 5 });
is($answer->{status}, 401, 'nobody may not');

$http->stop;
$node->stop;
done_testing();
