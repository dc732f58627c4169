# Does the page of example/console show one organization truly, and do what its buttons say, in a real browser?
#
# console.mjs tells the story: it drives the browser, and asks here for what the database says, and for PostgREST to be
# stopped and started. Pictures of every state go to screenshots/.
use strict;
use warnings;

use Encode qw(encode);
use HTTP::Tiny;
use IPC::Run ();
use JSON::PP;
use PostgREST;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

use constant CHROMIUM => '/usr/bin/chromium';

plan skip_all => PostgREST::missing() if PostgREST::missing();
plan skip_all => 'no playwright-core: npm could not be reached when the tests were set up' unless -d 'example/node_modules/playwright-core';
plan skip_all => 'no ' . CHROMIUM unless -x CHROMIUM;

my $json = JSON::PP->new->canonical->utf8->allow_nonref;
my @started;

# Also where the test dies.
END
{
	local $?;
	$_->kill_kill(grace => 5) for @started;
}

my $node = PostgreSQL::Test::Cluster->new('console');
$node->init;
$node->append_conf('postgresql.conf', "timezone = 'UTC'\nfsync = off\n");
$node->start;
$node->safe_psql('postgres', slurp_file('test/t/console.sql'));
my $http = PostgREST->start($node);

# The page, as the README of the example serves it.
my $port = PostgreSQL::Test::Cluster::get_free_port();
my $served = '';
push @started, IPC::Run::start([ '/usr/bin/python3', '-m', 'http.server', $port, '--bind', '127.0.0.1', '--directory', 'example/console' ],
	'<', \undef, '>&', \$served);
my $page = "http://127.0.0.1:$port";
for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
{
	last if HTTP::Tiny->new(timeout => 5)->head("$page/")->{success};
	usleep(100_000);
}

mkdir 'screenshots';
my ($in, $out, $errors) = ('', '', '');
my $browser = IPC::Run::start([ 'node', 'test/t/console.mjs' ], '<', \$in, '>', \$out, '2>', \$errors,
	IPC::Run::timeout(2 * $PostgreSQL::Test::Utils::timeout_default));
push @started, $browser;

my %answers = (
	sql => sub { $node->safe_psql('postgres', shift) },
	stop => sub { $http->stop; '' },
	start => sub { $http = PostgREST->start($node, PGRST_SERVER_PORT => $http->{port}); '' });

sub answer_it
{
	$in .= $json->encode(shift) . "\n";
	$browser->pump_nb;
	return;
}

answer_it({ page => $page, api => $http->url, chromium => CHROMIUM, pictures => 'screenshots' });
my $done = 0;
my $ended = eval {
	while (!$done)
	{
		$browser->pump until $out =~ /\n/ || !$browser->pumpable;
		$out =~ s/\A(.*)\n// or last;
		my $message = $json->decode($1);
		if (exists $message->{check})
		{
			# In bytes, since what prints it would die of a wide character.
			ok($message->{ok}, encode('UTF-8', $message->{check})) or diag($json->encode($message->{found}));
		}
		elsif (exists $message->{done})
		{
			$done = 1;
		}
		else
		{
			answer_it($answers{ $message->{ask} }->($message->{with}));
		}
	}
	1;
};
ok($ended && $done, 'the story was told to its end') or diag($@ // '', $errors);

is($node->safe_psql('postgres', 'SELECT * FROM ledger_agents.check_invariants()'), '', 'the books are right');
$_->kill_kill(grace => 5) for splice @started;
$http->stop;
$node->stop;
done_testing();
