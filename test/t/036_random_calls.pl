# Does every public function and view, called with whatever there is, by whoever, answer with a row or with one of our errors?
#
# Random calls of all of them as an operator, an organization's key, an agent's token, a JWT's claims, an auditor and nobody;
# see random_calls.py.  No crash, no internal error, no error without a name, no secret in one, nothing of another tenant's in
# an answer, nothing of it changed, and the books balanced.
use strict;
use warnings;

use IPC::Run ();
use JSON::PP ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $calls = $ENV{RANDOM_CALLS} // 4000;
my $seed = $ENV{RANDOM_SEED} // 20260101;

my $node = PostgreSQL::Test::Cluster->new('random_calls');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
fsync = off
timezone = 'UTC'
lc_messages = 'C'
log_min_error_statement = panic
CONF
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION ledger_agents;
CREATE ROLE random_operator LOGIN;
CREATE ROLE random_api LOGIN;
CREATE ROLE random_auditor LOGIN;
CREATE ROLE random_authenticator LOGIN NOINHERIT;
GRANT random_api TO random_authenticator;
SELECT ledger_agents.grant_access(('random_' || level)::name, level) FROM unnest(enum_range(NULL::ledger_agents.access_level)) AS level;
SQL

# What stands in quotes in the sources: the names of fields, rules and labels are among it.
my %words;
for my $file (glob 'src/*.[ch]')
{
	$words{$_} = 1 for slurp_file($file) =~ /"([A-Za-z][A-Za-z_]{1,40})"/g;
}

my $connection = $node->connstr('postgres');
my %order = (
	connections => { owner => $connection, map { $_ => "$connection user=random_$_" } qw(operator api auditor authenticator) },
	calls => $calls + 0,
	seed => $seed + 0,
	words => [ sort keys %words ]);
my $json = JSON::PP->new->utf8->canonical;
my ($in, $out, $errors) = ($json->encode(\%order), '', '');
IPC::Run::run([ '/usr/bin/python3', 'test/t/random_calls.py' ], '<', \$in, '>', \$out, '2>', \$errors);
my $report = eval { $json->decode($out) };
ok($report, 'the calls were made') or BAIL_OUT("no report of seed $seed: $errors");

is(join("\n", @{ $report->{findings} }), '', "no call had an answer that it may not have (RANDOM_SEED=$seed RANDOM_CALLS=$calls)");
is(join("\n", @{ $report->{violations} }), '', 'the books are balanced');
is(join(' ', @{ $report->{never} }), '', 'every function was called');
for my $caller (sort keys %{ $report->{answers} })
{
	my %answers = %{ $report->{answers}{$caller} };
	my $share = $caller eq 'nobody' || $caller eq 'auditor' ? 0.01 : 0.1;
	my $sum = 0;
	$sum += $_ for values %answers;
	note("$caller: " . join ', ', map { "$_ $answers{$_}" } sort keys %answers);
	cmp_ok($answers{ok} // 0, '>', $share * $sum, "enough of the calls of $caller went through");
}
note("always refused: @{$report->{refused}}");

my $log = slurp_file($node->logfile);
unlike($log, qr/PANIC|TRAP:|terminated by signal|internal error|XX000|cache lookup failed/, 'the log tells of nothing that must not be');
$node->stop;
done_testing();
