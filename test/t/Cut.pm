# A way to a server on which some of its answers get lost: the server has given them, the client finds its connection cut.
package Cut;

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use POSIX ();

# To a port of this machine. Answers that match the pattern are counted, and those with the given numbers are lost.
sub start
{
	my ($class, $port, $pattern, @numbers) = @_;
	my $listener = IO::Socket::INET->new(Listen => 20, LocalAddr => '127.0.0.1', LocalPort => 0) or die "cannot listen: $!";
	my $self = bless { port => $listener->sockport, parent => $$ }, $class;

	$self->{pid} = fork // die "cannot fork: $!";
	if ($self->{pid} == 0)
	{
		eval { relay($self->{parent}, $listener, $port, $pattern, map { $_ => 1 } @numbers) };
		POSIX::_exit(1);
	}
	return $self;
}

sub port
{
	my ($self) = @_;

	return $self->{port};
}

# Until the parent is gone. Each socket has a peer; what comes from one goes to the other.
sub relay
{
	my ($parent, $listener, $port, $pattern, %lost) = @_;
	my $select = IO::Select->new($listener);
	my (%peer, %is_server);
	my $answers = 0;

	local $SIG{PIPE} = 'IGNORE';
	while (getppid == $parent)
	{
		for my $from ($select->can_read(1))
		{
			if ($from == $listener)
			{
				my $client = $listener->accept or next;
				my $server = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or next;
				@peer{ $client, $server } = ($server, $client);
				$is_server{$server} = 1;
				$select->add($client, $server);
				next;
			}
			# Gone in this very round.
			my $to = delete $peer{$from} or next;
			my $length = sysread $from, my $bytes, 65536;
			if ($length && !($is_server{$from} && $bytes =~ $pattern && $lost{ ++$answers }) && $to->syswrite($bytes))
			{
				$peer{$from} = $to;
				next;
			}
			delete @peer{ $from, $to };
			delete @is_server{ $from, $to };
			$select->remove($from, $to);
			close $_ for $from, $to;
		}
	}
}

sub stop
{
	my ($self) = @_;
	my $pid = delete $self->{pid};

	return unless $pid && $$ == $self->{parent};
	kill 'KILL', $pid;
	waitpid $pid, 0;
	return;
}

sub DESTROY
{
	my ($self) = @_;

	local ($?, $!);
	$self->stop;
	return;
}

1;
