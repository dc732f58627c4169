# Does a plan that was kept since the tables were empty still find its rows by index?
#
# A session calls everything while the tables are empty and known to be empty
# (VACUUM and ANALYZE have seen it), so that its plans are made for nothing. Then
# 100 000 decisions arrive, and nobody tells the planner. How the same session then
# reads is judged by the server's count of sequential scans, not by time.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use constant AGENTS => 20000;

my $node = PostgreSQL::Test::Cluster->new('plans');
$node->init;
$node->append_conf('postgresql.conf', "timezone = 'UTC'\nautovacuum = off\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION ledger_agents');
$node->safe_psql('postgres', $node->safe_psql('postgres', <<'SQL'));
SELECT format('VACUUM ANALYZE %s;', oid::regclass) FROM pg_class
WHERE relnamespace = 'ledger_agents'::regnamespace AND relkind = 'r'
SQL

my $session = $node->background_psql('postgres');

# Every function, for an agent whose limits and whose customer's and organization's roll, and whose holds expire: every
# kind of look-up is made.
sub call_everything
{
	my ($key) = @_;

	return $session->query_safe(<<"SQL");
SELECT id AS agent FROM ledger_agents.get_agent(external_id => 'agent') \\gset
SELECT id AS spend, decision FROM ledger_agents.authorize(:'agent', 10, idempotency_key => '$key', hold_for => '1 hour') \\gset
\\echo :decision
SELECT replayed FROM ledger_agents.authorize(:'agent', 10, idempotency_key => '$key', hold_for => '1 hour');
SELECT decision FROM ledger_agents.authorize(:'agent', 100000000, idempotency_key => 'declined $key');
SELECT decision FROM ledger_agents.evaluate(:'agent', 100000000);
SELECT status FROM ledger_agents.reverse(:'spend', 4, idempotency_key => 'some');
SELECT replayed FROM ledger_agents.reverse(:'spend', 4, idempotency_key => 'some');
SELECT spending_limit FROM ledger_agents.agent_budget(:'agent');
SELECT id AS event FROM ledger_agents.poll_events('consumer', 1) \\gset
SELECT acknowledged FROM ledger_agents.ack_events('consumer', :'event');
SELECT count(*) > 0 FROM ledger_agents.poll_events('consumer');
SELECT count(*) > 0 FROM ledger_agents.list_event_consumers();
SELECT amount FROM ledger_agents.get_authorization(:'spend');
SELECT count(*) > 0 FROM ledger_agents.list_authorizations(:'agent');
SELECT count(*) > 0 FROM ledger_agents.list_authorizations();
SELECT count(*) > 0 FROM ledger_agents.list_agents(customer_id => 'customer');
SELECT count(*) > 0 FROM ledger_agents.list_agents();
SELECT count(*) > 0 FROM ledger_agents.list_agents(external_id => 'agent');
SELECT created FROM ledger_agents.register_agent('agent', 'customer');
SELECT name FROM ledger_agents.update_agent(:'agent', '{"name": "any"}');
SELECT id FROM ledger_agents.update_customer('customer', '{"name": "any"}');
SELECT id FROM ledger_agents.get_customer('customer');
SELECT count(*) > 0 FROM ledger_agents.list_customers();
SELECT id FROM ledger_agents.update_organization('{"name": "any"}');
SELECT id FROM ledger_agents.get_organization();
SELECT id AS token_id, token FROM ledger_agents.create_agent_token(:'agent') \\gset
SELECT count(*) FROM ledger_agents.authenticate(:'token');
SELECT count(*) > 0 FROM ledger_agents.list_agent_tokens(:'agent');
SELECT revoked_at IS NULL FROM ledger_agents.rotate_agent_token(:'token_id', '1 hour');
SELECT revoked_at IS NULL FROM ledger_agents.revoke_agent_token(:'token_id');
SELECT id AS short_lived FROM ledger_agents.register_agent('short-lived $key', 'customer') \\gset
SELECT id AS card FROM ledger_agents.create_card(:'short_lived', type => 'multi') \\gset
SELECT purpose FROM ledger_agents.update_card(:'card', '{"purpose": "any"}');
SELECT status FROM ledger_agents.freeze_card(:'card');
SELECT status FROM ledger_agents.unfreeze_card(:'card');
SELECT current_spend FROM ledger_agents.get_card(:'card');
SELECT status FROM ledger_agents.update_agent(:'short_lived', '{"status": "suspended"}');
SELECT status FROM ledger_agents.update_agent(:'short_lived', '{"status": "active", "currency": "EUR"}');
SELECT count(*) > 0 FROM ledger_agents.list_cards(:'short_lived');
SELECT id AS closed FROM ledger_agents.create_card(:'short_lived') \\gset
SELECT status FROM ledger_agents.close_card(:'closed');
SELECT count(*) > 0 FROM ledger_agents.list_cards(status => 'closed');
SELECT status FROM ledger_agents.deregister_agent(:'short_lived');
SELECT id AS intent FROM ledger_agents.declare_intent(:'agent', client_intent_id => '$key') \\gset
SELECT replayed FROM ledger_agents.declare_intent(:'agent', client_intent_id => '$key');
SELECT status FROM ledger_agents.get_intent(:'intent');
SELECT status FROM ledger_agents.get_intent(agent_id => :'agent', client_intent_id => '$key');
SELECT count(*) > 0 FROM ledger_agents.list_intents(:'agent', status => 'pending');
SELECT count(*) > 0 FROM ledger_agents.list_intents();
SELECT status FROM ledger_agents.cancel_intent(:'intent');
SELECT status FROM ledger_agents.cancel_intent(:'intent');
SELECT summary FROM ledger_agents.attest(:'agent', summary => 's');
SELECT count(*) > 0 FROM ledger_agents.list_attestations(:'agent');
SELECT count(*) > 0 FROM ledger_agents.list_attestations();
SELECT more FROM ledger_agents.sweep();
SQL
}

# What was read sequentially since the last look, by the session.
my %seen;

sub scans
{
	$session->query_safe('SELECT pg_stat_force_next_flush()');
	my %now = split /[|\n]/, $node->safe_psql('postgres',
		q{SELECT relname, seq_scan FROM pg_stat_user_tables WHERE schemaname = 'ledger_agents'});
	my @more = grep { $now{$_} > ($seen{$_} // 0) } sort keys %now;
	%seen = %now;
	return join ' ', @more;
}

$session->query_safe(<<'SQL');
SELECT id FROM ledger_agents.update_customer('customer', '{"spending_limit": 90000000, "spending_limit_frequency": "perWeek", "window_mode": "rolling"}');
SELECT id FROM ledger_agents.update_organization('{"spending_limit": 90000000, "spending_limit_frequency": "per24HourPeriod"}');
SELECT id FROM ledger_agents.register_agent('agent', 'customer', spending_limit => 90000000, spending_limit_frequency => 'per24HourPeriod');
SQL
my $answers = call_everything('first');

# From another session, in transactions of 1 000: each decision makes a version of the organization's counter, and those
# of an open transaction cannot be cleaned away.
$node->safe_psql('postgres', <<"SQL");
DO \$\$
DECLARE
	agents uuid[];
	busy constant uuid := (SELECT id FROM ledger_agents.agents WHERE external_id = 'agent');
BEGIN
	FOR low IN 1 .. @{[AGENTS]} BY 1000 LOOP
		agents := ARRAY(SELECT (ledger_agents.register_agent('bulk' || n, 'customer' || n % 1000)).id
						FROM generate_series(low, low + 999) n);
		COMMIT;
		FOR turn IN 1 .. 4 LOOP
			PERFORM ledger_agents.authorize(a, 1, idempotency_key => turn::text) FROM unnest(agents) a;
			COMMIT;
		END LOOP;
		PERFORM ledger_agents.authorize(busy, 1, idempotency_key => n::text, hold_for => '1 hour')
		FROM generate_series(low, low + 999) n;
		COMMIT;
	END LOOP;
END
\$\$
SQL
is($node->safe_psql('postgres', 'SELECT count(*) > 100000 FROM ledger_agents.authorizations'), 't', '100 000 decisions are there');
is($node->safe_psql('postgres', "SELECT string_agg(relname, ' ') FROM pg_class WHERE oid = 'ledger_agents.authorizations'::regclass AND reltuples > 0"),
	'', 'and nobody told the planner');
scans();

is(call_everything('second'), $answers, 'the session is answered as before');
is(scans(), '', 'and has read no table sequentially');
$session->query_safe('DISCARD PLANS');
is(call_everything('third'), $answers, 'with its plans made anew, too');
is(scans(), '', 'it reads no table sequentially');

# A session that is new.
$session->quit;
$session = $node->background_psql('postgres');
is(call_everything('fourth'), $answers, 'a new session is answered the same');
is(scans(), '', 'and reads no table sequentially');

# The control.
$session->query_safe('SELECT count(*) FROM ledger_agents.authorizations WHERE amount > 0');
is(scans(), 'authorizations', 'a sequential scan would be seen');

$session->quit;
$node->stop;
done_testing();
