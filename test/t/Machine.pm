# A machine for a server: its disk fills up, its clock is set, its processes die where they are told to. See machine.c.
package Machine;

use strict;
use warnings;

use Config;
use File::Basename qw(dirname);
use PostgreSQL::Test::Utils;

# As in machine.c.
use constant { DATA => 1, WAL => 2, STATISTICS => 4 };
use constant { NEVER => 0, BEFORE => 1, HALFWAY => 2, AFTER => 3 };
use constant { FULL => 0, DEATH => 1, COUNTDOWN => 2, OFFSET => 3, REFUSED => 4, DIED => 5 };

# Why there is none, or undef.
sub missing
{
	return $^O eq 'linux' && $Config{ptrsize} == 8 ? undef : 'the machine is for 64-bit Linux';
}

sub new
{
	my ($class) = @_;
	my $directory = PostgreSQL::Test::Utils::tempdir;
	my $self = bless { control => "$directory/control", library => "$directory/machine.so" }, $class;

	PostgreSQL::Test::Utils::system_or_bail('cc', '-O1', '-shared', '-fPIC', '-o', $self->{library}, dirname(__FILE__) . '/machine.c', '-ldl');
	open my $handle, '+>', $self->{control} or die "cannot make $self->{control}: $!";
	binmode $handle;
	$self->{handle} = $handle;
	$self->set($_, 0) for FULL .. DIED;
	return $self;
}

# A server that is started in here runs on this machine, and so does what it starts.
sub around
{
	my ($self, $do) = @_;

	local $ENV{MACHINE_CONTROL} = $self->{control};
	local $ENV{LD_PRELOAD} = $self->{library};
	return $do->();
}

sub set
{
	my ($self, $what, $value) = @_;

	sysseek $self->{handle}, 8 * $what, 0;
	syswrite($self->{handle}, pack 'q', $value) == 8 or die "cannot write: $!";
	return;
}

sub get
{
	my ($self, $what) = @_;

	sysseek $self->{handle}, 8 * $what, 0;
	sysread($self->{handle}, my $bytes, 8) == 8 or die "cannot read: $!";
	return unpack 'q', $bytes;
}

# No room any more for files of these kinds; 0: for all there is.
sub fill
{
	my ($self, $kinds) = @_;

	$self->set(FULL, $kinds);
	return;
}

# How often there was no room.
sub refused
{
	my ($self) = @_;

	return $self->get(REFUSED);
}

# The process that writes WAL for the nth time from now on dies there.
sub let_die
{
	my ($self, $point, $nth) = @_;

	$self->set(COUNTDOWN, $nth);
	$self->set(DEATH, $point);
	return;
}

# How many have.
sub died
{
	my ($self) = @_;

	return $self->get(DIED);
}

# The clock is that many seconds ahead, or behind.
sub set_clock
{
	my ($self, $seconds) = @_;

	$self->set(OFFSET, int($seconds * 1_000_000));
	return;
}

1;
