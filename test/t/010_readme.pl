# The README is true: its SQL runs, its output is what comes out, and it names everything that a user can call or set.
#
# Every ```sql block runs, in order, in one session of psql.  A ```text block that follows one directly is what psql
# prints for it, but for blanks at the ends of lines; a block without one must run without a message of error.
use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# In the order of the file: [kind, number of its first line, text].
sub blocks
{
	my ($readme) = @_;
	my (@blocks, $open);
	my $line = 0;

	for (split /\n/, $readme)
	{
		$line++;
		if (/^```(\w*)$/ && !$open)
		{
			$open = [ $1, $line, '' ];
		}
		elsif ($open && /^```$/)
		{
			push @blocks, $open;
			undef $open;
		}
		elsif ($open)
		{
			$open->[2] .= "$_\n";
		}
		elsif (/\S/)
		{
			push @blocks, [ 'prose', $line, '' ];
		}
	}
	return @blocks;
}

sub trimmed
{
	my ($text) = @_;

	$text =~ s/[ \t]+$//mg;
	$text =~ s/\s*\z/\n/;
	return $text;
}

my @blocks = blocks(slurp_file('README.md'));
my @runs = grep { $blocks[$_][0] eq 'sql' } 0 .. $#blocks;

my $node = PostgreSQL::Test::Cluster->new('readme');
$node->init;
$node->append_conf('postgresql.conf', "timezone = 'UTC'\nlc_messages = 'C'\n");
$node->start;

my $script = join '', map { "\\echo == block $_\n$blocks[$_][2]" } @runs;
my $printed = '';
IPC::Run::run([ 'psql', '-X', '-d', $node->connstr('postgres') ], '<', \$script, '>&', \$printed);
my (undef, @parts) = split /^== block (\d+)\n/m, $printed;
my %output = @parts;

for my $i (@runs)
{
	my $next = $blocks[ $i + 1 ];
	my ($first) = split /\n/, $blocks[$i][2];
	my $name = "line $blocks[$i][1]: $first";

	if ($next && $next->[0] eq 'text')
	{
		is(trimmed($output{$i} // ''), trimmed($next->[2]), $name);
	}
	else
	{
		unlike($output{$i} // 'ERROR: it was not run', qr/^(?:ERROR|FATAL|PANIC|WARNING|invalid command)/m, $name);
	}
}

# What a user can call, read, set or meet as a label; the page must have it in code.
my $readme = slurp_file('README.md');
my %named = map { $_ => 1 } map { /[\w.]+/g } ($readme =~ /`([^`\n]+)`/g), map { $_->[2] } @blocks;
my $things = $node->safe_psql('postgres', q{
	SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
	WHERE n.nspname LIKE 'ledger\_agents%' AND p.proname NOT IN ('current_spend', 'current_card_spend', 'refuse_change', 'forget_tenants', 'write_view', 'keep_money')
	UNION
	SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE n.nspname LIKE 'ledger\_agents%' AND c.relkind IN ('r', 'v')
	UNION
	SELECT name FROM pg_settings WHERE name LIKE 'ledger\_agents.%'
	UNION
	SELECT e.enumlabel FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid
	WHERE t.typname IN ('spending_frequency', 'window_mode', 'limit_exceeded_action', 'event_type', 'access_level')});
my @missing = grep { !$named{$_} } split /\n/, $things;
is(join(' ', @missing), '', 'everything that can be called, read or set is named');

# The tests that SECURITY.md names are there.
my @named_tests;
for my $list (slurp_file('SECURITY.md') =~ /((?:`(?:specs|pgtap|sql|t)\/\w+`(?: `\w+`)*(?:, )?)+)/g)
{
	my $group;
	for my $name ($list =~ /`([\w\/]+)`/g)
	{
		$group = $1 if $name =~ s/^(\w+)\///;
		push @named_tests, "test/$group/$name";
	}
}
cmp_ok(scalar @named_tests, '>', 20, 'SECURITY.md names tests');
is(join(" ", grep { my $test = $_; !grep { -e "$test.$_" } qw(pl sql spec) } @named_tests), "", "which are there");

$node->stop;
done_testing();
