# Do queries that nobody would write end no session, tell nothing that must not be told, and leave the books balanced?
#
# sqlsmith reads the catalog and writes random statements over whatever it finds, ours and the server's own: as an application's
# role, as an auditor, and as a role whose sessions belong to an agent by a JWT's claims.
use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $statements = $ENV{SQLSMITH_STATEMENTS} // 3000;
my $seed = $ENV{SQLSMITH_SEED} // 1;
my $patience = $statements / 60;    # seconds, for each role; what is not made until then is not made
$patience = 15 if $patience < 15;

my $node = PostgreSQL::Test::Cluster->new('sqlsmith');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
fsync = off
timezone = 'UTC'
lc_messages = 'C'
log_error_verbosity = verbose
log_min_error_statement = error
track_functions = all
max_stack_depth = 2MB
CONF
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION ledger_agents;
CREATE ROLE smith_operator LOGIN;
CREATE ROLE smith_auditor LOGIN;
CREATE ROLE smith_api NOLOGIN;
CREATE ROLE smith_authenticator LOGIN NOINHERIT;
GRANT smith_api TO smith_authenticator;
SELECT ledger_agents.grant_access(('smith_' || level)::name, level) FROM unnest(enum_range(NULL::ledger_agents.access_level)) AS level;
SELECT ledger_agents.create_organization(o) FROM unnest('{ours,other}'::text[]) AS o;
CREATE TABLE shopper AS
SELECT o, n, r.id FROM unnest('{ours,other}'::text[]) AS o, generate_series(1, 3) AS n,
     LATERAL ledger_agents.register_agent(o || n, o, o, spending_limit => 100000, organization_id => o) AS r;
SELECT ledger_agents.create_card(id, o, organization_id => o) FROM shopper;
SELECT ledger_agents.authorize(id, 10 + s, merchant => o, organization_id => o) FROM shopper, generate_series(1, 5) AS s;
SELECT ledger_agents.declare_intent(id, summary => o, organization_id => o) FROM shopper;
SQL
my ($agent) = split /\n/, $node->safe_psql('postgres', "SELECT id FROM shopper WHERE o = 'ours' ORDER BY n");
my $claims = qq({"organization_id":"ours","agent_id":"$agent"});
$node->safe_psql('postgres', "ALTER ROLE smith_authenticator SET role = 'smith_api'; ALTER ROLE smith_authenticator SET request.jwt.claims = '$claims';"
	. " ALTER ROLE smith_operator SET ledger_agents.organization = 'ours'");

sub others_rows
{
	return $node->safe_psql('postgres', q{
		SELECT string_agg(t::text, chr(10) ORDER BY t::text) FROM (SELECT a::text FROM ledger_agents.agents a WHERE organization_id = 'other'
		UNION ALL SELECT a::text FROM ledger_agents.authorizations a WHERE organization_id = 'other'
		UNION ALL SELECT a::text FROM ledger_agents.cards a WHERE organization_id = 'other'
		UNION ALL SELECT a::text FROM ledger_agents.intents a WHERE organization_id = 'other') AS t});
}

my $before = others_rows();
for my $role (qw(smith_operator smith_auditor smith_authenticator))
{
	my ($out, $errors) = ('', '');
	my $target = $node->connstr('postgres') . " user=$role";
	my $ended = eval {
		IPC::Run::run([ 'sqlsmith', "--target=$target", "--seed=$seed", "--max-queries=$statements", '--verbose' ],
			'>', \$out, '2>', \$errors, IPC::Run::timeout($patience));
		1;
	};
	# One character for each: done, failed, wrong, too long, or with the end of the session.
	my $made = length join '', $errors =~ /^([.eStC]+)/mg;
	note("$role: $made statements" . ($ended ? '' : ', until the time was over'));
	cmp_ok($made, '>=', $ended ? $statements * 0.9 : 20, "$role: statements were made") or diag(substr $errors, -1000);
	unlike($errors, qr/^[.eSt]*C/m, "$role: no session was lost");
	is($node->safe_psql('postgres', 'SELECT count(*) FROM ledger_agents.check_invariants()'), '0', "$role: the books are balanced (SQLSMITH_SEED=$seed)");
	is($node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE usename LIKE 'smith%' AND state = 'active' AND query_start < now() - interval '60 s'"),
		'0', "$role: nothing hangs");
}
is(others_rows(), $before, 'what the other tenant has is what it was');

# The log is long: line by line.  An error of the server goes on as far as its lines do.
my (@bad, @internal, $goes_on);
open my $log, '<', $node->logfile or die "cannot read the log: $!";
while (my $line = <$log>)
{
	chomp $line;
	push @bad, $line if $line =~ /PANIC|TRAP:|terminated by signal|server process .* exited with exit code/;
	if ($line =~ /ERROR:  XX\d\d\d:/)
	{
		push @internal, $line;
		$goes_on = 1;
	}
	elsif ($goes_on && ($line !~ /^\d{4}-/ || $line =~ /(?:DETAIL|HINT|CONTEXT|LOCATION|STATEMENT):/))
	{
		$internal[-1] .= "\n$line";
	}
	else
	{
		$goes_on = 0;
	}
}
close $log;
is(join("\n", @bad), '', 'no session ended otherwise than it should');
# The server's own functions have internal errors of their own; ours have none.
my @files = map { m{([^/]+)$} } glob 'src/*.c';
my $files = join '|', map { quotemeta } @files;
my @ours = grep { /LOCATION:  \w+, (?:$files):\d+|CONTEXT:  .*ledger_agents/ } @internal;
note(scalar(@internal) . " internal errors of the server's own");
is(join("\n", map { substr $_, 0, 1500 } @ours), '', 'no error of ours is an internal one');
my $called = $node->safe_psql('postgres', "SELECT count(*) || ' functions of ours, ' || coalesce(sum(calls), 0) || ' calls' FROM pg_stat_user_functions WHERE schemaname LIKE 'ledger_agents%'");
note($called);
cmp_ok($called =~ /(\d+) calls/ ? $1 : 0, '>', 0, 'functions of ours were called');
$node->stop;
done_testing();
