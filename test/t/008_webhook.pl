# Does the example sender deliver every event, signed, and in order for each agent, to a receiver that often fails?
#
# The receiver, seeded, refuses, redirects, hangs up before it has answered, or takes an event and then hangs up. It
# takes nothing of one agent until it has everything of the others. The sender is ended in the middle and started again.
use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use IO::Socket::INET;
use IPC::Run qw(start finish timeout);
use JSON::PP;
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

use constant SECRET => 'whsec_canary_7c1e';
use constant SEED => 8;
use constant CHANGES => 5;

my $python = '/usr/bin/python3';

my $node = PostgreSQL::Test::Cluster->new('webhook');
$node->init;
# Parameters are not logged, as the README asks for.
$node->append_conf('postgresql.conf', "timezone = 'UTC'\nlog_parameter_max_length = 0\n");
$node->start;
my @agents = map { "agent $_" } 1 .. 6;
$node->safe_psql('postgres', join '', 'CREATE EXTENSION ledger_agents;',
	(map { "SELECT ledger_agents.register_agent('$_', 'c');" } @agents));
# Rounds, so that the events of an agent stand among those of the others.
for my $n (1 .. CHANGES)
{
	$node->safe_psql('postgres', join '', map {
		"SELECT ledger_agents.update_agent(id, '{\"name\": \"ünï $n\"}') FROM ledger_agents.agents WHERE external_id = '$_';"
	} @agents);
}
my $late = $node->safe_psql('postgres', "SELECT id FROM ledger_agents.agents WHERE external_id = 'agent 1'");
my $total = @agents * (2 + CHANGES);
my $others = $total - 2 - CHANGES;
my $log = PostgreSQL::Test::Utils::tempdir . '/received';
append_to_file($log, '');

# One request after the other; a line of the log for each: what was answered, whether the signature holds, and the body.
sub receive
{
	my ($listener) = @_;
	my %taken;

	srand(SEED);
	while (my $peer = $listener->accept)
	{
		my ($head, $body) = ('', '');
		$head .= $_ while defined($_ = <$peer>) && !/^\r?\n$/;
		my ($length) = $head =~ /^Content-Length: (\d+)/mi or next;
		# A sender that was ended in the middle leaves half a request.
		(read($peer, $body, $length) // 0) == $length or next;
		my ($t, $v1) = $head =~ /^Webhook-Signature: t=(\d+),v1=([0-9a-f]{64})\r?$/mi;
		my $signed = defined $t && abs(time - $t) <= 300 && $v1 eq hmac_sha256_hex("$t.$body", SECRET);
		my $event = decode_json($body);
		my $draw = rand;
		my $status =
		    $event->{data}{agentId} eq $late && keys %taken < $others ? 503
		  : $draw < 0.10 ? 500
		  : $draw < 0.20 ? 0
		  : $draw < 0.25 ? 302
		  : $draw < 0.40 ? 299
		  : 204;
		$taken{ $event->{id} } = 1 if $status == 204 && $event->{data}{agentId} ne $late;
		append_to_file($log, join("\t", $status, $signed ? 'signed' : 'not signed', $body) . "\n");
		# 299: taken, but the sender is not told.
		print $peer "HTTP/1.1 $status Answer\r\nContent-Length: 0\r\n"
		  . ($status == 302 ? "Location: /elsewhere\r\n" : '') . "Connection: close\r\n\r\n"
		  if $status != 0 && $status != 299;
		close $peer;
	}
}

my $listener = IO::Socket::INET->new(Listen => 10, LocalAddr => '127.0.0.1', LocalPort => 0) or die "cannot listen: $!";
my $port = $listener->sockport;
my $receiver = fork // die "cannot fork: $!";
if ($receiver == 0)
{
	# From 18 on the helpers handle this signal, by ending the server.
	$SIG{TERM} = 'DEFAULT';
	# Nor does it wait for the answer.
	$SIG{PIPE} = 'IGNORE';
	receive($listener);
	POSIX::_exit(0);
}
close $listener;

my $errors = '';

sub sender
{
	my (@options) = @_;
	local $ENV{WEBHOOK_SECRET} = SECRET;
	return start(
		[ $python, 'example/webhook/sender.py', "http://127.0.0.1:$port/hook", '--database', $node->connstr('postgres'), @options ],
		'>', \my $out, '2>>', \$errors, timeout($PostgreSQL::Test::Utils::timeout_default));
}

sub received
{
	return map { [ split /\t/ ] } split /\n/, slurp_file($log);
}

my @often = ('--interval', '0.02', '--retries', join(',', ('0.02') x 500), '--until-empty');

my $sender = sender(@often);
for (1 .. 1000 * $PostgreSQL::Test::Utils::timeout_default)
{
	last if received() >= 12;
	usleep(1000);
}
$sender->signal('TERM');
finish($sender);
my $before = received();
cmp_ok($before, '>=', 12, 'it had begun when it was ended');
finish(sender(@often));

my @received = received();
my (%taken, %tried, @too_early, $repeated);
my %positions = map { split /\|/ } split /\n/, $node->safe_psql('postgres', 'SELECT event_id, position FROM ledger_agents.event_positions');
my %last;
for my $request (@received)
{
	my ($status, $signed, $body) = @$request;
	my $event = decode_json($body);
	my ($id, $agent) = ($event->{id}, $event->{data}{agentId});

	# When an event comes for the first time, the earlier ones of its agent have been taken.
	push @too_early, $body if !$tried{$id}++ && grep { !$taken{$_} } @{ $last{$agent} || [] };
	push @{ $last{$agent} }, $id if $tried{$id} == 1;
	$repeated++ if $taken{$id};
	$taken{$id}++ if $status == 204 || $status == 299;
}
is(scalar(keys %taken), $total, 'every event was taken');
is(scalar(grep { $_->[1] ne 'signed' } @received), 0, 'every request was signed');
is_deeply(\@too_early, [], 'none came before an earlier one of its agent was taken');
is(scalar(grep { my @p = map { $positions{$_} } @$_; "@p" ne join(' ', sort { $a <=> $b } @p) } values %last), 0, 'they came in order of their positions');
cmp_ok(scalar(grep { $_->[0] != 204 } @received), '>', 10, 'the receiver failed often');
cmp_ok($repeated, '>', 0, 'what was taken without an answer came again');
is($node->safe_psql('postgres', 'SELECT waiting FROM ledger_agents.list_event_consumers()'), '0', 'everything is acknowledged');

# A receiver that is gone, and an event that is given up: the rest goes on.
kill 'TERM', $receiver;
waitpid $receiver, 0;
$errors = '';
$node->safe_psql('postgres', "SELECT ledger_agents.update_agent('$late', '{\"name\": \"nobody hears\"}')");
finish(sender('--interval', '0.02', '--retries', '0.01,0.01', '--until-empty'));
like($errors, qr/given up after 3 attempts: .*nobody hears/, 'what fails to the end is given up, and printed');
is($node->safe_psql('postgres', 'SELECT waiting FROM ledger_agents.list_event_consumers()'), '0', 'and acknowledged');
unlike($errors . slurp_file($node->logfile), qr/whsec_canary/, 'the secret is in no message');
is($node->safe_psql('postgres', 'SELECT * FROM ledger_agents.check_invariants()'), '', 'the books are right');

$node->stop;
done_testing();
