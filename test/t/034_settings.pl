# Does everything come out the same under every setting that a server, a database or a session may have?
#
# The transcripts of test/sql run again, each variant in a database of its own in which the
# settings are the default of every session; the extension is made there, too.  Settings that change how values are shown hold
# inside the functions of the extension (ALTER FUNCTION ... SET), while what psql shows keeps its form, so that expected/ is
# what must come out; and for whole sessions they hold while the views of the JSON interface are read, which must show the same.
use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my @regress = sort map { m{([^/]+)\.sql$} } glob 'test/sql/*.sql';

# Without JIT: it takes seconds to compile a query whose plan costs as much as a forbidden one.
my %plans = (
	jit => 'off',
	plan_cache_mode => 'force_generic_plan',
	max_parallel_workers_per_gather => '2', parallel_setup_cost => '0', parallel_tuple_cost => '0', min_parallel_table_scan_size => '0');
my %german = (
	datestyle => 'German, DMY', timezone => 'Asia/Kathmandu', intervalstyle => 'sql_standard', extra_float_digits => '-15', bytea_output => 'escape',
	lc_monetary => 'de_DE.UTF-8', lc_numeric => 'de_DE.UTF-8', lc_time => 'de_DE.UTF-8', array_nulls => 'off', xmlbinary => 'hex', quote_all_identifiers => 'on');
my %havana = (
	datestyle => 'SQL, DMY', timezone => 'America/Havana', intervalstyle => 'iso_8601', extra_float_digits => '3', standard_conforming_strings => 'off',
	escape_string_warning => 'off', backslash_quote => 'on', transform_null_equals => 'on', default_text_search_config => 'pg_catalog.german', row_security => 'off');

# Settings of every session; settings inside the functions; the database's encoding; what to do before the extension is made;
# which transcripts run where not all do, and which never: when a secret was last used is not noted at these levels.
my @variants = (
	{ name => 'forced parallel plans, generic plans', session => {%plans}, parallel => 1, tests => [qw(authorization chain explanation limit)] },
	{ name => 'JIT', session => { jit => 'on', jit_above_cost => '0', jit_inline_above_cost => '-1', jit_optimize_above_cost => '-1' }, tests => [qw(authorization)] },
	{ name => 'without sequential scans', session => {
		jit => 'off', enable_seqscan => 'off', enable_hashagg => 'off', work_mem => '64kB', plan_cache_mode => 'force_custom_plan', cursor_tuple_fraction => '0' } },
	{ name => 'without indexes, by statements', session => {
		jit => 'off', enable_indexscan => 'off', enable_indexonlyscan => 'off', enable_bitmapscan => 'off', enable_nestloop => 'off', enable_mergejoin => 'off',
		'ledger_agents.direct_access' => 'off', synchronize_seqscans => 'off', default_statistics_target => '1' } },
	{ name => 'repeatable read', session => { default_transaction_isolation => 'repeatable read' }, not => qr/^(key|token)$/ },
	{ name => 'serializable', session => { default_transaction_isolation => 'serializable', 'ledger_agents.durable_approvals' => 'off', synchronous_commit => 'off' },
		not => qr/^(key|token)$/ },
	{ name => 'German dates in Kathmandu', functions => {%german}, needs_locale => 1 },
	{ name => 'dates of SQL in Havana, odd strings', functions => {%havana} },
	{ name => 'messages in German', session => { lc_messages => 'de_DE.UTF-8' }, needs_locale => 1 },
	{ name => 'names in the way', session => { search_path => 'odd, "$user", pg_catalog' }, before => <<'SQL' },
CREATE SCHEMA odd;
CREATE TABLE odd.agents ();
CREATE TABLE odd.authorizations ();
CREATE TABLE odd.organizations ();
CREATE FUNCTION odd.la_refuse() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'this is not the function that was meant'; END $$;
CREATE FUNCTION odd.engine_time() RETURNS timestamptz LANGUAGE sql AS 'SELECT odd.la_refuse()::timestamptz';
CREATE FUNCTION odd.current_spend(text, uuid) RETURNS bigint LANGUAGE sql AS 'SELECT odd.la_refuse()::bigint';
SQL
	{ name => 'a database in SQL_ASCII', encoding => 'SQL_ASCII' },
	{ name => 'a database in LATIN1', encoding => 'LATIN1' },
	{ name => 'a database in EUC_JP', encoding => 'EUC_JP' });

# A locale of our own, which only this server knows.
sub make_locale
{
	my ($directory) = @_;

	return -e '/usr/share/i18n/locales/de_DE' &&
	  IPC::Run::run([ 'localedef', '-i', 'de_DE', '-f', 'UTF-8', "$directory/de_DE.UTF-8" ], '>&', \my $output);
}

my $locales = PostgreSQL::Test::Utils::tempdir();
my $has_locale = make_locale($locales);
$ENV{LOCPATH} = $locales if $has_locale;
my ($major) = `$ENV{PG_CONFIG} --version` =~ /PostgreSQL (\d+)/;
my ($translations) = `$ENV{PG_CONFIG} --localedir` =~ /(.*)/;
my $has_catalog = $has_locale && -e "$translations/de/LC_MESSAGES/postgres-$major.mo";

my $node = PostgreSQL::Test::Cluster->new('settings');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
fsync = off
timezone = 'UTC'
lc_messages = 'C'
max_prepared_transactions = 10
autovacuum = off
CONF
$node->start;
my $force = $node->safe_psql('postgres', "SELECT name FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query')");


# What psql prints for a file as pg_regress runs it.
sub transcript
{
	my ($database, $file, $ends) = @_;
	my $script = slurp_file($file);
	my $printed = '';

	local $ENV{PGTZ} = 'UTC';
	local $ENV{PGDATESTYLE} = 'ISO';
	local $ENV{PGOPTIONS} = '-c intervalstyle=postgres_verbose';
	local $ENV{PGCLIENTENCODING} = 'UTF8';
	IPC::Run::run([ 'psql', '-X', '-a', '-q', '-d', $node->connstr($database), '-v', 'HIDE_TABLEAM=on', '-v', 'HIDE_TOAST_COMPRESSION=on' ],
		'<', \$script, '>&', \$printed);
	return $printed;
}

sub quoted
{
	my ($text) = @_;

	$text =~ s/'/''/g;
	return "'$text'";
}

# The settings are in force: as sessions see them, and inside the functions.
sub in_force
{
	my ($database, $session, $functions) = @_;

	for my $name (sort keys %$session)
	{
		my $shown = $node->safe_psql($database, "SELECT ledger_agents.engine_time() IS NULL; SHOW $name");
		like($shown, qr/^f\n"?\Q$session->{$name}\E"?$/, "$name is $session->{$name}");
	}
	return unless %$functions;
	my $without = $node->safe_psql($database, 'SELECT count(*) FROM pg_proc WHERE pronamespace IN (\'ledger_agents\'::regnamespace, \'ledger_agents_api\'::regnamespace) AND cardinality(coalesce(proconfig, \'{}\')) < ' . scalar keys %$functions);
	is($without, 0, 'inside each function ' . join ', ', map { "$_ is $functions->{$_}" } sort keys %$functions);
}

sub make_database
{
	my ($variant, $name) = @_;
	my $session = $variant->{session} // {};
	my $functions = $variant->{functions} // {};

	$session->{$force} = 'regress' if $variant->{parallel};
	my $encoding = $variant->{encoding} // 'UTF8';
	my $locale = $encoding eq 'UTF8' ? '' : "LOCALE 'C'";
	$node->safe_psql('postgres', "CREATE DATABASE $name TEMPLATE template0 ENCODING '$encoding' $locale");
	$node->safe_psql('postgres', join ';', map {
		my $value = $_ eq 'search_path' ? $session->{$_} : quoted($session->{$_});
		"ALTER DATABASE $name SET $_ = $value" } sort keys %$session);
	$node->safe_psql($name, $variant->{before}) if $variant->{before};
	$node->safe_psql($name, 'CREATE EXTENSION ledger_agents');
	if (%$functions)
	{
		my $sets = join '; ', map { "EXECUTE format('ALTER ROUTINE %s SET $_ = %L', f, " . quoted($functions->{$_}) . ')' } sort keys %$functions;
		$node->safe_psql($name, "DO \$do\$ DECLARE f regprocedure; BEGIN FOR f IN SELECT oid FROM pg_proc WHERE pronamespace IN ('ledger_agents'::regnamespace, 'ledger_agents_api'::regnamespace) LOOP $sets; END LOOP; END \$do\$");
	}
	in_force($name, $session, $functions);
}

my $number = 0;
for my $variant (@variants)
{
	my $name = 'variant' . $number++;
	next if $ENV{SETTINGS_ONLY} && $variant->{name} !~ /$ENV{SETTINGS_ONLY}/;
	if ($variant->{needs_locale} && !$has_catalog)
	{
		diag("$variant->{name}: not tried, there is no German locale or no catalog of messages");
		next;
	}
	note($variant->{name});
	make_database($variant, $name);
	if ($variant->{needs_locale} && $variant->{session})
	{
		my (undef, undef, $told) = $node->psql($name, 'SELECT 1 / 0');
		like($told, qr/Division durch Null/, 'and the server speaks German');
	}
	for my $test ($ENV{SETTINGS_ALL} ? @regress : @{ $variant->{tests} // \@regress })
	{
		next if $variant->{not} && $test =~ $variant->{not};
		my $printed = transcript($name, "test/sql/$test.sql");
		my $expected = slurp_file("expected/$test.out");
		# The server's own words: one before each message, and one message.
		$printed =~ s/^FEHLER:  (\w+\(\)) kann nicht in einer Read-Only-Transaktion ausgeführt werden$/ERROR:  cannot execute $1 in a read-only transaction/mg;
		$printed =~ s/^FEHLER:/ERROR:/mg;
		if ($printed ne $expected)
		{
			my ($diff, $at) = ('', PostgreSQL::Test::Utils::tempdir());
			append_to_file("$at/expected", $expected);
			append_to_file("$at/printed", $printed);
			IPC::Run::run([ 'diff', '-U1', "$at/expected", "$at/printed" ], '>', \$diff);
			fail("$variant->{name}: $test");
			diag(substr $diff, 0, 2500);
			next;
		}
		pass("$variant->{name}: $test");
	}
}
$node->stop;
done_testing();
